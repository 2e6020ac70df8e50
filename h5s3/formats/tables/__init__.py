"""Tables: Parquet, Delta and Iceberg."""
