"""Which object stood at each place when it was first looked at: what is shown later is of the same one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from h5s3.cache import Cache
from h5s3.errors import ChangedError, H5s3Error
from h5s3.explore.session import Session
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo
from h5s3.storage.head_cache import FRESH_SECONDS, HeadCache
from h5s3.storage.location import Location
from h5s3.storage.memory import Memory
from h5s3.storage.trace import Trace

SHELVED = 1000  # answers


class Pins(HeadCache):
    """As `HeadCache`, and an object that is no longer the one that was seen first is a `ChangedError`.

    What was received is kept in memory.
    """

    def __init__(self, cache: Cache, settings: Settings, trace: Trace) -> None:
        super().__init__(cache, settings, trace)
        self.memory = Memory(trace)
        self._wished: dict[Location, float] = {}  # when it was wished to list a place anew
        self._pinned: dict[Location, tuple[int, str | None]] = {}

    def resolve(self, location: Location, *asked: Any, **named: Any) -> tuple[ObjectInfo, bytes]:
        """As `HeadCache` does. Raises `ChangedError`, too."""
        info, start = super().resolve(location, *asked, **named)
        if start and location.kind != "local":
            self.memory.keep(info, 0, start)
        seen = self._pinned.setdefault(location, info.content)
        if seen != info.content and location.kind != "local":  # which may grow while it is looked at
            cause = "it changed since it was opened here"
            raise ChangedError(cause, location=location.display, hint="r shows it as it is now")
        return info, start

    def listing(self, location: Location, question: str, seconds: float = FRESH_SECONDS) -> bytes | None:
        """As `HeadCache` does, but for what is older than the last wish to list the place anew."""
        wished = self._wished.get(location)
        return super().listing(
            location, question, seconds if wished is None else min(seconds, time.time() - wished)
        )

    def list_again(self, location: Location) -> None:
        """List a place anew when it is listed next."""
        self._wished[location] = time.time()

    def renew(self, session: Session, location: Location) -> bool:
        """Ask which object is there now, to be shown from now on; whether it is another one. Raises what
        the storage raises."""
        before = self._pinned.pop(location, None)
        self.forget(location)
        try:
            now = session.identity(location).content
        except H5s3Error:
            if before is not None:  # it is still what is shown
                self._pinned[location] = before
            raise
        return before not in (None, now)


class Shelf(Cache):
    """Small answers in memory, where there is no cache on disk to have them."""

    def __init__(self) -> None:
        super().__init__(enabled=False)
        self._values: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._values.get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        return {key: self._values[key] for key in keys if key in self._values}

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        self._values.update(items)
        while len(self._values) > SHELVED:
            self._values.pop(next(iter(self._values)), None)

    def delete(self, key: str) -> None:
        self._values.pop(key, None)


def pinned(session: Session) -> Pins:
    """Have a session keep to the objects that it has seen, and what it received of them."""
    kept = session.catalog
    if isinstance(kept, Pins):
        return kept
    cache = session.cache if session.cache.enabled else Shelf()
    session.catalog = pins = Pins(cache, session.settings, session.trace)
    session.memory = pins.memory
    return pins
