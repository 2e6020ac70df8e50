"""S3: boto3 for everything that names things, presigned pooled GETs for the bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from h5s3.errors import AccessError, H5s3Error, NetworkError, NoBucketError, NotFoundError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, OnArrival, Range, strong_etag
from h5s3.storage.http.client import EmptyObjectError, Operation, RangeClient, RedirectError, Target
from h5s3.storage.http.parallel import Batch
from h5s3.storage.location import Location
from h5s3.storage.responses import Head
from h5s3.storage.stores.s3_client import (
    BOTO_ERRORS,
    ca_bundle,
    error_code,
    make_client,
    make_session,
    signer,
    translate_error,
    unreadable,
)
from h5s3.storage.stores.s3_list import list_buckets, list_objects, list_versions
from h5s3.storage.trace import Trace

SIGNED_SECONDS = 900  # how long a presigned URL is asked to live; it is renewed well before
OPERATIONS = {"HEAD": "head_object", "LIST": "list_objects_v2"}


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
        self._session = make_session(settings)
        self._region: str | None = None  # that the client was redirected to
        self._client = self._connect()
        self.trusted = ca_bundle(self._session)
        self._ranges = RangeClient(settings, trace, self.trusted)
        self._batch = Batch(trace)
        self._signed: dict[Location, _Signed] = {}
        self._lock = threading.RLock()  # the threads of the batch sign and move, too
        # Without a password: it is kept in the cache and shown.
        self.endpoint: str = Location("web", self._client.meta.endpoint_url).display

    def head(self, location: Location) -> ObjectInfo:
        """HEAD of the object. Raises `NotFoundError` naming what is missing, bucket or key."""
        return self._head(location) or self.first(location, 1)[0]

    def _head(self, location: Location) -> ObjectInfo | None:
        """None where the answer does not tell: a HEAD that is refused has no body to give the reason in."""
        try:
            with self._trace.round():
                answer = self._client.head_object(**self._names(location))
        except BOTO_ERRORS as error:
            if unreadable(error) or error_code(error) in ("400", "403"):
                return None
            raise self._explain(error, location) from None
        except H5s3Error as error:
            raise error.at(location.display) from None
        if answer.get("ContentLength", -1) < 0:
            return None
        modified = answer.get("LastModified")
        return ObjectInfo(
            location=location,
            source=self.endpoint,
            size=answer["ContentLength"],
            etag=strong_etag(answer.get("ETag")),
            last_modified=_http_date(answer) or (modified and modified.isoformat()),
            version_id=answer.get("VersionId"),
        )

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
        payer = {"RequestPayer": "requester"} if self._settings.request_payer else {}
        try:
            if not location.bucket:
                with self._trace.round():
                    buckets = list_buckets(self._client)
                yield from buckets
            elif versions:
                yield from list_versions(self._client, self._trace, location, recursive, payer)
            else:
                yield from list_objects(self._client, self._trace, location, recursive, payer)
        except BOTO_ERRORS as error:
            raise self._explain(error, location) from None
        except H5s3Error as error:
            raise error.at(location.display) from None

    def target(self, location: Location, operation: Operation = "GET") -> Target:
        """Where one request goes, signed, for a caller that sends it. LIST: of the folder around the key."""
        if operation == "GET":
            return self._sign(location).target
        names = self._names(location)
        if operation == "LIST":
            folder = location.key[: location.key.rfind("/") + 1]
            names = {**names, "Prefix": folder, "Delimiter": "/"}
            names = {name: value for name, value in names.items() if name not in ("Key", "VersionId")}
        url = self._presign(location, OPERATIONS[operation], names)
        return Target(url, self._headers(), signer(self._session, self._settings))

    def close(self) -> None:
        """Give back the connections."""
        self._batch.close()
        self._ranges.close()
        self._client.close()

    def _get(self, location: Location, wanted: Range, pinned: ObjectInfo | None) -> tuple[Head, bytes]:
        signed = self._sign(location)
        try:
            return self._ranges.get(signed.target, wanted, pinned)
        except RedirectError as redirect:
            self._move(redirect, signed.region)
        except AccessError:
            if signed.age < 1.0:
                raise
            self._forget(location, signed)  # the credentials may have been renewed meanwhile
        self._trace.retry()
        try:
            return self._ranges.get(self._sign(location).target, wanted, pinned)
        except RedirectError as redirect:
            raise redirect.error from None

    def _connect(self, region: str | None = None) -> Any:
        client = make_client(self._session, self._settings, self._trace, region)
        client.meta.events.register("request-created.s3", self._note_region)
        return client

    def _note_region(self, request: Any, **rest: Any) -> None:
        if request.context.get("s3_redirect", {}).get("redirected"):
            self._region = request.context.get("signing", {}).get("region")

    def _sign(self, location: Location) -> _Signed:
        with self._lock:
            if self._region and self._region != self._client.meta.region_name:
                self._client = self._connect(self._region)  # the client follows, the URLs it signs do not
                self._signed.clear()
            signed = self._signed.get(location)
            if signed is None or signed.age > SIGNED_SECONDS / 3:
                who = signer(self._session, self._settings)
                target = Target(self._presign(location), self._headers(), who)
                signed = _Signed(target, time.monotonic(), self._client.meta.region_name)
                self._signed[location] = signed
            return signed

    def _forget(self, location: Location, signed: _Signed) -> None:
        with self._lock:
            if self._signed.get(location) is signed:
                del self._signed[location]

    def _move(self, redirect: RedirectError, signed_for: str) -> None:
        """Go on in the region that the server named, once for all threads that it was named to."""
        with self._lock:
            if self._client.meta.region_name != signed_for:
                return
            if not redirect.region or redirect.region == signed_for:
                raise redirect.error
            self._client, self._region = self._connect(redirect.region), None
            self._signed.clear()

    def _presign(
        self, location: Location, operation: str = "get_object", names: dict[str, Any] | None = None
    ) -> str:
        try:
            url: str = self._client.generate_presigned_url(
                operation, Params=names or self._names(location), ExpiresIn=SIGNED_SECONDS
            )
        except BOTO_ERRORS as error:
            raise translate_error(error, "").at(location.display) from None
        return url

    def _headers(self) -> dict[str, str]:
        return {"x-amz-request-payer": "requester"} if self._settings.request_payer else {}

    def _names(self, location: Location) -> dict[str, Any]:
        names = {"Bucket": location.bucket, "Key": location.key}
        if location.version_id:
            names["VersionId"] = location.version_id
        if self._settings.request_payer:
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

    def _explain(self, error: Exception, location: Location) -> H5s3Error:
        if unreadable(error):
            cause = "the server does not answer like S3"
            return NetworkError(cause, location=location.display, hint="check --endpoint-url")
        return self._missing(translate_error(error, signer(self._session, self._settings)), location)

    def _missing(self, error: H5s3Error, location: Location) -> H5s3Error:
        """Say whether it is the bucket or the key that is not there: a HEAD's 404 does not."""
        if isinstance(error, NotFoundError) and location.bucket and not isinstance(error, NoBucketError):
            try:
                with self._trace.round():
                    self._client.head_bucket(Bucket=location.bucket)
            except BOTO_ERRORS as reply:
                if error_code(reply) == "404":
                    error = NoBucketError("no such bucket")
        if isinstance(error, NotFoundError) and not error.hint:
            listed = "s3://" if isinstance(error, NoBucketError) else f"s3://{location.bucket}/"
            error.hint = f"try: h5s3 ls {listed}"
        return error.at(location.display)


def open_s3(location: Location, settings: Settings, trace: Trace) -> S3Store:
    """The store of S3."""
    return S3Store(settings, trace)


def _http_date(answer: dict[str, Any]) -> str | None:
    """Last-Modified as the server wrote it, to be compared with that of later answers."""
    headers: dict[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get("last-modified")
