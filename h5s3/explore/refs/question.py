"""What is asked of each file: a process that reads it loads nothing else for it."""

from __future__ import annotations

from h5s3.errors import UsageError
from h5s3.formats.base import Contents, Referable
from h5s3.formats.requests import ReferencesRequest
from h5s3.records import FileReferences


def file_references(contents: Contents, asked: ReferencesRequest) -> FileReferences:
    """What references say of a file. Raises `UsageError` for a format that has none."""
    if not isinstance(contents, Referable):
        raise UsageError("references are made of HDF5 files: this is not one", hint="Zarr needs none")
    return contents.references(asked)
