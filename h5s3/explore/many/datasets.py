"""Which folders of a listing hold nothing but Parquet files, told by the keys as they come, in their order.

Folders of partitions (`day=2024-05-01/`) belong to the folder above them. Names that begin with `_` or `.`
are passed over. A folder is known when its last key has passed; and since it may hold the data of a table of
Iceberg, whose documents come later, it waits until no folder above it can turn out to be such a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from h5s3.formats.tables.format import PARTITION, is_hidden
from h5s3.records import Entry

SUFFIXES = (".parquet", ".parq", ".pq")
LAST_MARK = "metadata/"  # of what tables are known by the last in the order of keys
CONSOLIDATED = ".zmetadata"  # of Zarr stores, and of references, which may stand in Parquet files
MOST_HELD = 5000  # folders that wait; further ones are no tables

Found = tuple[str, Entry, int]  # the path of a folder, a file in it, and how many of it were given


@dataclass
class _Folder:
    path: str
    first: Entry | None = None  # of the Parquet files in it and its partitions
    files: int = 0  # of Parquet
    mixed: bool = False
    known: bool = False  # as a table or a store of another format, with all that is in it
    waiting: list[Found] = field(default_factory=list)  # folders in it that may be tables


class Datasets:
    """The folders of Parquet files among the paths that are given to it, relative to the place listed."""

    def __init__(self) -> None:
        self._stack = [_Folder("")]  # the last path's folders, without those of partitions
        self._held = 0

    def take(self, path: str, entry: Entry) -> None:
        """An entry with a name that other formats do not have."""
        folder, _, name = path.rpartition("/")
        if name == CONSOLIDATED:
            self.known(folder + "/" if folder else "", entry)
        elif entry.type != "object":
            self.other(path)
        elif name and not any(map(is_hidden, path.split("/"))):
            top = self._enter(folder)
            top.mixed = top.mixed or not name.lower().endswith(SUFFIXES)
            top.files += 1
            top.first = top.first if top.known else top.first or entry

    def other(self, path: str) -> None:
        """A file of another format, a store, or a link to a folder."""
        if not any(map(is_hidden, path.split("/"))):
            self._enter(path.rstrip("/").rpartition("/")[0]).mixed = True

    def known(self, folder: str, entry: Entry | None = None) -> None:
        """A folder (it ends in `/`, or is empty) that is a table or a store of another format.

        `entry`: a file in it, where the folder is to be found if it is the place that is listed.
        """
        if any(map(is_hidden, folder.split("/"))):
            return
        top = self._enter(folder.rstrip("/"))
        top.mixed = True
        top.known = top.known or top.path == folder
        top.first = entry if top.known else top.first

    def ready(self, path: str) -> list[Found]:
        """The folders that are tables, whatever comes from this path on."""
        found: list[Found] = []
        if not self._held:
            return found
        for folder in self._stack:
            below = path.removeprefix(folder.path)
            past = below > LAST_MARK and not below.startswith(LAST_MARK)
            if folder.known or not path.startswith(folder.path) or not past:
                break
            found += self._taken(folder)
        return found

    def rest(self) -> Iterator[Found]:
        """The folders that are left when all paths were given."""
        while len(self._stack) > 1:
            self._leave()
        base = self._stack[0]
        if not base.known:
            yield from self._taken(base)
        if base.first is not None and (base.known or not base.mixed):
            yield base.path, base.first, base.files

    def _enter(self, folder: str) -> _Folder:
        """The folder to which files of this one belong."""
        path = folder + "/" if folder else ""
        while not path.startswith(self._stack[-1].path):
            self._leave()
        at = len(self._stack[-1].path)
        for part in path[at:].split("/")[:-1]:
            at += len(part) + 1
            if not PARTITION.fullmatch(part + "/"):
                self._stack[-1].mixed = True
                self._stack.append(_Folder(path[:at]))
        return self._stack[-1]

    def _leave(self) -> None:
        """The last key of the deepest folder has passed."""
        folder = self._stack.pop()
        found = self._taken(folder)
        if folder.known:
            return
        if folder.first is not None and not folder.mixed:
            found.append((folder.path, folder.first, folder.files))
        found = found[: MOST_HELD - self._held]
        self._held += len(found)
        self._stack[-1].waiting += found

    def _taken(self, folder: _Folder) -> list[Found]:
        found, folder.waiting = folder.waiting, []
        self._held -= len(found)
        return found
