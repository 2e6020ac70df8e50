"""A folder of references that appears when it is complete."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from h5s3.errors import H5s3Error, UsageError
from h5s3.export.atomic_file import write_errors

SOURCES = "h5s3.json"  # in a folder of references: what their objects were
MARKS = (".zmetadata", SOURCES)  # in folders that may be replaced


def check_folder(path: str, overwrite: bool) -> None:
    """Raises before anything is fetched where the folder cannot be put there.

    Only a folder that holds references is replaced.
    """
    with write_errors(path):
        above = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(above):
            raise UsageError(f"no folder {above}", location=path, hint="create it, or choose another with -o")
        if not os.path.lexists(path):
            if not os.access(above, os.W_OK | os.X_OK):
                raise H5s3Error(f"the folder {above} cannot be written to", location=path)
            return
        if not overwrite:
            raise UsageError("the folder exists", location=path, hint="replace it with --overwrite")
        if os.path.islink(path) or not any(os.path.isfile(os.path.join(path, name)) for name in MARKS):
            raise UsageError("no references are in it: it is not replaced", location=path)


@contextmanager
def atomic_folder(path: str, overwrite: bool) -> Iterator[str]:
    """A new folder beside its place, which it takes when the block is done; whatever is raised in the block,
    nothing is left of it. Raises `OSError` where it cannot be written."""
    above, name = os.path.split(os.path.abspath(path))
    made = os.path.join(above, f".{name[:40]}.{os.getpid()}-{secrets.token_hex(8)}.part")
    try:
        os.mkdir(made, 0o777)
        yield made
        if overwrite and os.path.lexists(path):
            old = f"{made}.old"
            os.rename(path, old)
            os.rename(made, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(made, path)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def folder_bytes(path: str) -> int:
    """Bytes of all files below a folder."""
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path) for name in names)
