"""The files that the benchmarks read, by the name of their shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support import shapes

MAKERS: dict[str, Callable[[Path, int], Path]] = {
    "v1": lambda path, scans: shapes.scattered(path, scans=scans),
    "latest": lambda path, scans: shapes.scattered(path, libver="latest", scans=scans),
    "paged": lambda path, scans: shapes.scattered(path, libver="latest", page=shapes.MIB, scans=scans),
    "wide": lambda path, scans: shapes.wide(path, count=50 * scans),
    "deep": lambda path, scans: shapes.deep(path, depth=max(2, 3 * scans // 10)),
}
DESCRIBED = {
    "v1": "scans scattered over a file of the earliest format",
    "latest": "scans scattered over a file of the latest format",
    "paged": "the same scans in a paged file (pages of 1 MiB)",
    "wide": "small datasets in one group",
    "deep": "groups in groups",
}


def make(shape: str, folder: Path, scans: int = shapes.SCANS) -> Path:
    """The file of a shape, made in `folder`. `scans` scales every shape; 200 is the size that is budgeted."""
    return MAKERS[shape](folder / f"{shape}.h5", scans)
