"""Zarr as a format: which places hold a store, and the questions answered from an open one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from h5s3.formats.base import Array, Contents, Seen, Source
from h5s3.formats.requests import MetaRequest, OutlineRequest, TreeRequest, UsageRequest
from h5s3.records import ChildNames, DiskUsage, Meta, Outline, Tree, TreeNode

if TYPE_CHECKING:
    from h5s3.formats.zarr.hierarchy import Hierarchy


class Zarr:
    """Prefixes, folders and URLs that hold a document of a group or an array."""

    name = "zarr"
    marks = ("zarr.json", ".zmetadata", ".zarray", ".zgroup", ".zattrs")

    def knows(self, seen: Seen) -> bool:
        """By the names of the documents."""
        return not {*self.marks[:-1]}.isdisjoint(seen.names)

    @contextmanager
    def open(self, source: Source) -> Iterator[Contents]:
        """The store."""
        from h5s3.formats.zarr.hierarchy import Hierarchy

        with closing(source.objects()) as objects:
            yield ZarrContents(source, Hierarchy(source, objects))


class ZarrContents:
    """The questions, asked of an open store."""

    def __init__(self, source: Source, store: Hierarchy) -> None:
        self._info, self.store = source.info, store

    def tree(self, asked: TreeRequest) -> Tree:
        """From the documents, level by level where they are not consolidated."""
        from h5s3.formats.zarr.tree import read_tree

        return read_tree(self.store, self._info, asked)

    def child_names(self, path: str, take: Callable[[ChildNames], object]) -> int:
        """From a listing; where the documents are consolidated, with all that they say."""
        from h5s3.formats.zarr.tree import list_names

        return list_names(self.store, path, take)

    def child_nodes(self, path: str, some: ChildNames) -> list[TreeNode]:
        """From the documents of these."""
        from h5s3.formats.zarr.tree import read_children

        return read_children(self.store, path, some)

    def meta(self, asked: MetaRequest) -> Meta:
        """From one document, and a listing."""
        from h5s3.formats.zarr.meta import read_meta

        return read_meta(self.store, self._info, asked)

    def usage(self, asked: UsageRequest) -> DiskUsage:
        """From a listing of everything, and all documents."""
        from h5s3.formats.zarr.usage import read_usage

        return read_usage(self.store, self._info, asked)

    def outline(self, asked: OutlineRequest) -> Outline:
        """From the documents."""
        from h5s3.formats.zarr.outline import read_outline

        return read_outline(self.store, self._info, asked)

    def arrays(self, paths: Sequence[str]) -> Sequence[Array | Exception]:
        """Arrays, their documents fetched at once."""
        from h5s3.formats.zarr.outline import open_arrays

        return open_arrays(self.store, paths)

    def values(self, path: str) -> Array:
        """An array."""
        from h5s3.formats.zarr.data.array import open_array

        return open_array(self.store, path)

    shown = values
