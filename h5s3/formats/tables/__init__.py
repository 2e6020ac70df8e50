"""Tables: Parquet and Delta."""
