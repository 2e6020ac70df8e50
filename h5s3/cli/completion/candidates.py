"""What a word may be: of each kind of words, those that begin as it does."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from h5s3.cache import Cache
from h5s3.cli.completion.position import Position
from h5s3.errors import H5s3Error, UsageError
from h5s3.explore.completion.remembered import MOST, Names, Remembered
from h5s3.render.text import safe
from h5s3.settings import Settings, from_environment
from h5s3.storage.location import Location, parse_location

SECONDS = 1.5  # that may be spent on asking
SCHEMES = ("s3", "s3a", "s3n")
START = "s3://"
SETTINGS = (
    "profile", "endpoint_url", "region", "anon", "request_payer", "no_cache", "refresh", "offline",
    "insecure", "plugins", "version_id", "version",
)  # fmt: skip


def candidates(position: Position, cache: Cache) -> dict[str, str]:
    """Words that may stand there, each with its help or nothing. Raises `H5s3Error` where none can be had."""
    found = position.known or dict.fromkeys(_FOUND.get(position.kind, _nothing)(position, cache), "")
    kept = {position.before + word: about for word, about in found.items() if _fits(word, position.word)}
    return dict(list(kept.items())[:MOST])


def takes_files(position: Position) -> bool:
    """Whether names of local files, which shells know how to complete, may stand there."""
    if position.kind != "location":
        return position.kind == "file"
    return _is_local(position.word, settings_of(position.values))


def here(begun: str) -> list[str]:
    """The files of the folder where the user is, directories with a `/`: for bash, beside other words."""
    with suppress(OSError), os.scandir() as entries:
        names = [entry.name + "/" * entry.is_dir() for entry in entries if not entry.name.startswith(".")]
        return sorted(name for name in names if _fits(name, begun))[:MOST]
    return []


def settings_of(values: dict[str, Any]) -> Settings:
    """The settings that the options so far stand for. Raises `UsageError`."""
    file = values.get("env_file")
    given = {name: values[name] for name in SETTINGS if values.get(name)}
    return replace(from_environment(Path(file) if file else None), timeout=SECONDS, **given)


def _fits(word: str, begun: str) -> bool:
    """Whether a word goes on as it began, and can be shown: a terminal could obey what is not printable."""
    if not word.startswith(begun) or safe(word, len(word)) != word:
        return False
    try:
        os.fsencode(word)
    except UnicodeEncodeError:
        return False
    return True


def _is_local(word: str, settings: Settings) -> bool:
    """Whether a LOCATION may turn out to be a path of this machine."""
    if word.startswith(("/", "./", "../", "~", ".")):
        return True
    return not settings.bucket and "://" not in word


def _nothing(position: Position, cache: Cache) -> list[str]:
    return []


def _profiles(position: Position, cache: Cache) -> list[str]:
    from h5s3.storage.stores.static_connection import profiles

    return profiles()


def _locations(position: Position, cache: Cache) -> list[str]:
    """Buckets, keys and prefixes, written as the word begins: `s3://…`, or as keys of the default bucket."""
    settings, word = settings_of(position.values), position.word
    starts = [START] if START.startswith(word) else []
    scheme, separator, rest = word.partition("://")
    if separator and scheme.lower() in SCHEMES:
        bucket, slash, key = rest.partition("/")
        place = Location("s3", key, bucket=bucket) if slash else Location("s3", "")
        before = f"{scheme}://" + (f"{bucket}/" if slash else "")
        return [before + name for name in _below(place, settings, cache)]
    if separator or not settings.bucket or _is_local(word, settings):
        return starts
    names = _below(Location("s3", word, bucket=settings.bucket), settings, cache)
    return [*starts, *(name for name in names if _is_said_by(name, settings.bucket))]


def _is_said_by(key: str, bucket: str) -> bool:
    """Whether a key of the default bucket can be written as it is: not where it looks like something else."""
    with suppress(UsageError):
        return not key.startswith("-") and parse_location(key, bucket) == Location("s3", key, bucket=bucket)
    return False


def _below(place: Location, settings: Settings, cache: Cache) -> list[str]:
    found = _known_or_asked(
        settings, cache, lambda known: known.below(place), lambda session, asked: asked.below(session, place)
    )
    names = found.names if found else []
    return [name for name in names if name != place.key or not name.endswith("/")]  # a folder's own object


def _paths(position: Position, cache: Cache) -> list[str]:
    """The names in a group, written as the path begins; groups with a `/` to go on from."""
    settings, place = _file(position)
    before, slash, _ = position.word.rpartition("/")
    found = _known_or_asked(
        settings,
        cache,
        lambda known: known.children(place, before + slash or "/"),
        lambda session, asked: asked.children(session, place, before + slash or "/"),
    )
    begun = before + slash if position.word else "/"
    return [begun + name for name in found.names] if found else []


def _attributes(position: Position, cache: Cache) -> list[str]:
    settings, place = _file(position)
    path = position.values.get("path", "/")
    found = _known_or_asked(
        settings,
        cache,
        lambda known: known.attributes(place, path),
        lambda session, asked: asked.attributes(session, place, path),
    )
    return found.names if found else []


def _file(position: Position) -> tuple[Settings, Location]:
    """The file that the command line names so far. Raises `UsageError` where it names none."""
    settings = settings_of(position.values)
    place = parse_location(position.values.get("location", ""), settings.bucket)
    if place.kind in ("foreign", "fsspec") or (place.kind == "s3" and not place.key):
        raise UsageError("no file that could be asked")
    return settings, replace(place, version_id=settings.version_id if place.kind == "s3" else None)


def _known_or_asked(
    settings: Settings,
    cache: Cache,
    look: Callable[[Remembered], Names | None],
    ask: Callable[[Any, Any], Names | None],
) -> Names | None:
    """What the cache holds; else what the storage says, in bounded time; else what the cache held once."""
    cache = Cache(enabled=False) if settings.no_cache else cache
    found = look(Remembered(cache, settings))
    if found is not None or settings.offline:
        return found
    from h5s3.cli.process.signals import time_limit
    from h5s3.explore.completion import asked
    from h5s3.explore.session import Session

    try:
        with time_limit(SECONDS), Session(settings, cache) as session:
            return ask(session, asked)
    except (H5s3Error, OSError):
        return look(Remembered(cache, settings, stale=True))


_FOUND: dict[str, Callable[[Position, Cache], list[str]]] = {
    "location": _locations,
    "path": _paths,
    "attribute": _attributes,
    "profile": _profiles,
}
