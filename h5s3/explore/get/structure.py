"""All of a file but its data, into a new file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from h5s3.errors import RefusedError
from h5s3.records import Get, GetStructure

if TYPE_CHECKING:
    from h5s3.explore.get.transfer import Outside
    from h5s3.formats.base import Contents


def copy_structure(contents: Contents, output: str, outside: Outside) -> Get:
    """Write groups, links, datasets as they are defined, and attributes; the receipt, without a location.

    Its notes name what cannot be copied. Raises `RefusedError` for what is no HDF5 file.
    """
    from h5s3.export.h5_structure import structure_of

    outside.check(output)
    copy = structure_of(contents, lambda: outside.progress((output, 0.0)))
    if copy is None:
        raise RefusedError("only an HDF5 file can be copied without its data")
    with os.fdopen(outside.file(output), "w+b") as stream:
        copy.write(stream)
    counts = {f"{name}s": copy.counts[name] for name in ("group", "dataset", "datatype", "link", "attribute")}
    found = Get(
        location="",
        key="",
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
        structure=GetStructure(**counts),
    )
    if copy.left:
        found.notes = copy.left
    return found
