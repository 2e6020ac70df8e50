"""Explore HDF5 files in S3-compatible object storage.

From Python: `h5s3.open(location)` gives a read-only `h5py.File`, for `with` or to be kept, `h5s3.get` values
as a NumPy array or in a file, `h5s3.refs` and `h5s3.convert` write references and Zarr stores; `h5s3.ls`,
`tree`, `meta`, `preview`, `find`, `du`, `diff`, `bench` and `doctor` return the records that the commands
print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Location",
    "bench",
    "catalog_build",
    "catalog_check",
    "catalog_query",
    "convert",
    "diff",
    "doctor",
    "du",
    "find",
    "get",
    "ls",
    "meta",
    "open",
    "preview",
    "refs",
    "tree",
]

if TYPE_CHECKING:
    from h5s3.api import (
        Location,
        bench,
        catalog_build,
        catalog_check,
        catalog_query,
        convert,
        diff,
        doctor,
        du,
        find,
        get,
        ls,
        meta,
        open,
        preview,
        refs,
        tree,
    )


def __getattr__(name: str) -> Any:
    """Load the functions when they are first used: the command line needs none of them to start."""
    if name in __all__:
        from h5s3 import api

        return getattr(api, name)
    raise AttributeError(f"module 'h5s3' has no attribute {name!r}")
