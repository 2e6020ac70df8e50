"""The tables of a catalog as Parquet."""
