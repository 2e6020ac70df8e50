"""Which object a URL means, and what is answered: HTTP's rules for reading (RFC 9110), without a socket."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from urllib.parse import unquote_to_bytes

from h5s3.errors import ChangedError, NotFoundError, UsageError
from h5s3.explore.session import Session
from h5s3.storage.base import FirstPage, Looking, ObjectInfo, Range, Store
from h5s3.storage.location import Location
from h5s3.storage.open import open_store

PIECE = 1 << 20  # bytes that are fetched by one request
AT_ONCE = 4  # requests for one answer: it holds that many pieces in memory
MOST_KNOWN = 4096  # objects that are remembered
ABSENT = "no such object"
LONGEST_KEY, LONGEST_NAME = 4096, 255  # bytes
RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*", re.I)
SITE = re.compile(rb"https?://[^/?#]*", re.I)
DOCUMENTS = (".zarray", ".zattrs", ".zgroup", ".zmetadata")  # dot files that are parts of Zarr stores
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """A status, the object, and its bytes from `start` to `stop`, which come while they are taken."""

    status: int
    info: ObjectInfo
    start: int
    stop: int
    body: Iterator[bytes]


class Served:
    """A folder or a prefix, of which several threads may ask at a time.

    Nothing outside it is reached, by `..` or by symbolic links. Names that begin with a dot are not there,
    but for the documents of Zarr stores, and nothing is listed.
    """

    def __init__(self, session: Session, place: Location) -> None:
        if place.kind not in ("local", "s3") or (place.kind == "s3" and not place.bucket):
            raise UsageError("a folder or s3://bucket/prefix can be served", location=place.display)
        self._session, self._place = session, place
        self._known: dict[Location, ObjectInfo] = {}
        self._lock = threading.Lock()
        if place.kind == "local" and not os.path.isdir(place.key):
            what = "not a folder" if os.path.lexists(place.key) else "no such folder"
            raise NotFoundError(what, location=place.display)
        self._shared = session.store(place) if place.kind == "s3" else None

    def require(self) -> None:
        """Raise what the storage says to a look at the prefix; `NotFoundError` where nothing is below it."""
        if isinstance(self._shared, FirstPage):
            entries, more = self._shared.first_page(self._place.below)
            if self._place.key and not entries and not more:
                raise NotFoundError("nothing is below this prefix", location=self._place.display)

    @contextmanager
    def answer(self, method: str, target: str, headers: Headers) -> Iterator[Reply]:
        """What a GET or HEAD is answered, with the first bytes in hand. Raises the errors of `h5s3.errors`.

        A range of an object that was asked for before takes one request: the storage proves that its bytes
        belong to that object, which is looked up again where it changed.
        """
        place = self._at(_key(target))
        with self._store() as store:
            wanted = _range(headers) if method == "GET" else None
            bare = wanted is not None and not _conditions(headers)
            known = self._known.get(place) if bare else None
            reply = None
            if known is not None and _within(wanted, known.size) is not None:
                with suppress(ChangedError):
                    reply = self._reply(store, known, b"", method, headers)
            yield reply or self._looked_up(store, place, method, headers)

    def _looked_up(self, store: Store, place: Location, method: str, headers: Headers) -> Reply:
        """The answer for the object as it is now."""
        whole = method == "GET" and _range(headers) is None and not _conditions(headers)
        if isinstance(store, Looking):  # one request for what is not there, as chunks of Zarr often are
            found = store.look(place, PIECE if whole else 1)
            if found is None:
                raise NotFoundError(ABSENT)
            info, begun = found
        else:
            info, begun = store.first(place, PIECE) if whole else (store.head(place), b"")
        self._remember(place, info)
        begun = begun if whole else b""
        return self._reply(store, info, begun, method, headers)

    def _reply(self, store: Store, info: ObjectInfo, begun: bytes, method: str, headers: Headers) -> Reply:
        status = _precondition(info, headers)
        if status is not None:
            return Reply(status, info, 0, 0, iter(()))
        wanted = _range(headers) if method == "GET" else None
        if wanted is not None and not _same(headers.get("If-Range"), info):
            wanted = None
        found = (0, info.size) if wanted is None else _within(wanted, info.size)
        if found is None:
            return Reply(416, info, 0, 0, iter(()))
        start, stop = found
        body = iter(()) if method == "HEAD" else _ready(_pieces(store, info, start, stop, begun))
        return Reply(200 if wanted is None else 206, info, start, stop, body)

    def _at(self, key: str) -> Location:
        """The object of a key. Raises `NotFoundError` for what is not to be seen."""
        parts = key.split("/")
        hidden = any(part.startswith(".") for part in parts[:-1])
        hidden = hidden or (parts[-1].startswith(".") and parts[-1] not in DOCUMENTS)
        if hidden or not parts[-1] or "\0" in key or len(os.fsencode(key)) > LONGEST_KEY:
            raise NotFoundError(ABSENT)
        if self._place.kind == "s3":
            if any("\ud800" <= char <= "\udfff" for char in key):
                raise NotFoundError(ABSENT)  # not UTF-8, as all keys are
            return self._place.child(key)
        if "" in parts or any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
            raise NotFoundError(ABSENT)
        return self._inside(key)

    def _inside(self, key: str) -> Location:
        """A file, with symbolic links followed that stay in the folder and lead to nothing hidden."""
        root = os.path.realpath(self._place.key).rstrip("/") + "/"
        path = os.path.realpath(root + key)
        name = os.path.basename(path)
        if not path.startswith(root) or "/." in path[len(root) - 1 :].removesuffix("/" + name):
            raise NotFoundError(ABSENT)
        if (name.startswith(".") and name not in DOCUMENTS) or os.path.islink(path):  # links in a circle
            raise NotFoundError(ABSENT)
        return Location("local", path)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        """The store; of files one for each answer, which closes them."""
        if self._shared is not None:
            yield self._shared
            return
        store = open_store(self._place, self._session.settings, self._session.trace)
        try:
            yield store
        finally:
            store.close()

    def _remember(self, place: Location, info: ObjectInfo) -> None:
        if self._shared is None:
            return
        with self._lock:
            self._known.pop(place, None)
            while len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[place] = info


def _key(target: str) -> str:
    """The key in the target of a request, percent-decoded; bytes that are not UTF-8 are kept."""
    raw = SITE.sub(b"", target.encode("latin-1", "replace"), count=1)
    path = raw.partition(b"#")[0].partition(b"?")[0]
    return unquote_to_bytes(path.removeprefix(b"/")).decode("utf-8", "surrogateescape")


def _range(headers: Headers) -> re.Match[str] | None:
    """The one range that is asked for; several, and what is none, count as the whole object."""
    found = RANGE.fullmatch(headers.get("Range", ""))
    if found and found[2] and int(found[2]) < int(found[1]):
        return None
    return found


def _within(wanted: re.Match[str] | None, size: int) -> Range | None:
    """The bytes of a range in an object of that size; None where it has none of them."""
    if wanted is None:
        return None
    first, last, length = wanted.groups()
    if length is not None:
        start, stop = max(0, size - int(length)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < stop else None


def _conditions(headers: Headers) -> bool:
    return any(name in headers for name in ("If-Match", "If-None-Match", "If-Range"))


def _precondition(info: ObjectInfo, headers: Headers) -> int | None:
    """412 or 304 where a condition on the ETag does not hold."""
    if (match := headers.get("If-Match")) is not None and not _listed(match, info, weak=False):
        return 412
    if (none := headers.get("If-None-Match")) is not None and _listed(none, info, weak=True):
        return 304
    return None


def _listed(condition: str, info: ObjectInfo, weak: bool) -> bool:
    if condition.strip() == "*":
        return True
    found = re.findall(r'(W/)?"([^"]*)"', condition)
    return any(tag == info.etag and (weak or not mark) for mark, tag in found)


def _same(condition: str | None, info: ObjectInfo) -> bool:
    """Whether If-Range, where it is there, names this very content; dates do not."""
    return condition is None or (info.etag is not None and condition.strip() == f'"{info.etag}"')


def _pieces(store: Store, info: ObjectInfo, start: int, stop: int, begun: bytes) -> Iterator[bytes]:
    """The bytes, some pieces at a time. `begun`: the first of the object, where they are here."""
    if begun:
        yield begun
        start += len(begun)
    for low in range(start, stop, PIECE * AT_ONCE):
        high = min(low + PIECE * AT_ONCE, stop)
        wanted = [(at, min(at + PIECE, high)) for at in range(low, high, PIECE)]
        found = store.get_ranges(info, wanted)
        for one in wanted:
            yield found.pop(one)


def _ready(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same with the first piece fetched: what is wrong with it is known before anything is sent."""
    first = next(pieces, None)
    return pieces if first is None else chain([first], pieces)
