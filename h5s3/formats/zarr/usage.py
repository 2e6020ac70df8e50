"""What groups and arrays take: objects counted in one listing of all below a path, documents in one round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from h5s3.errors import UsageError
from h5s3.formats.requests import UsageRequest
from h5s3.formats.zarr.hierarchy import MARKS, MOST_NODES, Hierarchy
from h5s3.formats.zarr.nodes import ArrayNode, Group, Node
from h5s3.records import UNSET, DiskUsage, Usage
from h5s3.storage.base import ObjectInfo

MOST_OBJECTS = 5_000_000  # of one listing
MOST_FOLDERS = 2_000_000  # that they lie in


class _Listed:
    """Objects below a path: their bytes by the folder they lie in, and which folders hold documents."""

    def __init__(self, store: Hierarchy, path: str) -> None:
        self.folders: dict[str, int] = {}
        self.nodes: set[str] = set()
        self.size = self.objects = 0
        self.cut = False
        for page in store.objects.below(path):
            for name, size in page:
                self._add(name, size)
            self.cut = self.objects >= MOST_OBJECTS or len(self.folders) >= MOST_FOLDERS
            if self.cut or len(self.nodes) > MOST_NODES:
                self.cut = True
                return

    def _add(self, name: str, size: int) -> None:
        folder, _, last = name.rpartition("/")
        self.objects, self.size = self.objects + 1, self.size + size
        if last in MARKS:
            self.nodes.add(folder)
        else:
            self.folders[folder] = self.folders.get(folder, 0) + size


class _Sum:
    """What a group or an array adds up to."""

    def __init__(self, path: str, node: Node) -> None:
        self.path, self.node = path, node
        self.stored = self.logical = self.datasets = self.unknown = 0

    def usage(self) -> Usage:
        """As a record."""
        array = isinstance(self.node, ArrayNode)
        broken = not isinstance(self.node, ArrayNode | Group)
        return Usage(
            path="/" + self.path,
            type="unresolved" if broken else "dataset" if array else "group",
            stored=None if broken else self.stored,
            logical=self.logical,
            ratio=None if array and self.node.kind.variable else self.ratio,  # type: ignore[union-attr]
            num_datasets=self.datasets,
            unknown=self.unknown,
            note=self.node.reason if broken else UNSET,  # type: ignore[union-attr]
        )

    @property
    def ratio(self) -> float | None:
        """Logical by stored bytes."""
        return float(f"{self.logical / self.stored:.6g}") if self.stored and self.logical else None


SORTS: dict[str, Any] = {
    "stored": lambda one: (-one.stored, one.path),
    "logical": lambda one: (-one.logical, one.path),
    "ratio": lambda one: (-(one.ratio or 0), one.path),
    "name": lambda one: one.path,
}


def read_usage(store: Hierarchy, info: ObjectInfo, asked: UsageRequest) -> DiskUsage:
    """What the groups and arrays below a path take. Raises `NotFoundError`, and `UsageError` for a URL."""
    if not store.objects.listed:
        raise UsageError("a URL cannot be listed: what is stored can be counted in object storage alone")
    path = asked.path.strip("/")
    top_node = store.node(path)
    listed = _Listed(store, path)
    known = sorted(_join(path, name) for name in listed.nodes)
    store.fetch(known)
    sums = {one: _Sum(one, node) for one in known if (node := store.known(one)) is not None}
    top = sums.setdefault(path, _Sum(path, top_node))
    for one in list(sums.values()):
        if isinstance(one.node, ArrayNode):
            _count(sums, one.path, path, logical=one.node.facts.nbytes, datasets=1)
        elif not isinstance(one.node, Group):
            _count(sums, one.path, path, unknown=1)
    for folder, size in listed.folders.items():
        owner = _array_above(sums, _join(path, folder), path)
        if owner is not None:
            _count(sums, owner, path, stored=size)
    return _document(info, asked, top, sums.values(), listed)


def _array_above(sums: dict[str, _Sum], folder: str, path: str) -> str | None:
    """The array whose objects lie in a folder."""
    while folder not in sums and len(folder) > len(path):
        folder = folder.rpartition("/")[0]
    found = sums.get(folder)
    return folder if found is not None and isinstance(found.node, ArrayNode) else None


def _count(sums: dict[str, _Sum], one: str, top: str, **more: int) -> None:
    """Add to what is at a path, and to all groups above it."""
    while True:
        if one in sums:
            for name, value in more.items():
                setattr(sums[one], name, getattr(sums[one], name) + value)
        if one == top or not one:
            return
        one = one.rpartition("/")[0]


def _document(
    info: ObjectInfo, asked: UsageRequest, top: _Sum, sums: Iterable[_Sum], listed: _Listed
) -> DiskUsage:
    base = top.path.count("/") + 1 if top.path else 0
    shown = [
        one
        for one in sums
        if (one is not top or isinstance(top.node, ArrayNode))
        and (not asked.depth or one.path.count("/") + bool(one.path) - base <= asked.depth)
    ]
    shown.sort(key=SORTS[asked.sort])
    variable = sum(isinstance(one.node, ArrayNode) and one.node.kind.variable for one in sums)
    notes = [f"stopped after {listed.objects:,} objects: what lies beyond is not counted"] * listed.cut
    if top.unknown:
        notes.append(f"{top.unknown:,} unknown: neither a group nor an array")
    if variable:
        notes.append(f"{variable:,} of variable length: logical bytes are those of pointers")
    return DiskUsage(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        path=asked.path,
        size=listed.size,
        objects=listed.objects,
        stored=top.stored,
        logical=top.logical,
        ratio=top.ratio,
        num_datasets=top.datasets,
        entries=[one.usage() for one in (shown[: asked.limit] if asked.limit else shown)],
        num_entries=len(shown),
        entries_truncated=bool(asked.limit and len(shown) > asked.limit),
        unknown=top.unknown,
        other=listed.size - top.stored,
        complete=not listed.cut,
        notes=notes,
    )


def _join(path: str, name: str) -> str:
    return f"{path}/{name}".strip("/")
