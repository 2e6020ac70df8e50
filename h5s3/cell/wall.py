"""The cell's side of the wall: a store and a cache that ask the command."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, NoReturn

import msgspec

from h5s3 import errors
from h5s3.cell import limits, wire
from h5s3.errors import H5s3Error, NotCachedError, UsageError, absence
from h5s3.formats.base import Source
from h5s3.records import Entry
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from h5s3.storage.location import Location
from h5s3.storage.objects import Found, Objects
from h5s3.storage.siblings import MOST_FILES
from h5s3.storage.trace import Trace


class Wall:
    """Lines to the command: one for the thread that answers, others for the threads that it starts."""

    def __init__(self, control: wire.Line, others: Iterable[wire.Line]) -> None:
        self.control = control
        self.question = 0  # that is answered now, counted
        self._thread = threading.get_ident()
        self._others: SimpleQueue[wire.Line] = SimpleQueue()
        for line in others:
            self._others.put(line)

    @contextmanager
    def line(self) -> Iterator[wire.Line]:
        """A line for one exchange."""
        if threading.get_ident() == self._thread:
            yield self.control
            return
        line = self._others.get()
        try:
            yield line
        finally:
            self._others.put(line)

    def ask(self, message: Any, *behind: bytes) -> tuple[Any, memoryview]:
        """One message and its answer. Raises what the command could not do."""
        with self.line() as line:
            line.send(message, *behind)
            return answer_of(line)


def answer_of(line: wire.Line) -> tuple[Any, memoryview]:
    """What comes next. Raises what the command could not do."""
    message, data = line.receive()
    if isinstance(message, wire.Failed):
        raise error_of(message.kind, message.cause, message.hint)
    return message, data


def error_of(kind: str, cause: str, hint: str) -> H5s3Error:
    """An error of `h5s3.errors` by its name."""
    found = getattr(errors, kind, H5s3Error)
    chosen = found if isinstance(found, type) and issubclass(found, H5s3Error) else H5s3Error
    return chosen(cause, hint=hint)


class WallStore:
    """The store of one object that the cell reads: that of a number."""

    endpoint = ""

    def __init__(self, wall: Wall, trace: Trace, file: int = 0) -> None:
        self._wall, self._trace, self._file = wall, trace, file
        self._question = wall.question

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """As `Store.get_ranges` says. What is kept of what arrives is for `on_arrival` to keep."""
        found: dict[Range, bytes] = {}
        failure: BaseException | None = None
        with self._wall.line() as line:
            line.send(wire.Ranges(list(ranges), on_arrival is not None, self._question, self._file))
            while True:
                message, data = answer_of(line)
                if isinstance(message, wire.Done):
                    break
                self._trace.received += len(data)
                came = (message.start, message.start + len(data))
                if on_arrival is None:
                    found[came] = bytes(data)
                    continue
                more: list[Range] = []
                try:
                    if failure is None:
                        more = list(on_arrival(came, bytes(data)))
                except BaseException as error:  # noqa: BLE001 - raised once the line is free
                    failure = error
                line.send(wire.More(more))
        if failure is not None:
            raise failure
        return found

    def head(self, location: Location) -> NoReturn:
        """Who the object is was found out before."""
        raise UsageError("a cell reads one object")

    def first(self, location: Location, length: int) -> NoReturn:
        """Likewise."""
        raise UsageError("a cell reads one object")

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """Likewise."""
        raise UsageError("a cell reads one object")

    def close(self) -> None:
        """The line is the command's."""


class WallCache:
    """The entries of one object that the cell reads."""

    def __init__(self, wall: Wall, file: int = 0) -> None:
        self.enabled, self.problem = True, None
        self._wall, self._question, self._file = wall, wall.question, file

    def get(self, key: str) -> bytes | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        message, data = self._wall.ask(wire.Look(list(keys), self._question, self._file))
        found, at = {}, 0
        for key, size in message.items:
            found[key] = bytes(data[at : at + size])
            at += size
        return found

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        if items:
            sizes = [(key, len(value)) for key, value in items.items()]
            self._wall.ask(wire.Keep(tag, sizes, self._question, self._file), *items.values())

    def close(self) -> None:
        """The cache is the command's."""


class WallObjects(Objects):
    """What stands below the location that the cell reads."""

    def __init__(self, wall: Wall, place: Location, found: Iterable[ObjectInfo] = ()) -> None:
        """`found`: objects that the command has looked at already, in their order."""
        self._wall, self._place = wall, place
        self._numbers = {info: number for number, info in enumerate(found)}

    def look(self, paths: Sequence[str], length: int) -> list[Found | None]:
        return self._found(*self._wall.ask(wire.LookAt(list(paths), length)))

    def tails(self, files: Sequence[tuple[str, int]], length: int) -> list[Found | None]:
        return self._found(*self._wall.ask(wire.TailsOf(list(files), length)))

    def _found(self, message: Any, data: memoryview) -> list[Found | None]:
        found: list[Found | None] = []
        at = 0
        for one in message.found:
            if one is None:
                found.append(None)
                continue
            number, info, size = one
            self._numbers[info] = number
            found.append((info, bytes(data[at : at + size])))
            at += size
        return found

    def read(self, wanted: Sequence[tuple[ObjectInfo, Range]]) -> list[bytes]:
        asked = [(self._numbers[info], *part) for info, part in wanted]
        _, data = self._wall.ask(wire.ReadFrom(asked))
        found, at = [], 0
        for _, start, stop in asked:
            found.append(bytes(data[at : at + stop - start]))
            at += stop - start
        return found

    def children(self, paths: Sequence[str], most: int) -> list[list[str]]:
        _, data = self._wall.ask(wire.Below("children", list(paths), most))
        return msgspec.json.decode(data, type=list[list[str]])

    def entries(self, paths: Sequence[str], most: int) -> list[list[tuple[str, int]]]:
        _, data = self._wall.ask(wire.Below("entries", list(paths), most))
        return msgspec.json.decode(data, type=list[list[tuple[str, int]]])

    def below(self, path: str = "") -> Iterator[Sequence[tuple[str, int]]]:
        _, data = self._wall.ask(wire.Pages(path))
        number = msgspec.json.decode(data, type=int)
        while True:
            _, data = self._wall.ask(wire.Page(number))
            page = msgspec.json.decode(data, type=list[tuple[str, int]] | None)
            if page is None:
                return
            yield page

    def close(self) -> None:
        """The threads are the command's."""


class WallSource(Source):
    """A location that the command reads for the cell."""

    wall: Wall
    number = 0  # among the files of the question

    @classmethod
    def made(
        cls,
        wall: Wall,
        trace: Trace,
        info: ObjectInfo,
        start: bytes,
        *,
        online: bool,
        follows: bool,
        number: int = 0,
        **more: Any,
    ) -> WallSource:
        """The one of a number. `online`: what is not in the cache can be fetched. `follows`: files may be
        asked for that it names."""
        store = WallStore(wall, trace, number) if online else None
        cache: Any = WallCache(wall, number)  # no `Cache`: that takes long to import
        source = cls(info, start, store, cache, trace, follows=follows, **more)
        source.wall, source.number = wall, number
        return source

    def named(self, names: Sequence[bytes]) -> list[Source | H5s3Error]:
        """As `Source.named` says."""
        found: list[Source | H5s3Error] = []
        for at in range(0, len(names), MOST_FILES):
            found += self._named(names[at : at + MOST_FILES])
        return found

    def _named(self, names: Sequence[bytes]) -> Iterator[Source | H5s3Error]:
        message, data = self.wall.ask(wire.Siblings(list(names), self.number))
        failures, at = iter(message.failures), 0
        for one in message.found:
            if one is None:
                yield error_of(*next(failures))
                continue
            number, info, size = one
            yield WallSource.made(
                self.wall,
                self.trace,
                info,
                bytes(data[at : at + size]),
                online=self.store is not None,
                follows=True,
                number=number,
                plugins=self.plugins,
            )
            at += size

    def objects(self) -> Objects:
        """As `Source.objects` says."""
        if self.store is None:
            raise NotCachedError(absence(self.cache), location=self.info.location.display)
        return WallObjects(self.wall, self.info.location, [info for info, _ in self.found.values()])


def remote(wall: Wall, number: int) -> Callable[[Any], Any]:
    """What stands for a callback of the command's."""

    def call(value: Any) -> Any:
        limits.renew()
        behind = value if isinstance(value, bytes) else msgspec.json.encode(value)
        with wall.line() as line:
            line.send(wire.Call(number, wall.question), behind)
            message, data = answer_of(line)
            if message.raw:
                return bytes(data)
            return line.receive_file() if message.file else msgspec.json.decode(data)

    return call
