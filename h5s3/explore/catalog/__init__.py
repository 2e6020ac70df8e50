"""The metadata of many files as Parquet, questions in SQL about it, and what of it falls out of line."""
