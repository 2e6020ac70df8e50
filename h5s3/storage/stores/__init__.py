"""The storages: S3, web, local files, and what fsspec reads."""
