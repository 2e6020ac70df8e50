"""Explore HDF5 files in S3-compatible object storage."""

__version__ = "0.1.0"
