"""All of a file but its data, into a new file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from h5s3.errors import RefusedError
from h5s3.records import Get, GetStructure
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.formats.base import Contents


def get_structure(
    location: Location, contents: Contents, output: str, overwrite: bool, tell: Callable[[], object]
) -> Get:
    """Write groups, links, datasets as they are defined, and attributes; the receipt.

    Its notes name what cannot be copied. `tell` is called as it goes on. Raises `RefusedError` for what is no
    HDF5 file.
    """
    from h5s3.export.atomic_file import atomic_write, check_target, write_errors
    from h5s3.export.h5_structure import structure_of

    check_target(output, overwrite)
    copy = structure_of(contents, tell)
    if copy is None:
        raise RefusedError("only an HDF5 file can be copied without its data")
    with write_errors(output), atomic_write(output, overwrite) as (stream, _):
        copy.write(stream)
        size = os.fstat(stream.fileno()).st_size
    counts = {f"{name}s": copy.counts[name] for name in ("group", "dataset", "datatype", "link", "attribute")}
    found = Get(
        location=location.display,
        key=location.shown_key,
        etag=copy.file.info.etag,
        path="/",
        dtype="",
        shape=[],
        selection="()",
        selected_shape=[],
        format="h5",
        output=output,
        size=0,
        nbytes=0,
        file_bytes=size,
        structure=GetStructure(**counts),
    )
    if copy.left:
        found.notes = copy.left
    return found
