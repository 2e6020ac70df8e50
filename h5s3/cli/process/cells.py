"""Which commands have files read in a cell, and the start of it before anything else is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h5s3.cell.allowed import strict, wanted
from h5s3.errors import H5s3Error

if TYPE_CHECKING:
    from h5s3.cache import Cache
    from h5s3.cell.host import Cell
    from h5s3.cell.process import Process
    from h5s3.settings import Settings

COMMANDS = (
    "tree",
    "meta",
    "preview",
    "browse",
    "find",
    "du",
    "diff",
    "get",
    "doctor",
    "refs",
    "convert",
    "catalog",
    "bench",
)
FRESH = ("refs", "convert")  # whose answers no cache has
ELSEWHERE = (["catalog", "query"],)  # commands that read tables alone
WRITTEN = {"refs": ("h5s3.explore.refs.writing",)}  # modules with which answers are written to files
DRAWN = {  # where it is not the one that is called like the command
    "browse": "h5s3.render.preview",
    "catalog": "h5s3.render.many.catalog",
    "diff": "h5s3.render.many.diff",
    "refs": "h5s3.render.zarr.refs",
    "convert": "h5s3.render.zarr.convert",
}
NAMED = (
    "profile",
    "endpoint_url",
    "region",
    "env_file",
    "version_id",
    "version",
    "max_bytes",
    "follow_prefix",
)  # options with a value
FLAGS = (
    "anon",
    "request_payer",
    "insecure",
    "no_cache",
    "refresh",
    "offline",
    "plugins",
    "debug",
    "follow",
    "follow_external",
)
_made: list[Cell] = []
_begun: list[Process] = []
_caches: list[Cache] = []
_used: list[bool] = []  # holds something in a process that is a command, not a program that runs one


def reads() -> bool:
    """Whether this command reads files. From now on it is given a cell then, unless there is to be none."""
    found = bool(sys.argv[1:2]) and sys.argv[1] in COMMANDS
    if found and sys.argv[1:3] not in ELSEWHERE and wanted():
        _used.append(True)
    return found


def _many(place: str | None) -> bool:
    """Whether a location means many files: what the cache has of them is known when they are listed."""
    return place is not None and (place.endswith("/") or any(mark in place for mark in "*?["))


def _times() -> bool:
    """Whether the command is one that measures requests alone."""
    return sys.argv[1] == "bench" and "--compare" not in sys.argv


def used() -> bool:
    """Whether this command has a cell."""
    return bool(_used)


def limited(work: Callable[[], int]) -> int:
    """Do the work of a command with a cell, with limits on what this process may take; the exit code."""
    from h5s3.cell import limits

    try:
        limits.seconds()  # of the cell: what is wrong with them is said before anything is asked
        limits.limit(limits.memory(), None)
    except H5s3Error as error:
        from h5s3.render.diagnostics import show_error

        show_error(error)
        return error.exit_code
    return work()


def cell(settings: Settings, debug: bool) -> Cell | None:
    """The cell of this command; None where it has none."""
    if not used():
        return None
    if not _made:
        from h5s3.cell.host import Cell

        _made.append(Cell(settings.max_bytes or 0, debug, strict()))
        for process in _begun:
            _made[0].adopt(process)
        _made[0].meanwhile = _load_what_follows
    return _made[0]


def _load_what_follows() -> None:
    """Load what the answer is written or drawn with."""
    drawn = () if "--json" in sys.argv else (DRAWN.get(sys.argv[1], f"h5s3.render.{sys.argv[1]}"),)
    for name in (*WRITTEN.get(sys.argv[1], ()), *drawn):
        with suppress(ImportError):
            getattr(import_module(name), "load", lambda: None)()


def cache(settings: Settings) -> Cache | None:
    """The cache, where it was opened already."""
    return _caches.pop() if _caches and _caches[0].enabled is not settings.no_cache else None


def begin() -> None:
    """Start the cell where the cache cannot have the answer, so that both processes load what they need at
    the same time. The command line is looked at, and not understood: what is wrong with it is said later.
    """
    if not used():
        return
    from h5s3.settings import from_environment
    from h5s3.sizes import parse_size

    given = _options(sys.argv[2:])
    place = next((word for word in sys.argv[2:] if "://" in word and word not in given.values()), None)
    fresh = sys.argv[1] in FRESH
    local = fresh and any(os.path.isfile(word) for word in sys.argv[2:3])
    if (place is None and not local) or "offline" in given or _many(place) or _times():
        return
    file, debug = given.pop("env_file", None), bool(given.pop("debug", False))
    try:
        if "max_bytes" in given:
            given["max_bytes"] = parse_size(given["max_bytes"])
        settings = replace(from_environment(Path(file) if file else None), **given)
        if place is None or fresh or not _knows(place, settings):
            from h5s3.cell.process import Process

            _begun.append(Process(settings.max_bytes or 0, debug, settings.plugins or local))
    except H5s3Error:  # it comes again
        return


def _options(words: list[str]) -> dict[str, Any]:
    """Those that tell who answers, and how."""
    found: dict[str, Any] = {}
    for number, word in enumerate(words):
        name, given, value = word.removeprefix("--").partition("=")
        name = name.replace("-", "_")
        if word.startswith("--") and name in FLAGS:
            found[name] = True
        elif word.startswith("--") and name in NAMED:
            found[name] = value if given else next(iter(words[number + 1 :]), "")
    return found


def _knows(place: str, settings: Settings) -> bool:
    """Whether the object was seen before: there may be an answer about it."""
    from h5s3.cache import Cache
    from h5s3.storage.head_cache import HeadCache
    from h5s3.storage.location import parse_location
    from h5s3.storage.trace import Trace

    location = parse_location(place, settings.bucket)
    if not location.key:
        return True
    location = replace(location, version_id=settings.version_id)
    _caches[:] = [Cache(enabled=not settings.no_cache)]
    return HeadCache(_caches[0], settings, Trace()).knows(location)
