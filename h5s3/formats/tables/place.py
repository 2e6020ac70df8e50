"""Where a table lies: one object, or what stands below a prefix. All is read through these, bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from h5s3.errors import ChangedError, DamagedError, RefusedError
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.objects import outside_location
from h5s3.storage.ranges import GAP, LARGEST, join_ranges

if TYPE_CHECKING:
    from h5s3.formats.base import Source
    from h5s3.storage.objects import Objects

T = TypeVar("T")
MOST_DOCUMENT = 256 * MIB  # bytes of a document of metadata
FIRST = 256 * 1024  # of it, fetched to learn how long it is: of a small one, all
LONGER = 8 * MIB  # the same where a listing has told how long it is
MOST_HELD = 128 * MIB  # bytes of ends that are kept
MOST_TAILS = 256 * MIB  # bytes of ends that are fetched at once
ALLOW = "--follow-external has it read"
STORAGES = {"s3": "S3", "local": "this machine"}  # in which files outside of a table may be read
MOST_LISTED = 2_000_000  # objects below a table


@dataclass(frozen=True)
class Tail:
    """The last bytes of an object. `start`: where they begin."""

    size: int
    start: int
    data: bytes


class Place(Protocol):
    """What a table reads: by paths below it, of which `""` is the object itself."""

    display: str  # the location, as it may be shown

    def outside(self, location: str) -> str | None:
        """The path by which to read what metadata names elsewhere; None where that is not to be read."""

    def against(self, location: str) -> str:
        """What stands against reading what metadata names elsewhere, or what would have it read."""

    def names(self, path: str = "") -> list[str]:
        """What stands directly below a path; names of prefixes end in `/`. At most a thousand, and one."""

    def below(self, path: str = "") -> Iterator[tuple[str, int]]:
        """Paths (below the table) and sizes of all objects below a path. `RefusedError` for too many."""

    def documents(self, paths: Sequence[str], most: int = MOST_DOCUMENT) -> dict[str, bytes]:
        """Objects whole, those that are there: small ones in one round, all others in a second one."""

    def tails(self, files: Sequence[tuple[str, int | None]], length: int) -> dict[str, Tail]:
        """The last bytes of objects, whose sizes may be known already, in one round then. An object that is
        not there is left out; one of another size raises `DamagedError`."""

    def read(self, wanted: Sequence[tuple[str, Range]]) -> list[bytes]:
        """Ranges of objects, in one round. Objects that were not met before take one more."""


def _parts(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), max(1, most)):
        yield items[at : at + max(1, most)]


class ObjectPlace:
    """One object, as `Place` has it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.display = source.info.location.display

    def outside(self, location: str) -> str | None:
        """Nothing."""
        return None

    def against(self, location: str) -> str:
        """That this is one file."""
        return "of a single file nothing else is read: name the table by its prefix or folder"

    def names(self, path: str = "") -> list[str]:
        """Nothing."""
        return []

    def below(self, path: str = "") -> Iterator[tuple[str, int]]:
        """The object."""
        yield "", self._source.info.size

    def documents(self, paths: Sequence[str], most: int = MOST_DOCUMENT) -> dict[str, bytes]:
        """The object whole."""
        size = self._source.info.size
        if size > most:
            raise RefusedError(f"its metadata is of {size} bytes, more than {most}")
        return {path: self._bytes((0, size)) for path in paths if not path}

    def tails(self, files: Sequence[tuple[str, int | None]], length: int) -> dict[str, Tail]:
        """The last bytes."""
        size = self._source.info.size
        start = max(0, size - length)
        return {path: Tail(size, start, self._bytes((start, size))) for path, _ in files if not path}

    def read(self, wanted: Sequence[tuple[str, Range]]) -> list[bytes]:
        """In one round."""
        known = len(self._source.start)
        missing = list(dict.fromkeys(part for _, part in wanted if part[1] > known and part[0] < part[1]))
        joined = join_ranges(missing, GAP, LARGEST)
        got = self._source.read(joined) if joined else {}
        return [self._cut(part, got) for _, part in wanted]

    def _bytes(self, part: Range) -> bytes:
        return self.read([("", part)])[0]

    def _cut(self, part: Range, got: dict[Range, bytes]) -> bytes:
        start, stop = part
        if stop <= len(self._source.start):
            return self._source.start[start:stop]
        for (first, last), data in got.items():
            if first <= start and stop <= last:
                return data[start - first : stop - first]
        return b"".join(  # cut where a request would have been too long
            data[max(start, first) - first : max(0, min(stop, last) - first)]
            for (first, last), data in sorted(got.items())
            if first < stop and start < last
        )


class PrefixPlace:
    """What stands below a prefix or a folder, as `Place` has it."""

    def __init__(self, source: Source, objects: Objects) -> None:
        self._objects = objects
        self.display = source.info.location.display
        self._infos: dict[str, ObjectInfo] = {}
        self._listed: dict[str, int] = {}  # sizes of those that are neither short nor very long
        self._held: dict[str, Tail] = {}  # ends of objects, which are asked for again: of small ones all
        self._bytes = 0  # of these
        self._outside, self._kind = source.outside, source.info.location.kind

    def outside(self, location: str) -> str | None:
        """An absolute path, where that was allowed and is of the same storage."""
        path = _plain(location)
        return path if self._outside and outside_location(path, self._kind) is not None else None

    def against(self, location: str) -> str:
        """The option, or why it does not help."""
        return _against(_plain(location), self._kind)

    def names(self, path: str = "") -> list[str]:
        """By one LIST."""
        return self._objects.children([path], 1000)[0]

    def below(self, path: str = "") -> Iterator[tuple[str, int]]:
        """By LISTs."""
        count = 0
        for page in self._objects.below(path):
            for name, size in page:
                count += 1
                if count > MOST_LISTED:
                    raise RefusedError(f"more than {MOST_LISTED:,} objects are below it")
                whole = f"{path}/{name}" if path else name
                if FIRST < size <= LONGER:
                    self._listed[whole] = size
                yield whole, size

    def documents(self, paths: Sequence[str], most: int = MOST_DOCUMENT) -> dict[str, bytes]:
        """By first bytes, and the rest of those that are longer; by one request where a listing told how long
        they are."""
        wanted = list(dict.fromkeys(paths))
        found: dict[str, bytes] = {}
        rest: list[tuple[str, Range]] = []
        length = max((self._listed.get(path, 0) for path in wanted), default=0)
        length = length if FIRST < length <= MOST_DOCUMENT // len(wanted) else FIRST
        for path, one in zip(wanted, self._objects.look(wanted, length), strict=True):
            if one is None:
                continue
            info, found[path] = one
            self._infos[path] = info
            if info.size > most:
                raise RefusedError(f"{path} is of {info.size} bytes, more than metadata may have ({most})")
            if info.size > len(found[path]):
                rest.append((path, (len(found[path]), info.size)))
        for (path, _), data in zip(rest, self.read(rest), strict=True):
            found[path] += data
        return found

    def tails(self, files: Sequence[tuple[str, int | None]], length: int) -> dict[str, Tail]:
        """Of objects whose size is known in one request; of others first bytes tell it, and take one more."""
        found: dict[str, Tail] = {}
        known = [(path, size) for path, size in dict(files).items() if size and path not in self._infos]
        try:
            for part in _parts(known, MOST_TAILS // max(1, length)):
                for (path, size), one in zip(part, self._objects.tails(part, length), strict=True):
                    if one is not None:
                        self._infos[path] = one[0]
                        found[path] = self._kept(path, Tail(size, size - len(one[1]), one[1]))
        except ChangedError:  # which, and how long it is, is found out and told
            return self._looked(files, length)
        done = {path for path, _ in known}
        return found | self._looked([file for file in files if file[0] not in done], length)

    def _looked(self, files: Sequence[tuple[str, int | None]], length: int) -> dict[str, Tail]:
        paths = list(dict.fromkeys(path for path, _ in files))
        infos = self._met(paths, length)
        parts = {path: (max(0, info.size - length), info.size) for path, info in infos.items()}
        data = self.read(list(parts.items()))
        sizes = dict(files)
        for path, info in infos.items():
            if sizes[path] not in (None, info.size):
                raise DamagedError(
                    f"{path} is of {info.size} bytes, the metadata of the table says {sizes[path]}"
                )
        return {
            path: self._kept(path, Tail(infos[path].size, start, body))
            for (path, (start, _)), body in zip(parts.items(), data, strict=True)
        }

    def _kept(self, path: str, tail: Tail) -> Tail:
        if self._bytes < MOST_HELD and path not in self._held:
            self._held[path] = tail
            self._bytes += len(tail.data)
        return tail

    def _from_held(self, path: str, part: Range) -> bytes | None:
        tail = self._held.get(path)
        if tail is None or part[0] < tail.start:
            return None
        return tail.data[part[0] - tail.start : part[1] - tail.start]

    def read(self, wanted: Sequence[tuple[str, Range]]) -> list[bytes]:
        """Ranges that are close to each other are fetched together."""
        infos = self._met([path for path, _ in wanted])
        missing = [path for path, _ in wanted if path not in infos]
        if missing:
            raise DamagedError(f"{missing[0]} is not there")
        short = [path for path, part in wanted if part[1] > infos[path].size]
        if short:
            raise DamagedError(f"{short[0]} ends before what the metadata of the table says is in it")
        held = [self._from_held(path, part) for path, part in wanted]
        rest = [(infos[path], part) for (path, part), data in zip(wanted, held, strict=True) if data is None]
        got = iter(self._objects.read(rest) if rest else ())
        return [next(got) if data is None else data for data in held]

    def _met(self, paths: Sequence[str], length: int = 1) -> dict[str, ObjectInfo]:
        """Who these objects are. `length`: first bytes that are fetched with it, which may be all."""
        unmet = list(dict.fromkeys(path for path in paths if path not in self._infos))
        if unmet:
            for path, one in zip(unmet, self._objects.look(unmet, length), strict=True):
                if one is None:
                    continue
                self._infos[path] = one[0]
                if one[0].size == len(one[1]):
                    self._kept(path, Tail(one[0].size, 0, one[1]))
        return {path: self._infos[path] for path in paths if path in self._infos}


def _against(path: str, kind: str) -> str:
    if outside_location(path, kind) is not None:
        return ALLOW
    absolute = path.startswith("/") or "://" in path
    if not absolute and ".." in path.split("/"):
        return "not even --follow-external has it read: its path leads out of the table by .."
    if not absolute or kind not in STORAGES:
        return "not even --follow-external has it read"
    return f"not even --follow-external has it read: it is not in the storage of the table, {STORAGES[kind]}"


def beside(path: str) -> str:
    """What is wrong with the path of a file that is not below a table, in words."""
    parts = path.split("/")
    absolute = path.startswith("/") or ":" in parts[0]
    if not absolute and ".." not in parts and ("\0" in path or "." in parts or "" in parts):
        return f"{path or 'an empty path'} is no plain path below the table"
    return f"{path} lies outside the table"


def below(absolute: str, base: str) -> str | None:
    """The path, below a place, of a location that metadata names; None where it is not below it.

    `s3a` and `s3n` are `s3`, and `file:/x`, `file:///x` and `/x` are the same.
    """
    inside, root = _plain(absolute), _plain(base).rstrip("/") + "/"
    path = inside.removeprefix(root)
    if path == inside or any(part in ("", ".", "..") for part in path.split("/")):
        return None
    return path


def _plain(location: str) -> str:
    scheme, mark, rest = location.partition(":")
    if not mark or "/" in scheme:
        return location
    if scheme == "file":
        return "/" + rest.lstrip("/")
    return f"{'s3' if scheme in ('s3a', 's3n') else scheme}:{rest}"
