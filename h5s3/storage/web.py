"""Objects behind plain or presigned `https://` URLs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urljoin, urlsplit

from h5s3.errors import H5s3Error, NetworkError, UsageError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.answers import Head
from h5s3.storage.base import ObjectInfo, OnArrival, Range, unsigned
from h5s3.storage.batch import Batch
from h5s3.storage.http import EmptyObjectError, Operation, RangeClient, RedirectError, Target
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

REDIRECTS = 5


class WebStore:
    """Ranged GETs of a URL. Identity comes from a GET, never a HEAD: a URL presigned for GET refuses HEAD."""

    def __init__(self, settings: Settings, trace: Trace) -> None:
        self.endpoint = "web"
        self._client = RangeClient(settings, trace)
        self._batch = Batch(trace)
        self._trace = trace
        self._targets: dict[str, str] = {}  # URL as given: where redirects led

    def head(self, location: Location) -> ObjectInfo:
        """Size and identity, by a GET of one byte."""
        return self.first(location, 1)[0]

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """Identity and the first bytes, following redirects. Nothing is sent that could sign a request."""
        url = location.key
        with self._trace.round():
            for _ in range(REDIRECTS + 1):
                try:
                    head, body = self._client.get(_target(url), (0, length), None)
                except RedirectError as redirect:
                    url = _follow(url, redirect.url)
                except EmptyObjectError:
                    return ObjectInfo(location, "web", size=0), b""
                except H5s3Error as error:
                    raise error.at(location.display) from None
                else:
                    self._targets[location.key] = url
                    return _info(location, head), body
        raise NetworkError("too many redirects", location=location.display)

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes of the pinned object."""
        url = self._targets.get(obj.location.key, obj.location.key)

        def fetch(wanted: Range) -> bytes:
            try:
                return self._client.get(_target(url), wanted, obj)[1]
            except RedirectError:
                raise NetworkError("the server redirects some requests and not others") from None

        try:
            return self._batch.run(fetch, ranges, on_arrival)
        except H5s3Error as error:
            raise error.at(obj.location.display) from None

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


def _target(url: str) -> Target:
    signed = unsigned(url) != url
    return Target(url, {}, "the URL's signature is wrong or has expired" if signed else "anonymous")


def _follow(url: str, onward: str | None) -> str:
    if not onward:
        raise NetworkError("the server redirects to nowhere")
    joined = urljoin(url, onward)
    if urlsplit(joined).scheme not in ("http", "https") or (
        urlsplit(url).scheme == "https" and urlsplit(joined).scheme != "https"
    ):
        raise NetworkError("the server redirects to an unsafe address")
    return joined


def _info(location: Location, head: Head) -> ObjectInfo:
    return ObjectInfo(
        location=location,
        source="web",
        size=head.size,
        etag=head.etag,
        last_modified=head.last_modified,
    )
