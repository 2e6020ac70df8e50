"""Columns of tables: coordinates of dimensions, and what groups hold side by side."""
