"""Tables: Parquet, Delta, Iceberg and Hudi."""
