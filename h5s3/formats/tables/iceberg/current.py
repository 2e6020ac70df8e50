"""Which document of metadata is the current one.

Source: the Iceberg specification, "File System Tables" and "Metastore Tables"; `HadoopTableOperations` of
Iceberg's Java library, which looks for the versions after the one that `version-hint.text` names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from h5s3.errors import DamagedError, NotFoundError
from h5s3.formats.tables.iceberg.metadata import Metadata, parse
from h5s3.formats.tables.place import Place

FOLDER = "metadata"
HINT = f"{FOLDER}/version-hint.text"
DOCUMENT = re.compile(r"(?:v?(\d{1,18})(?:-[^/]+)?|[^/]+?)(?:\.gz)?\.metadata\.json(?:\.gz)?")
HINTS = re.compile(r"\d{1,18}|[\w.-]{1,255}")
ENDS = (".metadata.json", ".gz.metadata.json", ".metadata.json.gz")
AHEAD = 2  # versions after the one that is named, which may be there already
MOST_TIED = 16  # documents of one number, or without one
MOST_NAMES = 1000  # that a place names at a time
MOST_HINT = 4096


@dataclass(frozen=True)
class Document:
    """A document: its path below the table, and what it says."""

    path: str
    metadata: Metadata
    notes: list[str] = field(default_factory=list)


def current_document(place: Place, names: Sequence[str] | None = None) -> Document:
    """The newest document below a place: what the hint names, or what has the highest number. `names`: of the
    folder of metadata, where they are known already."""
    names = names or place.names(FOLDER)
    documents = dict(_numbers(names))
    if documents and len(names) <= MOST_NAMES:
        return _among(place, documents, HINT.rpartition("/")[2] in names)
    hint = _hint(place.documents([HINT], MOST_HINT))
    if hint:
        found = _numbered(place, int(hint)) if hint.isdigit() else _first(place, _paths(hint))
        if found is not None:
            return found
    if len(names) > MOST_NAMES:
        names = [path.removeprefix(f"{FOLDER}/") for path, _ in place.below(FOLDER)]
    return _among(place, dict(_numbers(names)), False)


def _hint(found: dict[str, bytes]) -> str:
    """What the hint says: a number, or the name of a document."""
    text = found.get(HINT, b"").decode("utf-8", "replace").strip().removesuffix(".metadata.json")
    return text if HINTS.fullmatch(text) else ""


def _paths(hint: str) -> list[str]:
    """The documents that a hint may mean."""
    return [f"{FOLDER}/{f'v{hint}' if hint.isdigit() else hint}{end}" for end in ENDS]


def _first(place: Place, paths: list[str]) -> Document | None:
    for path, data in place.documents(paths).items():
        return Document(path, parse(data, path))
    return None


def _among(place: Place, documents: dict[str, int], hinted: bool) -> Document:
    """The current one of all documents, whose numbers are known by their paths."""
    if not documents:
        raise NotFoundError(f"there is no {FOLDER}/*.metadata.json")
    highest = max(documents.values())
    tied = sorted(path for path, number in documents.items() if number == highest)
    if len(tied) > MOST_TIED:
        raise DamagedError(f"{len(tied)} documents of metadata may be the current one; name one of them")
    found = place.documents([*tied, HINT] if hinted else tied)
    hint = _hint(found)
    if not hint:
        return _newest(tied, found)
    if hint.isdigit():
        number = int(hint)
        while number + 1 in documents.values():  # the hint is written last, if at all
            number += 1
        named = [path for path, known in documents.items() if known == number]
    else:
        named = [path for path in _paths(hint) if path in documents]
    if not named:
        newest = _newest(tied, found)
        newest.notes.append(f"version-hint.text names version {hint[:80]}, which is not there")
        return newest
    more = [path for path in named if path not in found]
    return _newest(named, found | (place.documents(more) if more else {}))


def document_of(place: Place, number: int) -> Document | None:
    """The document with a number; None where there is none."""
    names = place.names(FOLDER)
    if len(names) > MOST_NAMES:
        names = [path.removeprefix(f"{FOLDER}/") for path, _ in place.below(FOLDER)]
    paths = [path for path, found in _numbers(names) if found == number][:MOST_TIED]
    return _newest(paths, place.documents(paths)) if paths else None


def document_at(place: Place, path: str) -> Document:
    """A document by its path."""
    data = place.documents([path]).get(path)
    if data is None:
        raise NotFoundError(f"{path} is not there")
    return Document(path, parse(data, path))


def _numbered(place: Place, number: int) -> Document | None:
    """A numbered document, or one after it."""
    found: Document | None = None
    while True:
        paths = [f"{FOLDER}/v{number + more}{end}" for more in range(AHEAD + 1) for end in ENDS]
        there = place.documents(paths)
        newest = next((path for path in reversed(paths) if path in there), None)
        if newest is None:
            return found
        if found is None or newest != found.path:
            found = Document(newest, parse(there[newest], newest))
        version = number + paths.index(newest) // len(ENDS)
        if version < number + AHEAD:
            return found
        number = version + 1


def _newest(paths: list[str], found: dict[str, bytes]) -> Document:
    """Of several documents the one that was written last."""
    parsed = [Document(path, parse(found[path], path)) for path in paths if path in found]
    if not parsed:
        raise NotFoundError(f"{paths[0]} is not there")
    newest = max(parsed, key=lambda one: one.metadata.last_updated_ms)
    if len(parsed) > 1:
        newest.notes.append(
            f"{len(parsed)} documents of metadata may be the current one; {newest.path} is the newest"
        )
    return newest


def _numbers(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Paths and numbers of all documents; -1 for those without a number."""
    for name in names:
        known = DOCUMENT.fullmatch(name)
        if known:
            yield f"{FOLDER}/{name}", int(known[1] or -1)
