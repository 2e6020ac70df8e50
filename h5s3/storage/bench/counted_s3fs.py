"""s3fs as others use it, with every request counted: what `bench --compare` holds h5s3 against."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from h5s3.errors import RefusedError
from h5s3.settings import Settings
from h5s3.storage.http.tls import warn_unverified
from h5s3.storage.location import Location
from h5s3.storage.stores.fsspec import translate_errors
from h5s3.storage.stores.s3_client import METHODS
from h5s3.storage.trace import Trace


@contextmanager
def open_counted(
    settings: Settings, location: Location, trace: Trace, limit: int, **options: Any
) -> Iterator[CountedFile]:
    """An S3 object as s3fs opens it (`options`: of its `open`), every request of it counted in `trace`.

    `trace.started` is set when all is ready for the first request. Opening and reading raise what a store
    would raise, and `RefusedError` before a request that would bring more than `limit` bytes in all.
    """
    import s3fs.core

    from h5s3.storage.stores.s3fs import s3fs_filesystem

    with translate_errors(location):
        session = s3fs.core.aiobotocore.session.AioSession(profile=settings.profile)
        _count(session, trace, limit)
        filesystem = s3fs_filesystem(settings, session)
        filesystem.connect()
        if settings.insecure:
            warn_unverified(str(filesystem.s3.meta.endpoint_url))
        trace.started = time.perf_counter()
        file = filesystem.open(f"{location.bucket}/{location.key}", "rb", **options)
    with file, CountedFile(file, settings, location) as counted:
        yield counted


class CountedFile(io.RawIOBase):
    """A file of s3fs that heeds the time limit and raises errors of ours."""

    def __init__(self, file: Any, settings: Settings, location: Location) -> None:
        super().__init__()
        self._file = file
        self._settings = settings
        self._location = location

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes. Raises `RefusedError`, and what a store raises."""
        self._settings.check_deadline()
        with translate_errors(self._location):
            return int(self._file.readinto(buffer))


def _count(session: Any, trace: Trace, limit: int) -> None:
    """Count what the clients of an aiobotocore session send, tries again included, and the bodies announced.

    Each request is a wait of its own: a file of s3fs asks for one range after another. Not seen is what
    aiohttp sends again by itself, because a connection that it had kept turned out dead.
    """

    def sent(request: Any, operation_name: str, **_: Any) -> None:
        first, _dash, last = str(request.headers.get("Range", "")).removeprefix("bytes=").partition("-")
        if last and trace.received + int(last) - int(first) + 1 > limit:
            raise RefusedError("more bytes than the limit allows")
        trace.rounds += 1
        trace.trips += 1
        trace.request(METHODS.get(operation_name, "GET"))

    def answered(event_name: str, response_dict: dict[str, Any] | None, **_: Any) -> None:
        if response_dict and not event_name.endswith(("HeadObject", "HeadBucket")):
            trace.request("", int(response_dict["headers"].get("content-length", 0)))

    session.register("request-created.s3", sent)
    session.register("response-received.s3", answered)
