"""Which commands have HDF5 read in a cell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from h5s3.cell.allowed import strict, wanted
from h5s3.errors import H5s3Error

if TYPE_CHECKING:
    from h5s3.cell.host import Cell
    from h5s3.settings import Settings

COMMANDS = ("tree", "meta", "preview", "du", "get", "doctor")
GUARD = "H5S3_GUARD"  # 0: all in one process, unless there is a word on cells
_made: list[Cell] = []
_used: list[bool] = []  # holds something in a process that is a command, not a program that runs one


def use() -> None:
    """From now on give this command a cell, if it is one of those."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS and wanted(os.environ.get(GUARD)):
        _used.append(True)


def cell(settings: Settings, debug: bool) -> Cell | None:
    """The cell of this command; None where it has none."""
    if not _used:
        return None
    if not _made:
        from h5s3.cell.host import Cell

        _made.append(Cell(settings.max_bytes or 0, debug, strict()))
    return _made[0]


def begin(told: Callable[[], Settings], place: object, debug: bool) -> None:
    """Start the cell where the cache cannot have an answer, so that both processes load what they need at
    the same time. `told`: gives the settings; `place`: a LOCATION.
    """
    if not _used or not isinstance(place, str):
        return
    settings = told()
    if settings.offline:
        return
    from h5s3.cache import Cache
    from h5s3.storage.head_cache import HeadCache
    from h5s3.storage.location import parse_location
    from h5s3.storage.trace import Trace

    try:
        location = parse_location(place, settings.bucket)
    except H5s3Error:
        return  # who asks for it says why
    if location.kind == "local" or not location.key:
        return
    location = replace(location, version_id=settings.version_id)
    with closing(Cache(enabled=not settings.no_cache)) as cache:
        known = HeadCache(cache, settings, Trace()).knows(location)
    made = None if known else cell(settings, debug)
    if made is not None:
        made.start(settings.plugins)
