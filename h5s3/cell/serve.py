"""What the command does for its cell: bytes of one object, or of those below a place; entries of the cache.

The cell may be what a stranger made of it: each wish is held against what it may have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from h5s3.cell import wire
from h5s3.errors import H5s3Error, NotCachedError, absence
from h5s3.formats.base import Source
from h5s3.sizes import GIB
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.objects import Found, Objects
from h5s3.storage.siblings import MOST_FILES
from h5s3.wanted import ASKED

MOST_RANGES = 1_000_000  # of one request
MOST_PATHS = 1_000_000  # likewise
MOST_BYTES = 2 * GIB  # that are held for one answer
MOST_LISTINGS = 1000  # of one question


class Served:
    """A source that a cell is asked about. To be closed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.wanted = ASKED.get()  # whose question it is
        self._objects: Objects | None = None
        self._infos = [info for info, _ in source.found.values()]  # of what was looked at, by number
        self._listings: list[Iterator[Sequence[tuple[str, int]]]] = []
        self._files = [source]  # that may be read, by number
        self._numbers = {source.info.location: 0}

    def close(self) -> None:
        """Let threads end."""
        if self._objects is not None:
            self._objects.close()

    def serve(self, line: wire.Line, message: Any, data: memoryview) -> None:
        """Answer one message. Raises `MalformedError` for what the cell may not have."""
        try:
            if isinstance(message, wire.Ranges):
                self._fetch(line, message)
            elif isinstance(message, wire.Look | wire.Keep):
                self._use_cache(line, message, data)
            elif isinstance(message, wire.Siblings):
                self._name(line, message)
            else:
                self._below(line, message)
        except H5s3Error as error:
            line.send(wire.Failed(type(error).__name__, error.cause, error.hint))

    def _file(self, number: int) -> Source:
        if not 0 <= number < len(self._files):
            raise wire.MalformedError
        return self._files[number]

    def _fetch(self, line: wire.Line, asked: wire.Ranges) -> None:
        """Give the cell bytes as they arrive, and what it asks for then."""
        source = self._file(asked.file)
        info = source.info
        if source.store is None:
            raise NotCachedError(absence(source.cache), location=info.location.display)

        def arrived(came: Range, data: bytes) -> list[Range]:
            line.send(wire.Data(came[0]), data)
            if not asked.arriving:
                return []
            while True:
                message, behind = line.receive()
                if isinstance(message, wire.More):
                    return _inside(info, message.ranges)
                self._use_cache(line, message, behind)  # which it looks at to know what it wants

        source.store.get_ranges(info, _inside(info, asked.ranges), arrived)
        line.send(wire.Done())

    def _use_cache(self, line: wire.Line, message: Any, data: memoryview) -> None:
        """Give the cell entries of the cache, or take some. Raises `MalformedError` for any other wish."""
        if isinstance(message, wire.Look):
            source = self._file(message.file)
            _own(source.info, message.keys)
            found = source.cache.get_many(message.keys)
            line.send(wire.Found([(key, len(value)) for key, value in found.items()]), *found.values())
        elif isinstance(message, wire.Keep):
            _keep(self._file(message.file), message, data)
            line.send(wire.Done())
        else:
            raise wire.MalformedError

    def _name(self, line: wire.Line, asked: wire.Siblings) -> None:
        """Look for the files that a file names, where they may be; those that are there may be read."""
        source = self._file(asked.file)
        if not source.follows or len(asked.names) > MOST_FILES:
            raise wire.MalformedError
        found: list[tuple[int, wire.Known, int] | None] = []
        failures, behind = [], []
        for one in source.named(asked.names):
            if isinstance(one, H5s3Error):
                found.append(None)
                failures.append((type(one).__name__, one.cause, one.hint))
                continue
            number = self._numbers.setdefault(one.info.location, len(self._files))
            if number == len(self._files):
                self._files.append(one)
            found.append((number, known(one.info), len(one.start)))
            behind.append(one.start)
        line.send(wire.Named(found, failures), *behind)

    def _below(self, line: wire.Line, message: Any) -> None:
        if isinstance(message, wire.LookAt):
            self._look(line, message)
        elif isinstance(message, wire.TailsOf):
            _few(message.files)
            if not 0 <= message.length * len(message.files) <= MOST_BYTES:
                raise wire.MalformedError
            self._found(line, self._there().tails(message.files, message.length))
        elif isinstance(message, wire.ReadFrom):
            line.send(wire.Done(), *self._there().read(self._checked(message.wanted)))
        elif isinstance(message, wire.Below):
            ask = getattr(self._there(), message.method)
            most = min(max(0, message.most), MOST_PATHS)
            line.send(wire.Returned(), msgspec.json.encode(ask(_few(message.paths), most)))
        elif isinstance(message, wire.Pages) and len(self._listings) < MOST_LISTINGS:
            self._listings.append(iter(self._there().below(message.path)))
            line.send(wire.Returned(), msgspec.json.encode(len(self._listings) - 1))
        elif isinstance(message, wire.Page) and 0 <= message.number < len(self._listings):
            page = next(self._listings[message.number], None)
            line.send(wire.Returned(), msgspec.json.encode(page))
        else:
            raise wire.MalformedError

    def _there(self) -> Objects:
        if self._objects is None:
            self._objects = self.source.objects()
        return self._objects

    def _look(self, line: wire.Line, asked: wire.LookAt) -> None:
        _few(asked.paths)
        if not 0 <= asked.length <= MOST_BYTES:
            raise wire.MalformedError
        self._found(line, self._there().look(asked.paths, asked.length))

    def _found(self, line: wire.Line, objects: Sequence[Found | None]) -> None:
        """Objects that may be read from now on."""
        found: list[tuple[int, wire.Known, int] | None] = []
        behind = []
        for one in objects:
            if one is None:
                found.append(None)
                continue
            found.append((len(self._infos), known(one[0]), len(one[1])))
            self._infos.append(one[0])
            behind.append(one[1])
        line.send(wire.Looked(found), *behind)

    def _checked(self, wanted: list[tuple[int, int, int]]) -> list[tuple[ObjectInfo, Range]]:
        found = []
        for number, start, stop in _few(wanted):
            if not 0 <= number < len(self._infos) or not 0 <= start <= stop <= self._infos[number].size:
                raise wire.MalformedError
            found.append((self._infos[number], (start, stop)))
        if sum(stop - start for _, (start, stop) in found) > MOST_BYTES:
            raise wire.MalformedError
        return found


def _few(wanted: list[Any]) -> list[Any]:
    if len(wanted) > MOST_PATHS:
        raise wire.MalformedError
    return wanted


def known(info: ObjectInfo) -> wire.Known:
    """An object without what could sign a request for it, or log in."""
    return wire.Known(**{**vars(info), "location": info.location.unsigned}, known=info.identity)


def _inside(info: ObjectInfo, ranges: list[Range]) -> list[Range]:
    if len(ranges) > MOST_RANGES or not all(0 <= start < stop <= info.size for start, stop in ranges):
        raise wire.MalformedError
    return ranges


def _own(info: ObjectInfo, keys: Sequence[str]) -> None:
    """Raise `MalformedError` for keys of the cache that are not of this object's own bytes."""
    identity = info.identity
    own = (f"block:{identity}:", f"chunks:{identity}:")
    if keys and (identity is None or not all(key.startswith(own) for key in keys)):
        raise wire.MalformedError


def _keep(source: Source, asked: wire.Keep, data: memoryview) -> None:
    _own(source.info, [key for key, _ in asked.items])
    if asked.label not in ("block", "index") or sum(size for _, size in asked.items) != len(data):
        raise wire.MalformedError
    values, at = {}, 0
    for key, size in asked.items:
        if size < 0:
            raise wire.MalformedError
        values[key] = bytes(data[at : at + size])
        at += size
    source.cache.set_many(values, asked.label)
