"""Parquet: one file, or all files below a prefix."""
