"""Objects that a file names: looked for below one prefix of the storage that it is in, and nowhere else.

Who wrote the file chose the names. None of them leads to another storage, another bucket or host, above the
prefix, or, on this machine, through a symbolic link out of a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import cast
from urllib.parse import quote

from h5s3.errors import AccessError, DamagedError, H5s3Error, NotFoundError, RefusedError, UsageError
from h5s3.settings import Settings
from h5s3.storage.base import Looking, ObjectInfo, Store
from h5s3.storage.head_cache import HeadCache
from h5s3.storage.http.parallel import Batch
from h5s3.storage.location import Location, parse_location
from h5s3.storage.objects import at_once
from h5s3.storage.trace import Trace

MOST_FILES = 4096  # that one question may lead to
LONGEST = 1024  # bytes of a name: of a key of S3, too
FIRST_BYTES = 64 * 1024  # of each: the metadata of a small file, or where it begins
OF_ONE = (AccessError, DamagedError, NotFoundError, RefusedError)  # that concern one file alone
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
ELSEWHERE = re.compile(r"(?i)[a-z]:[\\/]|.*://|.*::|[\\/]", re.DOTALL)  # how names of other places begin
Found = tuple[ObjectInfo, bytes]
Outcome = Found | H5s3Error
Find = Callable[[Location, int], Found]


class Siblings:
    """What the files of one question may name, each looked up once.

    `prefix`: where files are looked for, in place of the folder of the first one. `find`: identity and first
    bytes of an object. Raises `UsageError` for a prefix of another storage.
    """

    def __init__(self, first: Location, prefix: Location | None, find: Find, trace: Trace) -> None:
        self._prefix = _folder(first) if prefix is None else _prefix(first, prefix)
        self._find, self._trace = find, trace
        self.found: dict[Location, Outcome] = {}

    def look(self, names: Sequence[bytes], referrer: Location) -> list[Outcome]:
        """Identity and first bytes of the files that a file names, or why there are none: one round.

        Raises what concerns more than one of them, such as `NetworkError`.
        """
        places = [self._place(name, referrer) for name in names]
        new = dict.fromkeys(p for p in places if isinstance(p, Location) and p not in self.found)
        room = MOST_FILES - len(self.found)
        wanted = list(new)[:room]
        if wanted:
            self.found |= dict(zip(wanted, self._all(wanted), strict=True))
        most = RefusedError(f"it leads to more than {MOST_FILES:,} files")
        return [self.found.get(p, most) if isinstance(p, Location) else p for p in places]

    def _all(self, places: Sequence[Location]) -> list[Outcome]:
        if self._prefix.kind == "local":
            return [self._one(place) for place in places]
        with closing(Batch(self._trace)) as batch:
            return at_once(batch, self._trace, self._one, places)

    def _one(self, place: Location) -> Outcome:
        try:
            return self._find(place, FIRST_BYTES)
        except OF_ONE as error:
            return error

    def _place(self, name: bytes, referrer: Location) -> Location | RefusedError:
        try:
            return self.locate(name, referrer)
        except RefusedError as error:
            return error

    def locate(self, name: bytes, referrer: Location) -> Location:
        """Where a file is that another one names: below the folder of that, or below the prefix where that is
        not below it. Raises `RefusedError` for a name that leads elsewhere."""
        prefix = self._prefix
        parts = self._referring(referrer)
        for part in _parts(name, prefix):
            if part != "..":
                parts.append(quote(part) if prefix.kind == "web" else part)
            elif parts:
                parts.pop()
            else:
                raise RefusedError(f"it is not below {prefix.display}", hint=_allow(prefix))
        found = replace(prefix, key=prefix.key + "/".join(parts))
        if prefix.kind == "local" and not _inside(found.key, prefix.key):
            raise RefusedError(f"a symbolic link leads out of {prefix.display}")
        return found

    def _referring(self, referrer: Location) -> list[str]:
        """The folder of a file as parts below the prefix; none where it is not below it."""
        folder = _folder(referrer)
        if folder.bucket != self._prefix.bucket or not folder.key.startswith(self._prefix.key):
            return []
        return folder.key[len(self._prefix.key) :].split("/")[:-1]


def _folder(place: Location) -> Location:
    """The folder or prefix that a file is in. Raises `RefusedError` where nothing can stand beside it."""
    if place.kind == "local":
        return Location("local", os.path.join(os.path.dirname(os.path.abspath(place.key)), ""))
    if place.kind == "web" and ("?" in place.key or "#" in place.key):
        raise RefusedError(
            "its URL has a query, which may stand for this one object: no others are looked for beside it",
            hint="give the URL without it, or the location in S3",
        )
    if "::" in place.key:
        raise RefusedError("files beside it cannot be looked for through a chain of protocols")
    return replace(place, key=place.key[: place.key.rfind("/") + 1], version_id=None)


def _prefix(first: Location, prefix: Location) -> Location:
    """Where the user has files looked for. Raises `UsageError` where the first file cannot lead there."""
    below = prefix.below
    if below.kind == "local":
        below = Location("local", os.path.join(os.path.abspath(prefix.key), ""))
    same = below.store == first.store and below.kind == first.kind
    if same and first.kind == "web":
        same = _host(below) == _host(first) and "?" not in below.key and "#" not in below.key
    if not same:
        cause = f"--follow-prefix {prefix.display} is not of the storage that {first.display} is in"
        raise UsageError(cause, hint="give a prefix of that")
    return below


def _host(place: Location) -> str:
    scheme, _, rest = place.key.partition("://")
    return f"{scheme.lower()}://{rest.partition('/')[0].lower()}"


def _parts(name: bytes, prefix: Location) -> list[str]:
    """A name as parts of a path. Raises `RefusedError` for what is no relative path."""
    try:
        text = os.fsdecode(name) if prefix.kind == "local" else name.decode()
    except UnicodeDecodeError:
        raise RefusedError("its name is not UTF-8") from None
    if len(name) > LONGEST:
        raise RefusedError(f"its name has {len(name):,} bytes")
    if CONTROL.search(text):
        raise RefusedError("its name has control characters in it")
    if ELSEWHERE.match(text):
        raise RefusedError("only files beside it are looked for, by relative paths")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts or parts[-1] == "..":
        raise RefusedError("its name is no name of a file")
    return parts


def _inside(path: str, folder: str) -> bool:
    """Whether a path of this machine is in a folder, wherever symbolic links lead."""
    base = os.path.realpath(folder)
    return os.path.commonpath([base, os.path.realpath(path)]) == base


def _allow(prefix: Location) -> str:
    """How a file that stands higher can be allowed; nothing where none does."""
    if prefix.kind == "s3" and not prefix.key:
        return ""
    higher = prefix.key.rstrip("/").rpartition("/")[0]
    if prefix.kind == "s3":
        return (
            f"allow another place with --follow-prefix s3://{prefix.bucket}/{higher + '/' if higher else ''}"
        )
    return "allow another place with --follow-prefix"


def siblings_of(
    first: Location,
    settings: Settings,
    catalog: HeadCache,
    store: Callable[[Location], Store],
    trace: Trace,
) -> Siblings:
    """What a file may name under these settings. Raises what `Siblings` raises, and `RefusedError` where no
    file can be found beside it."""
    named = settings.follow_prefix
    prefix = None if named is None else parse_location(named, settings.bucket)
    return Siblings(first, prefix, _finder(catalog, lambda: store(first)), trace)


def _finder(catalog: HeadCache, store: Callable[[], Store]) -> Find:
    """Looks for objects by as few requests as the settings allow: one where nothing is there."""

    class OneByOne:
        def __init__(self) -> None:
            self._store = store()
            self.head = self._store.head

        def first(self, place: Location, length: int) -> Found:
            if not isinstance(self._store, Looking):
                return self._store.first(place, length)
            found = self._store.look(place, length)
            if found is None:
                raise NotFoundError("no such object", location=place.display)
            return found

    return lambda place, length: catalog.resolve(place, lambda: cast(Store, OneByOne()), length)
