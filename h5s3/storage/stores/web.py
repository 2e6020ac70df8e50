"""Objects behind plain or presigned `https://` URLs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urljoin, urlsplit

from h5s3.errors import AccessError, H5s3Error, NetworkError, UsageError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, OnArrival, Range, unsigned
from h5s3.storage.http.client import EmptyObjectError, Operation, RangeClient, RedirectError, Target
from h5s3.storage.http.parallel import Batch
from h5s3.storage.location import Location
from h5s3.storage.responses import HINTS, SIGNED_URL, UNSIGNED_URL, Head
from h5s3.storage.trace import Trace

REDIRECTS = 5


class WebStore:
    """Ranged GETs of a URL. Identity comes from a GET, never a HEAD: a URL presigned for GET refuses HEAD."""

    def __init__(self, settings: Settings, trace: Trace) -> None:
        self.endpoint = "web"
        self.trusted = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
        self._client = RangeClient(settings, trace, self.trusted)
        self._batch = Batch(trace)
        self._trace = trace
        self._targets: dict[str, str] = {}  # URL as given: where redirects led

    def head(self, location: Location) -> ObjectInfo:
        """Size and identity, by a GET of one byte."""
        return self.first(location, 1)[0]

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """Identity and the first bytes, following redirects. Nothing is sent that could sign a request."""
        self._targets.pop(location.key, None)
        try:
            with self._trace.round():
                head, body = self._get(location.key, (0, length), None)
        except EmptyObjectError:
            return ObjectInfo(location, "web", size=0), b""
        except H5s3Error as error:
            told = _expired(location.key) if isinstance(error, AccessError) else None
            raise (told or error).at(location.display) from None
        return _info(location, head), body

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes of the pinned object."""
        try:
            return self._batch.run(
                lambda wanted: self._get(obj.location.key, wanted, obj)[1], ranges, on_arrival
            )
        except H5s3Error as error:
            raise error.at(obj.location.display) from None

    def _get(self, given: str, wanted: Range, pinned: ObjectInfo | None) -> tuple[Head, bytes]:
        """One range, from where redirects lead. A place that was found once is asked directly."""
        start = url = self._targets.get(given, given)
        for _ in range(REDIRECTS + 1):
            try:
                found = self._client.get(_target(url), wanted, pinned)
            except AccessError:
                if url == given or url != start:
                    raise
                start = url = given  # the place may have been signed for a while only
            except RedirectError as redirect:
                if not redirect.url:
                    raise redirect.error from None
                url = _follow(url, redirect.url)
            else:
                self._targets[given] = url
                return found
        raise NetworkError("too many redirects")

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """The web has no listings."""
        raise UsageError("a URL cannot be listed", location=location.display, hint="try: h5s3 tree")

    def target(self, location: Location, operation: Operation = "GET") -> Target:
        """Where one request goes, after the redirects that `first` met. Raises `UsageError` for a LIST."""
        if operation == "LIST":
            raise UsageError("a URL cannot be listed", location=location.display)
        return _target(self._targets.get(location.key, location.key))

    def close(self) -> None:
        """Give back the connections."""
        self._batch.close()
        self._client.close()


def open_web(location: Location, settings: Settings, trace: Trace) -> WebStore:
    """The store of URLs."""
    return WebStore(settings, trace)


def end_of_signature(url: str) -> datetime | None:
    """When a presigned URL expires, by its query; None where that does not say so."""
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    try:
        if "x-amz-date" in query:
            made = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return made + timedelta(seconds=int(query["x-amz-expires"]))
        return datetime.fromtimestamp(int(query["expires"]), UTC)
    except (ValueError, KeyError, OverflowError, OSError):
        return None


def _expired(url: str) -> AccessError | None:
    """The error for a presigned URL whose time is over; None for any other."""
    ends = end_of_signature(url)
    if ends is None or ends > datetime.now(UTC):
        return None
    return AccessError(f"the URL expired at {ends:%Y-%m-%d %H:%M} UTC", hint=HINTS[SIGNED_URL])


def _target(url: str) -> Target:
    signed = "?" in url and unsigned(url) != url
    return Target(url, {}, SIGNED_URL if signed else UNSIGNED_URL)


def _follow(url: str, onward: str) -> str:
    try:
        joined = urljoin(url, onward)
        before, after = urlsplit(url).scheme.lower(), urlsplit(joined).scheme
    except ValueError:
        before, after = "", ""
    if after not in ("http", "https") or (before == "https" and after != "https"):
        raise NetworkError("the server redirects to an unsafe address") from None
    return joined


def _info(location: Location, head: Head) -> ObjectInfo:
    return ObjectInfo(
        location=location,
        source="web",
        size=head.size,
        etag=head.etag,
        last_modified=head.last_modified,
    )
