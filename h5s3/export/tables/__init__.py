"""Rows of tables, as Arrow has them, into files."""
