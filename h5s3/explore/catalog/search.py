"""`find` over a catalog: the trees that a build has kept are looked through in place of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any

from h5s3.errors import DamagedError, H5s3Error
from h5s3.explore.catalog.paths import Paths
from h5s3.explore.catalog.place import location_of, read_manifest
from h5s3.explore.catalog.tables import opened
from h5s3.explore.find.find import FindRequest, Search
from h5s3.explore.find.looking import Answer, Found, JustNames, Nodes
from h5s3.explore.find.questions import names_of
from h5s3.explore.many.files import File
from h5s3.explore.many.reading import Outcome
from h5s3.explore.session import Session
from h5s3.formats.requests import absolute
from h5s3.records import (
    UNSET,
    AttributedNode,
    CatalogPart,
    DatasetNode,
    Tree,
    TreeNode,
    from_json,
    nodes_of,
    replaced,
)
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location

AT_ONCE = 20  # trees
FILE_COLUMNS = ["file", "size", "etag", "status", "error", "exit_code"]


@dataclass(frozen=True)
class Kept:
    """A file of a catalog, with its tree, or why there is none."""

    location: Location
    etag: str | None
    size: int
    tree: Tree | None
    error: H5s3Error | None


def kept(session: Session, location: Location, only: AbstractSet[str] | None = None) -> Iterator[Kept]:
    """All files of a catalog, or those of these names. Raises `NotFoundError` and `DamagedError`."""
    manifest = read_manifest(session, location)
    for part in manifest.parts:
        masked = set(part.masked)
        files = _rows(session, location, part, "files", FILE_COLUMNS)
        known = {row[0]: row for row in files if row[0] not in masked and (only is None or row[0] in only)}
        if not known:
            continue
        for file, data in _rows(session, location, part, "trees", ["file", "tree"]):
            row = known.pop(file, None)
            if row is not None:
                yield _kept(row, _tree(data, location))
        for row in known.values():
            yield _kept(row, None)


def search(
    session: Session,
    place: str | os.PathLike[str] | Location,
    asked: FindRequest,
    progress: Callable[[int, int], None] = lambda done, known: None,
) -> Search:
    """A search of the files of a catalog. Raises what `Search` raises."""
    location = location_of(session, place)
    return Search(session, [location], asked, progress, lambda: outcomes(session, location, asked))


def outcomes(
    session: Session, location: Location, asked: FindRequest
) -> Iterator[Outcome[Answer, Sequence[Found]]]:
    """What a search finds in each file of a catalog."""
    look = _looking(session, asked)
    for one in kept(session, location):
        outcome: Outcome[Answer, Sequence[Found]] = Outcome(File(one.location), held=True)
        try:
            if one.tree is None:
                raise one.error or DamagedError("the catalog has no tree of it")
            outcome.coming.put(("answer", look(one, one.tree)))
        except H5s3Error as error:
            outcome.coming.put(("error", error))
        yield outcome


def _looking(session: Session, asked: FindRequest) -> Callable[[Kept, Tree], Answer]:
    if asked.missing is not None:
        return partial(_lacks, absolute(asked.missing))
    if asked.of_names:
        names = JustNames(session, asked.conditions)
        return lambda one, tree: names.answer(_info(one), names_of(tree))
    looking, conditions = Nodes(session, asked.conditions), asked.conditions
    plain = partial(_as_asked, bool(conditions.attrs), conditions.value is not None)
    return lambda one, tree: looking.answer(_info(one), [plain(node) for node in nodes_of(tree)])


def _lacks(path: str, one: Kept, tree: Tree) -> Answer:
    return Answer(_info(one), lacks=not Paths(nodes_of(tree)).has(path))


def _as_asked(attributes: bool, values: bool, node: TreeNode) -> TreeNode:
    """A node as a search of the file has it, which reads no more than the conditions need."""
    changes: dict[str, Any] = {}
    if isinstance(node, AttributedNode) and not attributes:
        changes.update(attributes=UNSET, num_attributes=UNSET, attributes_truncated=UNSET)
        changes.update(attributes_error=UNSET)
    if isinstance(node, DatasetNode):
        changes.update(storage_size=UNSET)
        if not values:
            changes.update(value=UNSET, nan_count=UNSET, inf_count=UNSET, value_truncated=UNSET)
    return replaced(node, **changes) if changes else node


def _info(one: Kept) -> ObjectInfo:
    return ObjectInfo(one.location, "catalog", one.size, one.etag)


def _kept(row: tuple[Any, ...], tree: Tree | None) -> Kept:
    file, size, etag, status, text, code = row
    error = None
    if status == "failed":
        error = H5s3Error(text or "it could not be read")
        error.exit_code = code or DamagedError.exit_code
    return Kept(_location(file), etag, size or 0, tree, error)


def _location(file: str) -> Location:
    """Where a file is, as the catalog tells it: it says where, and may open nothing."""
    scheme, found, rest = file.partition("://")
    if found and scheme == "s3":
        bucket, _, key = rest.partition("/")
        return Location("s3", key, bucket=bucket)
    return Location("web" if found and scheme in ("http", "https") else "local", file)


def _tree(data: Any, location: Location) -> Tree:
    try:
        return from_json(data or b"", Tree)
    except ValueError:
        raise DamagedError("a tree in the catalog is damaged", location=location.display) from None


def _rows(
    session: Session, location: Location, part: CatalogPart, table: str, columns: list[str]
) -> Iterator[tuple[Any, ...]]:
    size = AT_ONCE if table == "trees" else 1000
    for batch in opened(session, location, part, table).batches(columns, size):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
