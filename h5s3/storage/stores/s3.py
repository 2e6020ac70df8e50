"""S3: presigned URLs, and a pool of connections that asks for them.

boto3 makes the URLs, lists buckets and versions, and finds credentials; where these simply stand in the
environment or a file, walks and listings do without it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

from h5s3.errors import AccessError, H5s3Error, NoBucketError, NotFoundError, TransientError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from h5s3.storage.http.client import (
    LARGEST_PAGE,
    EmptyObjectError,
    Operation,
    RangeClient,
    RedirectError,
    Target,
)
from h5s3.storage.http.parallel import Batch
from h5s3.storage.location import Location
from h5s3.storage.responses import Head, UnservedError
from h5s3.storage.stores.s3_keys import KeySpace
from h5s3.storage.stores.s3_list import ObjectPages, one_by_one
from h5s3.storage.stores.s3_pages import Ask, Fetch, Page
from h5s3.storage.stores.s3_split import MOST_BYTES, pages_ahead
from h5s3.storage.stores.static_connection import static_connection
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.storage.stores.boto_connection import BotoConnection

MOST_SIGNED = 100_000  # URLs that are kept
SIGNED_SECONDS = 900  # how long a presigned URL is asked to live; it is renewed well before
OPERATIONS: dict[Operation, str] = {"GET": "get_object", "HEAD": "head_object", "LIST": "list_objects_v2"}
BOTO_BYTES = 16 << 20  # of memory that boto3 takes, and more; fewer pages of a listing wait beside it
T = TypeVar("T")


@dataclass(frozen=True)
class _Signed:
    """A presigned URL, when it was made, and for which region."""

    target: Target
    made: float
    region: str

    @property
    def age(self) -> float:
        return time.monotonic() - self.made


class S3Store:
    """One endpoint, one identity. A presigned URL is made once per object and reused for every range."""

    def __init__(self, settings: Settings, trace: Trace) -> None:
        self._settings = settings
        self._trace = trace
        self._static = static_connection(settings)
        self._made: BotoConnection | None = None
        self.trusted = self._static.ca_bundle if self._static else self._boto.ca_bundle
        self._ranges = RangeClient(settings, trace, self.trusted)
        self._batch = Batch(trace)
        self._signed: dict[tuple[Location, str], _Signed] = {}
        self._lock = threading.RLock()  # the threads of the batch sign and move, too
        self._region = (self._static or self._boto).region  # for which requests are signed
        # Without a password: it is kept in the cache and shown.
        self.endpoint: str = Location("web", (self._static or self._boto).endpoint).display

    @property
    def _boto(self) -> BotoConnection:
        """boto3, which is imported when it is first needed."""
        if self._made is None:
            from h5s3.storage.stores.boto_connection import BotoConnection

            region = self._static.region if self._static else None
            self._made = BotoConnection(self._settings, self._trace, region)
        return self._made

    def head(self, location: Location) -> ObjectInfo:
        """HEAD of the object. Raises `NotFoundError` naming what is missing, bucket or key."""
        return self._head(location) or self.first(location, 1)[0]

    def _head(self, location: Location) -> ObjectInfo | None:
        """None where the answer does not tell: a HEAD that is refused has no body to give the reason in."""
        try:
            with self._trace.round():
                found = self._asked(location, "head_object", self._ranges.head)
        except H5s3Error as error:
            raise self._missing(error, location) from None
        return self._info(location, found) if found else None

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """Identity and the first bytes by one ranged GET."""
        try:
            with self._trace.round():
                head, body = self._get(location, (0, length), None)
        except EmptyObjectError:
            return self._head(location) or ObjectInfo(location, self.endpoint, size=0), b""
        except H5s3Error as error:
            raise self._missing(error, location) from None
        return self._info(location, head), body

    def look(self, location: Location, length: int) -> tuple[ObjectInfo, bytes] | None:
        """The same of an object that may not be there; None where it is not, found out by the one request."""
        try:
            return self._present(location, (0, length), None)
        except EmptyObjectError:
            return ObjectInfo(location, self.endpoint, size=0), b""

    def tail(self, location: Location, size: int, length: int) -> tuple[ObjectInfo, bytes] | None:
        """The last bytes of an object of this size, and what it is; None where it is not there."""
        listed = ObjectInfo(location, self.endpoint, size, listed=True)
        return self._present(location, (max(0, size - length), size), listed)

    def _present(
        self, location: Location, wanted: Range, listed: ObjectInfo | None
    ) -> tuple[ObjectInfo, bytes] | None:
        try:
            with self._trace.round():
                head, body = self._get(location, wanted, listed)
        except NoBucketError as error:
            raise self._missing(error, location) from None
        except NotFoundError:
            return None
        except H5s3Error as error:
            raise error.at(location.display) from None
        return self._info(location, head), body

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes of the pinned object."""
        try:
            return self._batch.run(lambda wanted: self._get(obj.location, wanted, obj)[1], ranges, on_arrival)
        except H5s3Error as error:
            raise error.at(obj.location.display) from None

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """Buckets, or what lies under a prefix, page by page."""
        for page in self.pages(location, recursive=recursive, versions=versions):
            yield from page

    def pages(
        self, location: Location, *, recursive: bool = False, versions: bool = False, ahead: bool = False
    ) -> Iterator[Sequence[Entry]]:
        """What `list` gives, as it comes. `ahead`: all is wanted, so that pages may be fetched early."""
        try:
            if not location.bucket:
                yield self._boto.buckets()
            elif versions:
                yield from self._boto.versions(location, recursive)
            elif ahead:
                keys = KeySpace(location.key, folded=not recursive)
                most = MOST_BYTES - (BOTO_BYTES if self._made else 0)
                yield from pages_ahead(self._fetch(location, recursive), self._trace, keys, most)
            else:
                yield from one_by_one(self._fetch(location, recursive), self._trace)
        except H5s3Error as error:
            raise self._missing(error, location) from None

    def first_page(
        self, location: Location, most: int | None = None, *, recursive: bool = False
    ) -> tuple[Sequence[Entry], bool]:
        """The first page under a prefix, and whether others follow: one request. Of buckets, all."""
        try:
            if not location.bucket:
                return self._boto.buckets(), False
            with self._trace.round():
                page = self._fetch(location, recursive=recursive, most=most)(Ask())
        except H5s3Error as error:
            raise error.at(location.display) from None
        return page.entries, page.truncated

    def _fetch(self, location: Location, recursive: bool, most: int | None = None) -> Fetch:
        names: dict[str, Any] = {"Bucket": location.bucket, "Prefix": location.key}
        if not recursive:
            names["Delimiter"] = "/"
        if most is not None:
            names["MaxKeys"] = most
        if self._settings.request_payer:
            names["RequestPayer"] = "requester"
        return partial(ObjectPages(partial(self._page, location), self._boto_page, self._trace).fetch, names)

    def _page(self, location: Location, names: dict[str, Any]) -> bytes:
        """The XML of one page. Raises `RedirectError` where no region is named to go to."""
        signed = self._sign_page(location, names)
        try:
            return self._ranges.page(signed.target, LARGEST_PAGE)
        except RedirectError as redirect:
            if not redirect.region or redirect.region == signed.region:
                raise
            self._move(redirect, signed.region)
        self._trace.retry()
        return self._ranges.page(self._sign_page(location, names).target, LARGEST_PAGE)

    def _boto_page(self, names: dict[str, Any]) -> Page:
        with self._lock:  # it is imported and made once
            boto = self._boto
        return boto.page(names)

    def _sign_page(self, location: Location, names: dict[str, Any]) -> _Signed:
        with self._lock:
            self._follow()
            url = self._presign(location, OPERATIONS["LIST"], names)
            target = Target(url, self._headers(), (self._static or self._boto).who)
            return _Signed(target, time.monotonic(), self._region)

    def target(self, location: Location, operation: Operation = "GET") -> Target:
        """Where one request goes, signed, for a caller that sends it. LIST: of the folder around the key."""
        return self._sign(location, OPERATIONS[operation]).target

    def close(self) -> None:
        """Give back the connections."""
        self._batch.close()
        self._ranges.close()
        if self._made is not None:
            self._made.close()

    def _get(self, location: Location, wanted: Range, pinned: ObjectInfo | None) -> tuple[Head, bytes]:
        return self._asked(location, "get_object", lambda target: self._ranges.get(target, wanted, pinned))

    def _asked(self, location: Location, operation: str, ask: Callable[[Target], T]) -> T:
        """The answer to a signed request, which is signed anew where the server names another region."""
        signed = self._sign(location, operation)
        try:
            return ask(signed.target)
        except RedirectError as redirect:
            self._move(redirect, signed.region)
        except AccessError:
            if signed.age < 1.0:
                raise
            self._forget(location, operation, signed)  # the credentials may have been renewed meanwhile
        self._trace.retry()
        try:
            return ask(self._sign(location, operation).target)
        except RedirectError as redirect:
            raise redirect.error from None

    def _sign(self, location: Location, operation: str) -> _Signed:
        with self._lock:
            self._follow()
            signed = self._signed.get((location, operation))
            if signed is None or signed.age > SIGNED_SECONDS / 3:
                url = self._presign(location, operation, self._names(location, operation))
                target = Target(url, self._headers(), (self._static or self._boto).who)
                signed = _Signed(target, time.monotonic(), self._region)
                while len(self._signed) >= MOST_SIGNED:
                    del self._signed[next(iter(self._signed))]
                self._signed[location, operation] = signed
            return signed

    def _forget(self, location: Location, operation: str, signed: _Signed) -> None:
        with self._lock:
            if self._signed.get((location, operation)) is signed:
                del self._signed[location, operation]

    def _move(self, redirect: RedirectError, signed_for: str) -> None:
        """Go on in the region that the server named, once for all threads that it was named to."""
        with self._lock:
            if self._region != signed_for:
                return
            if not redirect.region or redirect.region == signed_for:
                raise redirect.error
            self._go_to(redirect.region)

    def _follow(self) -> None:
        """Go where boto3 was redirected to: its client follows by itself, the URLs that are signed do not."""
        if self._made and self._made.redirected not in (None, self._region):
            self._go_to(self._made.redirected or "")

    def _go_to(self, region: str) -> None:
        self._region = region
        self._static = self._static and self._static.moved(region)
        if self._made or not self._static:
            self._boto.move(region)
        self._signed.clear()

    def _presign(self, location: Location, operation: str, names: dict[str, Any]) -> str:
        """The URL of an operation. Raises `UsageError` for names that S3 does not have."""
        url = self._static.presign(operation, names, SIGNED_SECONDS) if self._static else None
        try:
            return url or self._boto.presign(operation, names, SIGNED_SECONDS)
        except H5s3Error as error:
            raise error.at(location.display) from None

    def _headers(self) -> dict[str, str]:
        return {"x-amz-request-payer": "requester"} if self._settings.request_payer else {}

    def _names(self, location: Location, operation: str) -> dict[str, Any]:
        """What an operation on an object, its bucket or its folder is told."""
        names = {"Bucket": location.bucket}
        if operation == "list_objects_v2":
            names |= {"Prefix": location.key[: location.key.rfind("/") + 1], "Delimiter": "/"}
        elif operation != "head_bucket":
            names["Key"] = location.key
            if location.version_id:
                names["VersionId"] = location.version_id
        if self._settings.request_payer and operation != "head_bucket":
            names["RequestPayer"] = "requester"
        return names

    def _info(self, location: Location, head: Head) -> ObjectInfo:
        return ObjectInfo(
            location=location,
            source=self.endpoint,
            size=head.size,
            etag=head.etag,
            last_modified=head.last_modified,
            version_id=head.version_id,
        )

    def _missing(self, error: H5s3Error, location: Location) -> H5s3Error:
        """Say whether it is the bucket, the key or the version that is not there: a HEAD's 404 does not."""
        if location.version_id and isinstance(error, UnservedError):
            error = NotFoundError("no such object")
        if isinstance(error, NotFoundError) and location.bucket and not isinstance(error, NoBucketError):
            try:
                with self._trace.round():
                    self._asked(Location("s3", "", bucket=location.bucket), "head_bucket", self._ranges.head)
            except NotFoundError:
                error = NoBucketError("no such bucket")
            except (AccessError, TransientError, RedirectError):
                pass  # it is there, or cannot be asked for
        if location.version_id and isinstance(error, NotFoundError) and not isinstance(error, NoBucketError):
            hint = f"try: h5s3 ls {location.display} --versions"
            error = NotFoundError("no such version of the object, or a delete marker", hint=hint)
        if isinstance(error, NotFoundError) and not error.hint:
            listed = "s3://" if isinstance(error, NoBucketError) else f"s3://{location.bucket}/"
            if listed != "s3://" and "*" in location.key:
                listed = quote(location.display)  # a glob, which `ls` knows
            error.hint = f"try: h5s3 ls {listed}"
        return error.at(location.display)


def open_s3(location: Location, settings: Settings, trace: Trace) -> S3Store:
    """The store of S3."""
    return S3Store(settings, trace)
