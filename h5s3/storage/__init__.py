"""Objects and their bytes: locations, S3, https, local files, fsspec; request tracing."""
