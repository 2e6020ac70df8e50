"""Any protocol that fsspec knows: s3fs, http, memory, and what the user has installed.

fsspec cannot pin a range to an ETag, so identity is asked for again after every batch: an object that
changed in between is found out before its bytes are used. Nothing proves the bytes themselves: they are
kept in memory alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from h5s3.errors import AccessError, H5s3Error, NetworkError, NotFoundError, UsageError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, OnArrival, Range, strong_etag
from h5s3.storage.location import Location
from h5s3.storage.responses import changed
from h5s3.storage.trace import Trace

LOGGERS = ("aiobotocore", "aiohttp", "asyncio", "fsspec", "s3fs")
NO_OPTIONS = ("profile", "endpoint_url", "region", "anon", "request_payer", "insecure")  # of fsspec's


class FsspecStore:
    """One fsspec file system behind the storage protocol."""

    def __init__(self, filesystem: Any, trace: Trace, settings: Settings | None = None) -> None:
        quiet()
        self._fs = filesystem
        self._trace = trace
        self._settings = settings or Settings()
        protocol = filesystem.protocol
        self.endpoint: str = protocol if isinstance(protocol, str) else protocol[0]

    def head(self, location: Location) -> ObjectInfo:
        """Size and what the file system offers of an identity."""
        with translate_errors(location), self._trace.round():
            self._settings.check_deadline()
            self._trace.request("HEAD")
            self._fs.invalidate_cache()
            info = self._fs.info(_path(location))
        if info.get("type") == "directory":
            raise NotFoundError("not an object", location=location.display)
        if info.get("size") is None:
            raise NetworkError("the storage does not tell the size", location=location.display)
        return ObjectInfo(
            location=location,
            source=self.endpoint,
            size=int(info["size"]),
            etag=_etag(info),
            last_modified=_modified(info),
            cacheable=False,
        )

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """Identity and the first bytes: two requests, as fsspec has no way to do both at once."""
        info = self.head(location)
        wanted = (0, min(length, info.size))
        return info, self.get_ranges(info, [wanted])[wanted] if info.size else b""

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes, by `cat_ranges`; what `on_arrival` names is fetched in a further round."""
        done: dict[Range, bytes] = {}
        todo = list(dict.fromkeys(ranges))
        while todo:
            try:
                answers = self._cat(obj, todo)
            except (NotFoundError, NetworkError):
                self._still_same(obj)  # what fails may fail because the object is another one now
                raise
            done.update(answers)
            more = [r for item in answers.items() for r in (on_arrival(*item) if on_arrival else ())]
            todo = list(dict.fromkeys(r for r in more if r not in done))
        if done:
            self._still_same(obj)
        return done

    def _cat(self, obj: ObjectInfo, ranges: list[Range]) -> dict[Range, bytes]:
        path = _path(obj.location)
        with translate_errors(obj.location), self._trace.round():
            self._settings.check_deadline()
            starts, stops = [r[0] for r in ranges], [r[1] for r in ranges]
            answers = self._fs.cat_ranges([path] * len(ranges), starts, stops, on_error="raise")
            for answer in answers:
                if isinstance(answer, Exception):  # older file systems return them all the same
                    raise answer
        for (start, stop), data in zip(ranges, answers, strict=True):
            self._trace.request("GET", len(data))
            if len(data) != stop - start:
                raise NetworkError(
                    "the storage gave fewer bytes than asked for", location=obj.location.display
                )
        return dict(zip(ranges, map(bytes, answers), strict=True))

    def _still_same(self, obj: ObjectInfo) -> None:
        try:
            now = self.head(obj.location)
        except NotFoundError:
            raise changed().at(obj.location.display) from None
        if (now.size, now.etag, now.last_modified) != (obj.size, obj.etag, obj.last_modified):
            raise changed().at(obj.location.display)

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """What lies under a path."""
        if versions:
            raise UsageError("only S3 lists versions", location=location.display)
        path = _path(location)
        bucket = f"{location.bucket}/" if location.kind == "s3" else ""
        folder = path[: path.rfind("/") + 1] if bucket else path
        with translate_errors(location), self._trace.round():
            self._trace.request("LIST")
            self._fs.invalidate_cache()
            found = self._fs.find(folder, detail=True) if recursive else self._fs.ls(folder, detail=True)
        listed = list(found.values()) if recursive else found
        for info in sorted(listed, key=lambda item: str(item["name"])):
            key = str(info["name"]).removeprefix(bucket)
            if bucket and not key.startswith(location.key):
                continue
            if info.get("type") == "directory":
                yield Entry(key=key + "/", type="prefix")
            else:
                yield Entry(
                    key=key,
                    type="object",
                    size=info.get("size"),
                    last_modified=_modified(info),
                    etag=_etag(info),
                )

    def close(self) -> None:
        """fsspec keeps its own connections."""


def open_fsspec(location: Location, settings: Settings, trace: Trace) -> FsspecStore:
    """The file system for `protocol://…`. Raises `UsageError` for one that is not installed.

    fsspec has no common way to say who asks whom, nor to do without verification: options for that are
    refused, not forgotten.
    """
    lost = [f"--{name.replace('_', '-')}" for name in NO_OPTIONS if getattr(settings, name)]
    if lost:
        raise UsageError(
            f"{', '.join(lost)} cannot be passed on to fsspec, whose protocols have settings of their own",
            location=location.display,
            hint=f"run without {lost[0] if len(lost) == 1 else 'them'}",
        )
    import fsspec

    protocol = location.key.partition("://")[0]
    try:
        kind = fsspec.get_filesystem_class(protocol)
        options = kind._get_kwargs_from_urls(location.key)
    except (ImportError, ValueError):
        raise UsageError(f"nothing here reads {protocol}:// locations", location=location.display) from None
    with translate_errors(location):
        try:
            return FsspecStore(kind(**options), trace, settings)
        except TypeError:
            raise UsageError(
                f"{protocol}:// needs more than a location to be opened", location=location.display
            ) from None


def quiet() -> None:
    """Have what these libraries log of broken connections not end on standard error, but for `--debug`.

    Their failures are raised as well. A program that has set up logging still gets the records.
    """
    if logging.getLogger("h5s3").isEnabledFor(logging.DEBUG):
        return
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())


def _etag(info: dict[str, Any]) -> str | None:
    return strong_etag(info.get("ETag") or info.get("etag"))


def _modified(info: dict[str, Any]) -> str | None:
    names = ("LastModified", "Last-Modified", "last_modified", "mtime", "created")
    found = next((info[name] for name in names if info.get(name)), None)
    return found.isoformat() if isinstance(found, datetime) else None if found is None else str(found)


def _path(location: Location) -> str:
    from fsspec.core import strip_protocol

    if location.kind == "s3":
        return f"{location.bucket}/{location.key}"
    path: str = strip_protocol(location.key)
    return path


@contextmanager
def translate_errors(location: Location) -> Iterator[None]:
    """Turn what file systems raise into our errors, located."""
    where = location.display
    try:
        yield
    except H5s3Error as error:  # such as the end of the time
        error.at(where)
        raise
    except FileNotFoundError:
        raise NotFoundError("no such object", location=where) from None
    except PermissionError:
        raise AccessError("access denied", location=where) from None
    except Exception as error:  # noqa: BLE001 - each file system has errors of its own
        raise NetworkError(f"the storage failed ({type(error).__name__})", location=where) from None
