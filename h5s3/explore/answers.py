"""Answers that are remembered: each of one question about one very object."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from h5s3.cache import Cache
from h5s3.explore.questions import answer_key
from h5s3.formats.requests import Request
from h5s3.records import DiskUsage, Document, Meta, Outline, Preview, Tree, from_json, to_json
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, unsigned
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

Answer = TypeVar("Answer", bound=Document)


class Answers:
    """The answers in the cache."""

    def __init__(self, cache: Cache, settings: Settings, trace: Trace) -> None:
        self._cache, self._settings, self._trace = cache, settings, trace

    def get(self, kind: type[Answer], info: ObjectInfo, asked: Request) -> Answer | None:
        """The answer to a question; None where it is not remembered."""
        return self._stored(kind, self._key(kind, info, asked), info.location)

    def last(self, kind: type[Answer], location: Location, asked: Request) -> Answer | None:
        """The last answer about what stands below a prefix, which has no identity: for who works offline."""
        return self._stored(kind, self._key_of_prefix(kind, location, asked), location)

    def _stored(self, kind: type[Answer], key: str | None, location: Location) -> Answer | None:
        stored = self._cache.get(key) if key else None
        if stored is None:
            return None
        try:
            found = from_json(stored, kind)
        except ValueError:
            return None
        self._trace.hits += 1
        if isinstance(found, Tree | Meta | Preview | DiskUsage | Outline):
            found.location, found.key, found.cached = location.display, location.shown_key, True
        return found

    def keep(self, answers: Sequence[tuple[ObjectInfo, Request, Document]]) -> None:
        """Remember answers, all at once."""
        if self._settings.offline:
            return
        found = {self._key(type(answer), info, asked): to_json(answer) for info, asked, answer in answers}
        found |= {
            self._key_of_prefix(type(answer), info.location, asked): to_json(answer)
            for info, asked, answer in answers
            if info.is_prefix and info.location.kind in ("s3", "web")
        }
        self._cache.set_many({key: data for key, data in found.items() if key}, "answer")

    def _key_of_prefix(self, kind: type[Document], location: Location, asked: Request) -> str | None:
        if self._settings.follows:
            return None
        parts = (self._settings.scope, location.kind, location.bucket, unsigned(location.key.rstrip("/")))
        place = f"last:{hashlib.sha256(repr(parts).encode()).hexdigest()[:40]}"
        return answer_key(kind.__name__, place, asked, self._settings.plugins, location.table_version)

    def _key(self, kind: type[Document], info: ObjectInfo, asked: Request) -> str | None:
        if info.identity is None or self._settings.follows:
            return None
        version = info.location.table_version
        return answer_key(kind.__name__, info.identity, asked, self._settings.plugins, version)
