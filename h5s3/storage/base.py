"""What every storage offers to the reader: one small protocol."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from h5s3.storage.location import Location

if TYPE_CHECKING:  # completion starts without the records
    from h5s3.records import Entry

Range = tuple[int, int]  # bytes, half-open
OnArrival = Callable[[Range, bytes], Iterable[Range]]
ETAG = re.compile("[!#-~\x80-\xff]{1,1024}")
SIGNATURES = [  # where all these parameters are there, those that match belong to the signature
    ({"x-amz-signature"}, re.compile("x-amz-.*")),
    ({"x-goog-signature"}, re.compile("x-goog-.*")),
    (
        {"signature", "expires"},
        re.compile("signature|expires|awsaccesskeyid|googleaccessid|key-pair-id|x-amz-security-token"),
    ),
    ({"signature", "policy", "key-pair-id"}, re.compile("signature|policy|key-pair-id")),
    ({"sig", "se"}, re.compile("sig|s[eprtv]|spr|sip|sk[a-z]{1,4}")),
]


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
    listed: bool = False  # a listing, or somebody's word, told its size; nothing else is known of it yet

    @property
    def is_prefix(self) -> bool:
        """Whether it is no object, but what stands below a place."""
        return not (self.cacheable or self.etag or self.size)

    @property
    def content(self) -> tuple[int, str | None]:
        """Tells this content from a later one: the size with the ETag or, without one, the date."""
        return self.size, self.etag or self.last_modified

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
        Several threads may call this at a time.
        """

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """Buckets, or what lies under a prefix, streamed in the storage's order."""

    def close(self) -> None:
        """Give back connections and files."""


@runtime_checkable
class Looking(Protocol):
    """A store that can tell by one request that an object is not there."""

    def look(self, location: Location, length: int) -> tuple[ObjectInfo, bytes] | None:
        """What `first` gives, or None."""


@runtime_checkable
class Tailing(Protocol):
    """A store that can read the end of an object whose size was listed, and tell by it which object it is."""

    def tail(self, location: Location, size: int, length: int) -> tuple[ObjectInfo, bytes] | None:
        """Identity and the last `length` bytes in one request; None where it is not there. Raises
        `ChangedError` for an object of another size."""


@runtime_checkable
class Paged(Protocol):
    """A store whose listings come in pages, which can be handled as such."""

    def pages(
        self, location: Location, *, recursive: bool = False, versions: bool = False, ahead: bool = False
    ) -> Iterator[Sequence[Entry]]:
        """What `list` gives, as it comes. `ahead`: all is wanted, so that pages may be fetched early."""


@runtime_checkable
class FirstPage(Protocol):
    """A store that can tell what comes first under a prefix, by one request."""

    def first_page(
        self, location: Location, most: int | None = None, *, recursive: bool = False
    ) -> tuple[Sequence[Entry], bool]:
        """What `list` gives first, `most` entries at most, and whether more follows."""


def strong_etag(value: str | None) -> str | None:
    """An ETag without quotes; None for a weak or missing one (RFC 9110, 8.8.3), and for what is none.

    It is sent back with every range: two of them, blanks or control characters could not be.
    """
    if not value or value.startswith("W/"):
        return None
    bare = value.strip().strip('"')
    return bare if ETAG.fullmatch(bare) else None


def unsigned(key: str) -> str:
    """A URL without what signs it or logs in with it; any other key, and a URL that is not signed, as it is.

    Parameters count as a signature only together: a `token` alone may well name what is asked for.
    """
    if not key.startswith(("http://", "https://")):
        return key
    scheme, _, rest = key.partition("#")[0].partition("://")
    place, _, query = rest.partition("?")
    host, slash, path = place.partition("/")
    parameters = query.split("&")
    names = {_name(parameter) for parameter in parameters}
    for proof, signing in SIGNATURES:
        if proof <= names:
            parameters = [p for p in parameters if not signing.fullmatch(_name(p))]
    query = "&".join(parameters)
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}{'?' if query else ''}{query}"


def _name(parameter: str) -> str:
    return parameter.partition("=")[0].lower()
