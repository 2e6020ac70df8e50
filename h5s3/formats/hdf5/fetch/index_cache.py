"""What was worked out of an object and is dear to work out again: the places of a dataset's chunks."""

from __future__ import annotations

from typing import Any

from h5s3.cache import Cache
from h5s3.storage.trace import Trace


class Notes:
    """Notes on one object, each by the address of a dataset's header: as bytes, kept by the persistent cache.

    What a note says is for its reader to check. `kept` holds what was made of notes, for this command alone.
    """

    def __init__(self, cache: Cache | None, identity: str | None, trace: Trace) -> None:
        self._cache = cache
        self._identity = identity
        self._trace = trace
        self._found: dict[int, bytes | None] = {}  # None: known not to be in the cache
        self._unsaved: dict[int, bytes] = {}
        self.kept: dict[int, Any] = {}

    def has_chunks(self, address: int) -> bool:
        """Whether the places of the chunks of this dataset are known: their index need not be fetched."""
        return address in self.kept or self.chunks(address) is not None

    def chunks(self, address: int) -> bytes | None:
        """What was noted of the chunks of this dataset, by this command or by one before it."""
        if address not in self._found and self._cache is not None:
            self._found[address] = self._cache.get(self._key(address))
            self._trace.hits += self._found[address] is not None
        return self._found.get(address)

    def note_chunks(self, address: int, value: bytes) -> None:
        """Have the persistent cache keep this when the file is saved next."""
        if self._cache is not None:
            self._found[address] = self._unsaved[address] = value

    def save(self) -> None:
        """Store what was noted, in one transaction."""
        if self._cache is not None and self._unsaved:
            self._cache.set_many({self._key(key): value for key, value in self._unsaved.items()}, "index")
            self._unsaved = {}

    def _key(self, address: int) -> str:
        return f"chunks:{self._identity}:{address}"
