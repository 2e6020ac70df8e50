"""Many objects below one place, each question about them one round: for formats that are made of objects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from typing import TypeVar

from h5s3.errors import AccessError, NotFoundError, RefusedError
from h5s3.records import Entry
from h5s3.storage.base import FirstPage, Looking, ObjectInfo, Paged, Range, Store
from h5s3.storage.http.parallel import Batch
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

T = TypeVar("T")
Q = TypeVar("Q")
Found = tuple[ObjectInfo, bytes]
MOST_NAMES = 1000  # directly below a place, to tell what it is
LISTED = ("s3", "local", "foreign", "fsspec")  # kinds of locations that have listings
PAGE = 1000  # entries that are handled together where a storage has no pages


class Objects:
    """What stands below a place, by paths relative to it: nothing else is ever asked for.

    Paths with `..` in them, and on this machine symbolic links, are refused. To be closed: it has threads of
    its own, which see bytes alone.
    """

    def __init__(self, store: Store, place: Location, trace: Trace) -> None:
        self._store, self._place, self._trace = store, place, trace
        self._batch = Batch(trace)

    @property
    def listed(self) -> bool:
        """Whether it can be told what is there."""
        return self._place.kind in LISTED

    def look(self, paths: Sequence[str], length: int) -> list[Found | None]:
        """Identity and the first bytes of each object; None where it is not there."""
        return self._all(lambda place: self._look(place, length), [self._at(path) for path in paths])

    def read(self, wanted: Sequence[tuple[ObjectInfo, Range]]) -> list[bytes]:
        """A range of each object, which `look` found."""

        def one(item: tuple[ObjectInfo, Range]) -> bytes:
            return self._store.get_ranges(item[0], [item[1]])[item[1]]

        return self._all(one, wanted)

    def children(self, paths: Sequence[str], most: int) -> list[list[str]]:
        """The first names directly below each path, up to `most` and one more; those of prefixes end in `/`.

        Symbolic links on this machine are left out.
        """
        return self._all(lambda place: self._names(place, most), [self._at(path) for path in paths])

    def below(self, path: str = "") -> Iterator[Sequence[tuple[str, int]]]:
        """Paths, relative to this one, and sizes of all objects below a path, page by page."""
        place = self._at(path).below
        for page in self._pages(place):
            names = ((_relative(entry, place), entry) for entry in page if entry.type == "object")
            yield [(name, entry.size or 0) for name, entry in names if not self._is_link(place, name)]

    def entries(self, paths: Sequence[str], most: int) -> list[list[tuple[str, int]]]:
        """Of the first objects below each path, `most` of them and one more, names relative to it, and
        sizes. Symbolic links have none."""

        def one(path: str) -> list[tuple[str, int]]:
            place, found = self._at(path).below, []
            with suppress(NotFoundError):
                for entry in islice(self._store.list(place, recursive=True), most + 1):
                    found.append((_relative(entry, place), entry.size or 0))
            return [(name, 0 if self._is_link(place, name) else size) for name, size in found]

        return self._all(one, paths)

    def marked(self, marks: Sequence[str], length: int) -> tuple[tuple[str, ...], dict[str, Found]]:
        """What stands directly below the place: the first names that are listed, and of the marks that are
        there their first bytes. What cannot be asked for counts as absent."""

        def one(name: str) -> list[str] | Found | None:
            try:
                return self._look(self._at(name), length) if name else self._names(self._place, MOST_NAMES)
            except (AccessError, NotFoundError, RefusedError):
                return None

        asked = [*marks, *([""] if self.listed else [])]
        answers = dict(zip(asked, self._all(one, asked), strict=True))
        there = {name: found for name, found in answers.items() if isinstance(found, tuple)}
        names = answers.get("")
        return tuple(dict.fromkeys([*there, *(names if isinstance(names, list) else [])])), there

    def close(self) -> None:
        """Let the threads end."""
        self._batch.close()

    def _at(self, path: str) -> Location:
        """The place of a path. Raises `RefusedError` for one that leads elsewhere."""
        if not path:
            return self._place
        if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
            raise RefusedError(f"a name in it leads elsewhere: {path}")
        if self._is_link(self._place, path):
            raise RefusedError(f"{path} is a symbolic link, which is not followed")
        return self._place.child(path)

    def _is_link(self, place: Location, path: str) -> bool:
        """Whether a path of this machine has a symbolic link in it, below a place."""
        if place.kind != "local":
            return False
        base = os.path.realpath(place.key)
        return os.path.realpath(os.path.join(base, path)) != os.path.join(base, os.path.normpath(path))

    def _names(self, place: Location, most: int) -> list[str]:
        try:
            entries = list(islice(self._store.list(place.below), most + 1))
        except NotFoundError:
            return []
        names = map(_name, entries)
        return [name for name in names if name and not self._is_link(place, name)]

    def _pages(self, place: Location) -> Iterator[Sequence[Entry]]:
        if isinstance(self._store, Paged):
            yield from self._store.pages(place, recursive=True, ahead=True)
            return
        entries = self._store.list(place, recursive=True)
        while page := list(islice(entries, PAGE)):
            yield page

    def _look(self, place: Location, length: int) -> Found | None:
        if isinstance(self._store, Looking):
            return self._store.look(place, length)
        try:
            return self._store.first(place, length)
        except NotFoundError:
            return None

    def _all(self, ask: Callable[[Q], T], wanted: Sequence[Q]) -> list[T]:
        """All answers, in one round; where some take several, in as many as those."""
        if self._place.kind == "local":  # no round trips to save
            return [ask(item) for item in wanted]
        return at_once(self._batch, self._trace, ask, wanted)


def first_names(
    store: Store, wanted: Sequence[tuple[Location, int]], marks: Sequence[str], trace: Trace
) -> list[list[str]]:
    """The first names directly below each of these prefixes, as many as are wanted, all in one round.

    Those of prefixes end in `/`. Of folders on this machine those of the marks that are there. What cannot be
    asked for has none.
    """

    def one(item: tuple[Location, int]) -> list[str]:
        place, most = item
        try:
            if isinstance(store, FirstPage):
                entries = store.first_page(place, most)[0]
            else:
                entries = list(islice(store.list(place), most))
        except (AccessError, NotFoundError, RefusedError):
            return []
        return [_name(entry) for entry in entries]

    if all(place.kind == "local" for place, _ in wanted):
        return [[mark for mark in marks if _is_there(place.key, mark)] for place, _ in wanted]
    with closing(Batch(trace)) as batch:
        return at_once(batch, trace, one, wanted)


def _is_there(folder: str, name: str) -> bool:
    path = os.path.join(folder, name.rstrip("/"))
    return (os.path.isdir(path) if name.endswith("/") else os.path.isfile(path)) and not os.path.islink(path)


def _name(entry: Entry) -> str:
    """The last part of the key of an entry, of a prefix with a `/`."""
    return entry.key.rstrip("/").rpartition("/")[2] + "/" * (entry.type == "prefix")


def at_once(batch: Batch, trace: Trace, ask: Callable[[Q], T], wanted: Sequence[Q]) -> list[T]:
    """All answers, in one round; where some take several, in as many as those."""

    def counted(number: int) -> tuple[T, int]:
        with trace.inside() as rounds:
            answer = ask(wanted[number])
        return answer, rounds[0]

    answers = batch.run(counted, range(len(wanted)))
    more = max((rounds for _, rounds in answers.values()), default=1) - 1
    if more > 0:
        trace.add(rounds=more, trips=more)
    return [answers[number][0] for number in range(len(wanted))]


def _relative(entry: Entry, place: Location) -> str:
    """The key of a listed entry, from the prefix on that was listed."""
    if place.kind == "local":
        return entry.key
    base = place.below.key.partition("://")[2] if place.scheme else place.below.key
    return entry.key.removeprefix(base)
