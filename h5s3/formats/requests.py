"""What is asked of a file: one typed request for each question. It is also the key of its cached answer."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from h5s3.errors import UsageError


def absolute(path: str) -> str:
    """A path inside a file, from its root: `entry`, `/entry` and `/entry/` are the same.

    Raises `UsageError` for what is a location.
    """
    if re.match(r"[a-z][a-z0-9]*://", path):
        raise UsageError(f"PATH is a path inside the file, and {path} is another LOCATION", hint="give one")
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


@dataclass(frozen=True)
class Request:
    """What all requests have: the path of an object, made absolute."""

    path: str = "/"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", absolute(self.path))

    def key(self) -> dict[str, Any]:
        """All that an answer depends on beside the object, as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class TreeRequest(Request):
    """Up to `depth` levels below the path (0: all), `limit` children of each group (0: all), those of the
    path itself from the one with the number `first` on."""

    depth: int = 1
    limit: int = 100
    first: int = 0
    attributes: bool = False
    values: bool = False  # of small datasets
    all_attributes: bool = False  # not only the first, and also those that conventions use inside
    stored: bool = False  # bytes of datasets
    partitions: bool = False  # of a table
    view: str = "plain"  # also what the group is by this convention, of VIEWS
    view_levels: int | None = None  # of that (0: all; None: as many as suit it)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view not in VIEWS:
            raise UsageError(f"--view is one of {', '.join(VIEWS)}")
        if min(self.depth, self.limit, self.first) < 0:
            raise UsageError("depth, limit and first are not negative")


VIEWS = ("auto", "plain", "netcdf", "nexus", "anndata", "nwb", "pytables", "pandas", "matlab", "keras")


@dataclass(frozen=True)
class MetaRequest(Request):
    """One object in full, with its first attributes, all of them, or just one; and up to `chunks` places of
    chunks."""

    attribute: str | None = None
    all_attributes: bool = False
    chunks: int = 0
    history: bool = False  # of a table: its versions
    files: int | None = None  # of a table: so many of its files (0: all), or row groups
    versions: int = 0  # of its history: so many, the newest ones (0: all)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.versions < 0 or (self.files or 0) < 0:
            raise UsageError("a limit is not negative")


@dataclass(frozen=True)
class UsageRequest(Request):
    """What the objects up to `depth` levels below the path (0: all) take; `limit` entries (0: all)."""

    depth: int = 1
    limit: int = 20
    sort: str = "stored"
    partitions: bool = False  # of a table, in place of its columns

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth < 0 or self.limit < 0:
            raise UsageError("depth and limit are not negative")
        if self.sort not in USAGE_ORDERS:
            raise UsageError(f"--sort is one of {', '.join(USAGE_ORDERS)}")


USAGE_ORDERS = ("stored", "logical", "ratio", "name")


@dataclass(frozen=True)
class OutlineRequest(Request):
    """Everything below the path but data, to be compared."""


@dataclass(frozen=True)
class ReferencesRequest(Request):
    """References to all chunks of a file. Datasets of up to `inline` stored bytes are written into them;
    for what must be, at most `max_bytes` of raw data are read. `concat`: a dimension along which files are to
    be joined: its coordinates are decoded, and what does not have it gets a digest."""

    inline: int = 500
    max_bytes: int | None = None
    concat: str | None = None
