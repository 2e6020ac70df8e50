"""The indexes of chunks that were read, by this command or by one before it: they take long to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cache import Cache


class IndexCache:
    """Indexes of one object, each by the address of its dataset's header: as read, for this command, and as
    bytes, in the persistent cache. What these bytes mean is for their reader to check.
    """

    def __init__(self, cache: Cache | None, identity: str | None, trace: Trace) -> None:
        self._cache = cache if identity else None
        self._identity = identity
        self._trace = trace
        self._read: dict[int, Any] = {}
        self._stored: dict[int, bytes | None] = {}  # None: known not to be in the cache
        self._unsaved: dict[int, bytes] = {}

    def has(self, address: int) -> bool:
        """Whether the index of this dataset is known: it need not be fetched."""
        return address in self._read or self.stored(address) is not None

    def get(self, address: int) -> Any | None:
        """The index, if this command has read it."""
        return self._read.get(address)

    def put(self, address: int, index: Any) -> None:
        """Keep an index for this command."""
        self._read[address] = index

    def bound(self, most: int) -> None:
        """Forget what this command has read where it is of more than `most` chunks."""
        if sum(map(len, self._read.values())) > most:
            self.forget()

    def forget(self) -> None:
        """Forget what this command has read."""
        self._read.clear()

    def stored(self, address: int) -> bytes | None:
        """The index as bytes, stored by this command or by one before it."""
        if address not in self._stored and self._cache is not None:
            self._stored[address] = self._cache.get(self._key(address))
            self._trace.hits += self._stored[address] is not None
        return self._stored.get(address)

    def store(self, address: int, packed: bytes) -> None:
        """Have the persistent cache keep these bytes when the file is saved next."""
        if self._cache is not None:
            self._stored[address] = self._unsaved[address] = packed

    def save(self) -> None:
        """Write what is to be stored, in one transaction."""
        if self._cache is not None and self._unsaved:
            self._cache.set_many({self._key(key): value for key, value in self._unsaved.items()}, "index")
            self._unsaved = {}

    def _key(self, address: int) -> str:
        return f"chunks:{self._identity}:{address}"
