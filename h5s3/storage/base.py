"""What every storage offers to the reader: one small protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from h5s3.records import Entry
from h5s3.storage.location import Location

Range = tuple[int, int]  # bytes, half-open
OnArrival = Callable[[Range, bytes], Iterable[Range]]


@dataclass(frozen=True)
class ObjectInfo:
    """An object as it was when first seen. Every later read is held against it."""

    location: Location
    source: str  # the endpoint, or what kind of storage it is
    size: int
    etag: str | None = None  # opaque, with its quotes removed; None where missing or weak
    last_modified: str | None = None
    version_id: str | None = None
    cacheable: bool = True

    @property
    def identity(self) -> str | None:
        """Names this very content for the cache (a hash); None where nothing vouches for it.

        An object without a strong ETag is kept in memory only: size and date may stay while bytes change.
        """
        if not (self.cacheable and self.etag):
            return None
        place = self.location
        parts = [
            self.source,
            place.kind,
            place.bucket,
            unsigned(place.key),
            self.version_id,
            self.etag,
            self.size,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


class Store(Protocol):
    """A storage. Methods raise the errors of `h5s3.errors`, located."""

    endpoint: str

    def head(self, location: Location) -> ObjectInfo:
        """Size and identity, by one small request."""

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """Identity and the first `length` bytes (or all there are) in one request."""

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """Exactly these bytes of exactly this object, many requests in flight.

        `on_arrival` is called in the calling thread with each range as it arrives and may name more to fetch.
        """

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """Buckets, or what lies under a prefix, streamed in the storage's order."""

    def close(self) -> None:
        """Give back connections and files."""


def strong_etag(value: str | None) -> str | None:
    """An ETag without quotes; None for a weak or missing one (RFC 9110, 8.8.3)."""
    if not value or value.startswith("W/"):
        return None
    return value.strip().strip('"') or None


def unsigned(key: str) -> str:
    """A URL without the query parameters that sign it; any other key as it is."""
    if not key.startswith(("http://", "https://")):
        return key
    from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

    parts = urlsplit(key)
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _signs(k)]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, urlencode(kept), ""))


def _signs(parameter: str) -> bool:
    name = parameter.lower()
    return name.startswith(("x-amz-", "x-goog-")) or name in {
        "awsaccesskeyid", "signature", "expires", "sig", "se", "token", "policy", "key-pair-id",
    }  # fmt: skip
