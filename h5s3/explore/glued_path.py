"""A location that is not there, because it is a file with a path inside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from shlex import quote

from h5s3.errors import H5s3Error, NotFoundError
from h5s3.storage.base import Store
from h5s3.storage.location import Location

MOST_FILES = 2  # that a location is tried as, with a path inside them


def with_path(location: Location, error: NotFoundError, store: Callable[[Location], Store]) -> NotFoundError:
    """The error for a location that is not there, which may be a file with a path inside it."""
    parts = location.key.split("/") if location.kind in ("s3", "local") else []
    named = [at for at, part in enumerate(parts[:-1], 1) if "." in part.strip(".")]
    for at in named[:MOST_FILES]:
        file, path = replace(location, key="/".join(parts[:at])), "/" + "/".join(parts[at:])
        try:
            store(location).head(file)
        except H5s3Error:
            continue
        what = "file" if location.kind == "local" else "object"
        cause = f"no such {what}: PATH, inside a file, is an argument of its own"
        hint = f"try: h5s3 tree {quote(file.display)} {quote(path)}"
        return NotFoundError(cause, location=location.display, hint=hint)
    return error
