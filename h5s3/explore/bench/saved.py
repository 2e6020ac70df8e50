"""A benchmark in a file: written whole or not at all, and read back as what anybody may have made."""

from __future__ import annotations

import math
import os
import stat
from itertools import chain

from h5s3.errors import UsageError
from h5s3.export.atomic_file import appearing, said
from h5s3.records import UNSET, Bench, Named, Samples, from_json, to_json

LARGEST = 64 << 20  # bytes of an earlier document
SCHEMA = "h5s3/bench/1"
KIND = "h5s3/bench/"


def check_place(path: str) -> None:
    """Raises before anything is measured where a document cannot be written there.

    A file that is there is replaced only if it is a benchmark of ours: nothing else is worth so little.
    """
    with said(path):
        real = os.path.realpath(path)
        folder = os.path.dirname(real)
        if not os.path.isdir(folder):
            raise UsageError("no such folder", location=os.path.dirname(path) or ".")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError("the folder cannot be written to", location=path)
        if not os.path.lexists(real):
            return
    try:
        schema = _schema(_content(path))
    except UsageError:
        schema = ""
    if not schema.startswith(KIND):
        raise UsageError(
            "the file exists and is no benchmark of h5s3, so it is not replaced",
            location=path,
            hint="choose another name",
        )


def save(document: Bench, path: str) -> None:
    """Write the document, all at once; what is there is replaced under the same rule as in `check_place`."""
    check_place(path)
    with appearing(os.path.realpath(path), overwrite=True) as (stream, _):
        stream.write(to_json(document) + b"\n")


def earlier(path: str) -> Bench:
    """The document of an earlier run. Raises `UsageError` for anything else."""
    data = _content(path)
    schema = _schema(data)
    if schema != SCHEMA:
        what = f"its schema is {schema!r}" if schema else "it names no schema"
        raise UsageError(
            f"not a benchmark that this release can read: {what}, not {SCHEMA!r}",
            location=path,
            hint="write one with: h5s3 bench --save",
        )
    try:
        document = from_json(data, Bench)
    except (ValueError, RecursionError):
        document = None
    sized = document is not None and 0 <= document.object_size < 1 << 63
    if document is None or not sized or not all(map(_consistent, document.samples)):
        raise UsageError("a damaged benchmark, or one of another release", location=path)
    return document


def _content(path: str) -> bytes:
    """The bytes of a regular file of a bounded size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError("not a regular file", location=path)
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(LARGEST + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise UsageError("no such file", location=path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a name of a file"
        raise UsageError(f"cannot be read: {reason}", location=path) from None
    if len(data) > LARGEST:
        raise UsageError(f"larger than {LARGEST >> 20} MiB: not a benchmark of h5s3", location=path)
    return data


def _schema(data: bytes) -> str:
    try:
        return from_json(data, Named).schema[:100]
    except (ValueError, RecursionError):
        return ""


def _consistent(samples: Samples) -> bool:
    """Whether the raw values can be what they say: as many as there are, none of them negative."""
    lists = [samples.started]
    lists += [] if samples.first_byte_seconds is UNSET else [samples.first_byte_seconds]
    values = chain(samples.seconds, *lists)
    whole = all(len(one) == len(samples.seconds) for one in lists)
    return whole and samples.size >= 0 and all(math.isfinite(value) and 0 <= value < 1e9 for value in values)
