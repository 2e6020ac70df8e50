"""Names out of the answers that the cache holds, read as plain JSON: without records, reader and client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from h5s3.cache import Cache
from h5s3.errors import NotCachedError
from h5s3.explore.questions import Question, answer_key
from h5s3.formats.requests import MetaRequest, Request, TreeRequest
from h5s3.settings import Settings
from h5s3.storage.head_cache import FRESH_SECONDS, HeadCache
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

MOST = 1000  # names that are given
FIRST_PAGE = "first page"  # the question whose answer is a listing that was cut at its first page
BUCKETS_SECONDS = 600.0  # how long the names of buckets are used: to ask again takes boto3
MOST_LOOKUPS = 40  # of listings, for one word
LISTING = repr(Question())
DEPTHS = (0, 2, 3)  # 0: all levels
WHOLE = TreeRequest(limit=MOST)


@dataclass
class Names:
    """Names, those of prefixes and groups with a `/` at their end. `complete`: there are no others."""

    names: list[str]
    complete: bool = True


class Remembered:
    """What the cache knows, whatever its age where `stale` is set, about one place under some settings."""

    def __init__(self, cache: Cache, settings: Settings, stale: bool = False) -> None:
        offline = replace(settings, offline=True, refresh=False)
        self._cache = cache
        self._settings = settings
        self._heads = HeadCache(cache, offline, Trace())
        self._lists = HeadCache(cache, offline if stale else settings, Trace())

    def below(self, location: Location) -> Names | None:
        """The keys that begin with the key of a location, up to the next `/`; without a bucket, buckets.

        A listing of its folder will do, and of any beginning of its last part, if it is whole.
        """
        folder = location.key.rfind("/") + 1
        for end in range(folder, len(location.key) + 1)[:MOST_LOOKUPS]:
            found = self._listing(replace(location, key=location.key[:end]), LISTING)
            if found is not None and found.complete:
                names = [name for name in found.names if name.startswith(location.key)]
                return Names(names[:MOST], len(names) <= MOST)
        return self._listing(location, FIRST_PAGE)

    def children(self, location: Location, path: str) -> Names | None:
        """The names in a group of a file, out of any tree that shows them all."""
        identity = self._identity(location)
        asked = TreeRequest(path)
        for document, way in self._trees(identity, asked):
            found = _at(document, way)
            if found is not None and not found.get("children_truncated"):
                return _children(found)
        cut = self._answer("Tree", identity, replace(WHOLE, path=path))
        return _children(cut) if cut else None

    def attributes(self, location: Location, path: str) -> Names | None:
        """The names of the attributes of an object of a file."""
        identity = self._identity(location)
        for all_attributes in (False, True):
            asked = MetaRequest(path, all_attributes=all_attributes)
            found = self._answer("Meta", identity, asked)
            if found and (all_attributes or not found.get("attributes_truncated")):
                return Names([one["name"] for one in found.get("attributes", ()) if "name_b64" not in one])
        return None

    def _listing(self, location: Location, question: str) -> Names | None:
        seconds = FRESH_SECONDS if location.bucket else BUCKETS_SECONDS
        try:
            found = _document(self._lists.listing(location, question, seconds))
        except NotCachedError:
            return None
        if found is None:
            return None
        names = [entry["key"] + "/" * (entry["type"] == "bucket") for entry in found["entries"]]
        return Names(names, not found["truncated"])

    def _identity(self, location: Location) -> str | None:
        """Names the object that the cache holds answers about, as it was when it was last asked for."""
        if location.kind == "local":
            return None
        try:
            return self._heads.resolve(location, _no_store, 0)[0].identity
        except NotCachedError:
            return None

    def _trees(self, identity: str | None, asked: TreeRequest) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """Trees that may show a group, and the way to it in each: its own ones, and deep ones of the root."""
        own = [asked, replace(asked, attributes=True), replace(asked, values=True)]
        own += [replace(asked, depth=depth, view_levels=depth) for depth in (1, *DEPTHS)]
        own += [replace(asked, view="auto"), replace(asked, limit=MOST)]
        deep = [TreeRequest(depth=depth, view_levels=depth) for depth in DEPTHS]
        for request in [*own, *deep]:
            found = self._answer("Tree", identity, request)
            if found is not None:
                yield found, [part for part in asked.path.split("/") if part] if request in deep else []

    def _answer(self, kind: str, identity: str | None, asked: Request) -> dict[str, Any] | None:
        if identity is None:
            return None
        return _document(self._cache.get(answer_key(kind, identity, asked, self._settings.plugins)))


def _no_store() -> Any:
    raise NotCachedError("not in the cache")


def _document(stored: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(stored) if stored else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _at(document: dict[str, Any], way: list[str]) -> dict[str, Any] | None:
    """The group that a way leads to, if the tree went into it."""
    for name in way:
        children = document.get("children", ())
        found = next((one for one in children if one["name"] == name and "name_b64" not in one), None)
        if found is None:
            return None
        document = found
    return document if "children" in document else None


def _children(group: dict[str, Any]) -> Names:
    named = [node for node in group["children"] if "name_b64" not in node]
    names = [node["name"] + "/" * (node["type"] == "group") for node in named]
    return Names(names[:MOST], len(names) <= MOST and not group.get("children_truncated"))
