"""The JSON documents of a store, which strangers wrote: bounded in size and depth, safe as text."""

from __future__ import annotations

from h5s3.errors import RefusedError
from h5s3.formats.encoding import documents
from h5s3.formats.encoding.documents import Fields
from h5s3.sizes import MIB

LARGEST = 4 * MIB  # bytes of the document of one group or array
LARGEST_OF_ALL = 64 * MIB  # of one that holds those of all


def parsed(data: bytes, name: str, most: int = LARGEST) -> Fields:
    """A document as a dictionary. Raises `DamagedError`, and `RefusedError` for one that is too large."""
    if len(data) > most:
        raise RefusedError(f"{name} is larger than {most // MIB} MiB")
    return documents.parsed(documents.text_of(data, name), name)
