"""HEAD and LIST answers in the cache, which are used again for 30 seconds."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable

from h5s3.cache import Cache
from h5s3.errors import NotCachedError, absence
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, Store, unsigned
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

FRESH_SECONDS = 30.0


class HeadCache:
    """Answers "which object is at this location now?" with as few requests as the settings allow."""

    def __init__(self, cache: Cache, settings: Settings, trace: Trace) -> None:
        self._cache = cache
        self._settings = settings
        self._trace = trace
        self._trusted: set[Location] = set()

    def resolve(
        self,
        location: Location,
        store: Callable[[], Store],
        first_bytes: int,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> tuple[ObjectInfo, bytes]:
        """The object, and its first bytes where they came along for free.

        No request within 30 s of the last; one HEAD where the object was seen before; else one ranged
        GET that answers for both. `meanwhile` is called before the wait for that one, since the file will
        have to be opened. Raises `NotCachedError` offline, and what the store raises.
        """
        if location.kind == "local":
            return store().first(location, first_bytes)
        known, age = self._known(location)
        if known and (self._settings.offline or (0 <= age < FRESH_SECONDS and not self._settings.refresh)):
            self._trace.hits += 1
            self._trusted.add(location)
            return known, b""
        if self._settings.offline:
            raise self._absent(location)
        if known:
            info, body = store().head(location), b""
        else:
            meanwhile()
            info, body = store().first(location, first_bytes)
        self._trusted.discard(location)
        self._remember(info)
        return info, body

    def knows(self, location: Location) -> bool:
        """Whether the object was seen before."""
        return self._known(location)[0] is not None

    def forget(self, location: Location) -> bool:
        """The object has changed: ask for it again next time.

        Whether the last answer of `resolve` came from the cache, so that asking again may help.
        """
        if self._settings.offline:
            return False
        self._cache.delete(self._key("head", location))
        trusted = location in self._trusted
        self._trusted.discard(location)
        return trusted

    def listing(self, location: Location, question: str, seconds: float = FRESH_SECONDS) -> bytes | None:
        """A remembered listing as JSON bytes, so many seconds long (offline, whatever its age)."""
        if location.kind == "local":
            return None
        made, body = self._listed(location, question)
        fresh = 0 <= time.time() - made < seconds and not self._settings.refresh
        if body is not None and (fresh or self._settings.offline):
            self._trace.hits += 1
            return body
        if self._settings.offline:
            raise self._absent(location)
        return None

    def remember_listing(self, location: Location, question: str, body: bytes) -> None:
        """Keep a listing for 30 seconds; nothing is written of those by fsspec and foreign stores."""
        if location.kind in ("fsspec", "foreign"):
            return
        value = b"%.3f\n" % time.time() + body
        self._cache.set_many({self._key("list", location, question): value}, "list")

    def _absent(self, location: Location) -> NotCachedError:
        hint = "run without --offline"
        return NotCachedError(absence(self._cache), location=location.display, hint=hint)

    def _listed(self, location: Location, question: str) -> tuple[float, bytes | None]:
        made, _, body = (self._cache.get(self._key("list", location, question)) or b"").partition(b"\n")
        try:
            return float(made), body
        except ValueError:
            return 0.0, None

    def _known(self, location: Location) -> tuple[ObjectInfo | None, float]:
        stored = self._cache.get(self._key("head", location))
        try:
            fields = json.loads(stored or b"")
            age = time.time() - fields.pop("made")
            return ObjectInfo(**{**fields, "location": location}), age
        except (ValueError, TypeError, KeyError, AttributeError):  # nothing, or of another release
            return None, 0.0

    def _remember(self, info: ObjectInfo) -> None:
        if info.identity is not None:
            fields = {**vars(info), "location": None, "made": time.time()}
            self._cache.set_many({self._key("head", info.location): json.dumps(fields).encode()}, "head")

    def _key(self, kind: str, location: Location, question: str = "") -> str:
        parts = (location.kind, location.bucket, unsigned(location.key), location.version_id, question)
        return f"{kind}:{self._settings.scope}:{hashlib.sha256(repr(parts).encode()).hexdigest()[:40]}"
