"""Many objects below one place, each question about them one round: for formats that are made of objects."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from typing import TypeVar

from h5s3.errors import AccessError, NotFoundError, RefusedError
from h5s3.records import Entry
from h5s3.storage.base import FirstPage, Looking, ObjectInfo, Paged, Range, Store, Tailing
from h5s3.storage.http.parallel import Batch
from h5s3.storage.location import Location
from h5s3.storage.responses import changed
from h5s3.storage.trace import Trace

T = TypeVar("T")
Q = TypeVar("Q")
Found = tuple[ObjectInfo, bytes]
MOST_NAMES = 1000  # directly below a place, to tell what it is
LISTED = ("s3", "local", "foreign", "fsspec")  # kinds of locations that have listings
MOST_KNOWN = 200_000  # objects whose identities are held
PAGE = 1000  # entries that are handled together where a storage has no pages


class Objects:
    """What stands below a place, by paths relative to it: nothing else is ever asked for.

    Paths with `..` in them, and on this machine symbolic links, are refused. To be closed: it has threads of
    its own, which see bytes alone.
    """

    def __init__(self, store: Store, place: Location, trace: Trace, outside: bool = False) -> None:
        """`outside`: absolute paths of the same storage may be asked for, too (`s3://bucket/key`, or on this
        machine `/folder/file`)."""
        self._store, self._place, self._trace, self._outside = store, place, trace, outside
        self._batch = Batch(trace)
        self.known: dict[str, ObjectInfo] = {}  # by their paths, who objects are: as listings told

    @property
    def listed(self) -> bool:
        """Whether it can be told what is there."""
        return self._place.kind in LISTED

    def look(self, paths: Sequence[str], length: int) -> list[Found | None]:
        """Identity and the first bytes of each object; None where it is not there."""
        return self._all(lambda place: self._look(place, length), [self._at(path) for path in paths])

    def tails(self, files: Sequence[tuple[str, int]], length: int) -> list[Found | None]:
        """Identity and the last bytes of each object, whose size is known; None where it is not there.

        Raises `ChangedError` for one that is of another size.
        """
        return self._all(
            lambda file: self._tail(file[0], file[1], length),
            [(self._at(path), size) for path, size in files],
        )

    def read(self, wanted: Sequence[tuple[ObjectInfo, Range]]) -> list[bytes]:
        """A range of each object, which `look` found."""

        def one(item: tuple[ObjectInfo, Range]) -> bytes:
            return self._store.get_ranges(item[0], [item[1]])[item[1]]

        return self._all(one, wanted)

    def children(self, paths: Sequence[str], most: int) -> list[list[str]]:
        """The first names directly below each path, up to `most` and one more; those of prefixes end in `/`.

        Symbolic links on this machine are left out.
        """
        return self._all(lambda path: self._names(self._at(path), most, path), paths)

    def below(self, path: str = "") -> Iterator[Sequence[tuple[str, int]]]:
        """Paths, relative to this one, and sizes of all objects below a path, page by page."""
        place = self._at(path).below
        for page in self._pages(place):
            found = []
            for entry in page:
                name = _relative(entry, place)
                if entry.type == "object" and not self._is_link(place, name):
                    self._note(f"{path}/{name}" if path else name, entry)
                    found.append((name, entry.size or 0))
            yield found

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

    def marked(
        self, marks: Sequence[str], length: int, folder: str = ""
    ) -> tuple[tuple[str, ...], dict[str, Found]]:
        """What stands directly below the place, or a folder there (`name/`): the first names that are listed,
        and of the marks that are there their first bytes. What cannot be asked for counts as absent."""

        def one(name: str) -> list[str] | Found | None:
            try:
                place = self._at((folder + name).rstrip("/"))
                return (
                    self._look(place, length) if name else self._names(place, MOST_NAMES, folder.rstrip("/"))
                )
            except (AccessError, NotFoundError, RefusedError):
                return None

        asked = [*marks, *([""] if self.listed else [])]
        answers = dict(zip(asked, self._all(one, asked), strict=True))
        there = {folder + name: found for name, found in answers.items() if isinstance(found, tuple)}
        listed = answers.get("")
        names = [folder + name for name in listed] if isinstance(listed, list) else []
        return tuple(dict.fromkeys([*there, *names])), there

    def _note(self, path: str, entry: Entry) -> None:
        if entry.etag and entry.size and self._place.kind == "s3" and len(self.known) < MOST_KNOWN:
            with suppress(RefusedError):  # a name that is not asked for
                at, source = self._at(path), self._store.endpoint
                self.known[path] = ObjectInfo(at, source, entry.size, entry.etag, entry.last_modified)

    def close(self) -> None:
        """Let the threads end."""
        self._batch.close()

    def _at(self, path: str) -> Location:
        """The place of a path. Raises `RefusedError` for one that leads elsewhere."""
        if not path:
            return self._place
        if self._outside and (found := outside_location(path, self._place.kind)) is not None:
            return found
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

    def _names(self, place: Location, most: int, path: str = "") -> list[str]:
        try:
            entries = list(islice(self._store.list(place.below), most + 1))
        except NotFoundError:
            return []
        names = list(map(_name, entries))
        for name, entry in zip(names, entries, strict=True):
            if entry.type == "object" and name:
                self._note(f"{path}/{name}" if path else name, entry)
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

    def _tail(self, place: Location, size: int, length: int) -> Found | None:
        if isinstance(self._store, Tailing) and size > 0:
            return self._store.tail(place, size, length)
        found = self._look(place, 1)
        if found is None:
            return None
        if found[0].size != size:
            raise changed()
        part = max(0, size - length), size
        return found[0], self._store.get_ranges(found[0], [part])[part] if size > 0 else b""

    def _all(self, ask: Callable[[Q], T], wanted: Sequence[Q]) -> list[T]:
        """All answers, in one round; where some take several, in as many as those."""
        if self._place.kind == "local":  # no round trips to save
            return [ask(item) for item in wanted]
        return at_once(self._batch, self._trace, ask, wanted)


def outside_location(path: str, kind: str) -> Location | None:
    """The object of an absolute path, in a storage of this kind; None for what is no absolute path there."""
    if "\0" in path:
        return None
    if kind == "s3" and path.startswith("s3://"):
        bucket, _, key = path.removeprefix("s3://").partition("/")
        return Location("s3", key, bucket) if bucket and key else None
    return Location("local", path) if kind == "local" and path.startswith("/") else None


def first_names(
    store: Store,
    wanted: Sequence[tuple[Location, int]],
    marks: Sequence[str] | None,
    trace: Trace,
    whole: Collection[int] = (),
) -> list[list[str]]:
    """The first names directly below each of these prefixes, as many as are wanted, all in one round.

    Those of prefixes end in `/`. Of folders on this machine also those of the marks that are there, if there
    are marks. What cannot be asked for has none. `whole`: numbers of prefixes of which the first objects at
    any depth are wanted, by their relative paths, where the storage can tell without listing all of them.
    """

    def one(item: tuple[int, tuple[Location, int]]) -> list[str]:
        number, (place, most) = item
        deep = number in whole and (isinstance(store, FirstPage) or place.kind == "local")
        try:
            if isinstance(store, FirstPage):
                entries = store.first_page(place, most, recursive=deep)[0]
            else:
                entries = list(islice(store.list(place, recursive=deep), most))
        except (AccessError, NotFoundError, RefusedError):
            return []
        return [_relative(entry, place) if deep else _name(entry) for entry in entries]

    if marks is not None and all(place.kind == "local" for place, _ in wanted):
        there = ([mark for mark in marks if _is_there(place.key, mark)] for place, _ in wanted)
        return [
            list(dict.fromkeys([*found, *_some_of(place.key, most)]))
            for found, (place, most) in zip(there, wanted, strict=True)
        ]
    with closing(Batch(trace)) as batch:
        return at_once(batch, trace, one, list(enumerate(wanted)))


def _is_there(folder: str, name: str) -> bool:
    path = os.path.join(folder, name.rstrip("/"))
    return (os.path.isdir(path) if name.endswith("/") else os.path.isfile(path)) and not os.path.islink(path)


def _some_of(folder: str, most: int) -> list[str]:
    """Names in a folder, of which there may be very many; those of folders end in `/`. No symbolic links."""
    try:
        with os.scandir(folder) as entries:
            some = [entry for entry in islice(entries, most) if not entry.is_symlink()]
            return [entry.name + "/" * entry.is_dir() for entry in some]
    except OSError:
        return []


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
