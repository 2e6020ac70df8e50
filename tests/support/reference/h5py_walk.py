"""A reference walk over an HDF5 file with plain h5py, to compare other walks with.

It shares no code with the package. It never follows a soft or an external link. Objects are visited breadth
first, the links of a group in the order of the bytes of their names, so that an object of several names is
described at the shallowest of its paths, and among those at the first; the others are aliases of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5s

Entry = dict[str, Any]

FAILURES = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, NotImplementedError)
"""What h5py raises for what it cannot open or cannot map."""

LAYOUTS = {
    h5d.COMPACT: "compact",
    h5d.CONTIGUOUS: "contiguous",
    h5d.CHUNKED: "chunked",
    h5d.VIRTUAL: "virtual",
}
KINDS = {h5o.TYPE_GROUP: "group", h5o.TYPE_DATASET: "dataset", h5o.TYPE_NAMED_DATATYPE: "datatype"}


def text(name: bytes) -> str:
    """A name as a string; bytes that are no UTF-8 become lone surrogates."""
    return name.decode("utf-8", "surrogateescape")


def walk(source: str | Path | BinaryIO) -> dict[str, Entry]:
    """Every path that hard links lead to, once, and the links themselves that lead elsewhere, described."""
    with h5py.File(source, "r") as file:
        return _Walk(file).run()


class _Walk:
    """One walk: what it found, what it has seen, what it has yet to look at."""

    def __init__(self, file: h5py.File) -> None:
        self.root = file["/"].id
        self.entries: dict[str, Entry] = {}
        self.seen: dict[int, str] = {}
        self.waiting: deque[tuple[str, h5g.GroupID]] = deque()

    def run(self) -> dict[str, Entry]:
        self._object("/", self.root, b"/")
        while self.waiting:
            path, group = self.waiting.popleft()
            for name in link_names(group):
                self._link("/" if path == "/" else f"{path}/", group, name)
        return self.entries

    def _link(self, prefix: str, group: h5g.GroupID, name: bytes) -> None:
        path = prefix + text(name)
        kind = group.links.get_info(name).type
        if kind == h5l.TYPE_SOFT:
            self.entries[path] = {"kind": "soft_link", "target": text(group.links.get_val(name))}
        elif kind == h5l.TYPE_EXTERNAL:
            file, target = group.links.get_val(name)
            self.entries[path] = {"kind": "external_link", "file": _as_text(file), "target": _as_text(target)}
        elif kind == h5l.TYPE_HARD:
            self._object(path, group, name)
        else:
            self.entries[path] = {"kind": "unresolved", "link_type": int(kind)}

    def _object(self, path: str, group: h5g.GroupID, name: bytes) -> None:
        try:
            info = h5o.get_info(group, name)
        except FAILURES:
            self.entries[path] = {"kind": "unresolved", "link_type": int(h5l.TYPE_HARD)}
            return
        entry: Entry = {"kind": KINDS.get(info.type, "unresolved"), "alias": info.addr in self.seen}
        self.entries[path] = entry
        if entry["alias"]:
            entry["canonical"] = self.seen[info.addr]
            return
        self.seen[info.addr] = path
        self._describe(path, entry, group, name)

    def _describe(self, path: str, entry: Entry, group: h5g.GroupID, name: bytes) -> None:
        """Add what is known of an object met for the first time."""
        opened = _or_none(lambda: h5o.open(group, name))
        if opened is None and entry["kind"] == "datatype":
            entry |= {"attribute_count": None, "attribute_names": None, "dtype": None}
            return
        if opened is None:
            entry["kind"] = "unresolved"
            return
        entry |= _attributes(opened)
        if isinstance(opened, h5g.GroupID):
            entry["link_count"] = len(link_names(opened))
            self.waiting.append((path, opened))
        elif isinstance(opened, h5d.DatasetID):
            entry |= describe_dataset(opened)
        else:
            entry["dtype"] = _or_none(lambda: str(opened.dtype))


def link_names(group: h5g.GroupID) -> list[bytes]:
    """The names of a group's links, in the order of their bytes."""
    names: list[bytes] = []
    group.links.iterate(names.append)
    return sorted(names)


def describe_dataset(dataset: h5d.DatasetID) -> Entry:
    """What plain h5py knows of a dataset without reading it; dtype is None for a type it cannot map."""
    extent = dataset.get_space()
    null = extent.get_simple_extent_type() == h5s.NULL
    plist = dataset.get_create_plist()
    layout = plist.get_layout()
    size = _or_none(lambda: dataset.get_type().get_size())
    return {
        "shape": None if null else extent.get_simple_extent_dims(),
        "maxshape": None if null else tuple(_limit(size) for size in extent.get_simple_extent_dims(True)),
        "dtype": _or_none(lambda: str(dataset.dtype)),
        "chunks": plist.get_chunk() if layout == h5d.CHUNKED else None,
        "layout": LAYOUTS.get(layout, str(layout)),
        "external_files": plist.get_external_count(),
        "virtual_sources": plist.get_virtual_count() if layout == h5d.VIRTUAL else 0,
        "filters": [_filter(plist, index) for index in range(plist.get_nfilters())],
        "storage_size": dataset.get_storage_size(),
        "nbytes": None if size is None else (0 if null else extent.get_simple_extent_npoints() * size),
    }


def _filter(plist: Any, index: int) -> tuple[int, str, tuple[int, ...]]:
    identifier, _, options, name = plist.get_filter(index)
    return identifier, _as_text(name), tuple(options)


def _attributes(owner: Any) -> Entry:
    """How many attributes an object has, and their names in the order of their bytes."""
    names: list[bytes] = []
    h5a.iterate(owner, names.append)
    return {
        "attribute_count": h5a.get_num_attrs(owner),
        "attribute_names": [text(name) for name in sorted(names)],
    }


def _limit(size: int) -> int | None:
    """A maximum extent, None where there is none."""
    return None if size == h5s.UNLIMITED else int(size)


def _as_text(value: bytes | str) -> str:
    return text(value) if isinstance(value, bytes) else value


def _or_none(function: Callable[[], Any]) -> Any:
    """What the function returns, or None where h5py cannot."""
    try:
        return function()
    except FAILURES:
        return None
