"""Delta: a log of commits and checkpoints, and the Parquet files that they name."""
