"""HDF5 as a format: which objects are HDF5, and the questions answered from an open file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from h5s3.errors import H5s3Error, NoValuesError
from h5s3.formats.base import Array, Contents, Seen, Source, Take
from h5s3.formats.requests import MetaRequest, OutlineRequest, ReferencesRequest, TreeRequest, UsageRequest
from h5s3.records import ChildNames, DiskUsage, FileReferences, Meta, NamedNode, Outline, Tree, TreeNode

if TYPE_CHECKING:
    from h5s3.formats.hdf5.fetch.block_file import BlockFile
    from h5s3.formats.hdf5.follow.places import Place
    from h5s3.formats.hdf5.objects.file import OpenFile
    from h5s3.formats.hdf5.objects.lasting import LastingFile, LastingReads

SIGNATURE = b"\x89HDF\r\n\x1a\n"


class Hdf5:
    """Files that begin with HDF5's signature, or have it behind a user block (at 512, 1024, 2048 … bytes)."""

    name = "hdf5"

    def knows(self, seen: Seen) -> bool:
        """By the signature, as far as the bytes are here."""
        offset = 0
        while offset < len(seen.start):
            if seen.start.startswith(SIGNATURE, offset):
                return True
            offset = max(512, offset * 2)
        return False

    @contextmanager
    def open(self, source: Source) -> Iterator[Contents]:
        """The file. When it is opened again, it is read without suspending."""
        with self.opened(source) as file, file.asked():
            yield Hdf5Contents(file)

    @contextmanager
    def opened(self, source: Source) -> Iterator[OpenFile]:
        """The file itself, over blocks that are kept from one opening to the next."""
        from h5s3.formats.hdf5.follow.files import Files
        from h5s3.formats.hdf5.objects.file import open_hdf5

        blocks: BlockFile | None = source.kept.get("blocks")
        if blocks is None:
            blocks = source.kept["blocks"] = self.block_file(source)
            blocks.seed(source.start)
        else:
            blocks.restart()
        if not source.follows:
            with open_hdf5(blocks, source.info, source.plugins) as file:
                yield file
            return
        with Files(source) as files, open_hdf5(blocks, source.info, source.plugins, files) as file:
            files.begin(file)
            yield file

    def kept(
        self,
        source: Source,
        release: Callable[[], None],
        failed: Callable[[H5s3Error], None],
        as_bytes: bool = False,
    ) -> LastingFile | LastingReads:
        """The file, to be kept: `release` is called when it is closed, `failed` where a read fails."""
        from h5s3.formats.hdf5.objects.lasting import open_lasting

        blocks = self.block_file(source)
        blocks.seed(source.start)
        return open_lasting(blocks, source.info, source.plugins, release, failed, as_bytes)

    def block_file(self, source: Source) -> BlockFile:
        """The bytes of the object as a file."""
        from h5s3.formats.hdf5.fetch.block_file import BlockFile

        return BlockFile(source.store, source.cache, source.info, source.trace)


class Hdf5Contents:
    """The questions, asked of an open file."""

    def __init__(self, file: OpenFile) -> None:
        self.file = file

    def tree(self, asked: TreeRequest) -> Tree:
        """By waves, one level after another."""
        from h5s3.formats.hdf5.tree import read_tree

        return read_tree(self.file, asked)

    def stream(self, asked: TreeRequest, take: Take) -> Tree | None:
        """The same walk, wave by wave."""
        from h5s3.formats.hdf5.tree import stream_tree

        return stream_tree(self.file, asked, take)

    def names(self, take: Callable[[list[NamedNode]], object]) -> None:
        """By waves; groups alone are opened."""
        from h5s3.formats.hdf5.names import walk_names

        walk_names(self.file, take)

    def child_names(self, path: str, take: Callable[[ChildNames], object]) -> int:
        """From the links of the group alone."""
        from h5s3.formats.hdf5.names import list_names

        return list_names(self.file, path, take)

    def child_nodes(self, path: str, some: ChildNames) -> list[TreeNode]:
        """From the headers of these objects alone."""
        from h5s3.formats.hdf5.tree import read_children

        return read_children(self.file, path, some)

    def meta(self, asked: MetaRequest) -> Meta:
        """From the header of the object and its attributes."""
        from h5s3.formats.hdf5.meta import read_meta

        return read_meta(self.file, asked)

    def usage(self, asked: UsageRequest) -> DiskUsage:
        """From headers and chunk indexes."""
        from h5s3.formats.hdf5.du import read_usage

        return read_usage(self.file, asked)

    def outline(self, asked: OutlineRequest) -> Outline:
        """From headers and attributes."""
        from h5s3.formats.hdf5.outline import read_outline

        return read_outline(self.file, asked)

    def arrays(self, paths: Sequence[str]) -> Sequence[Array | Exception]:
        """Datasets, with the indexes of their chunks."""
        from h5s3.formats.hdf5.data.several import open_arrays

        return open_arrays(self.file, paths)

    def references(self, asked: ReferencesRequest) -> FileReferences:
        """From headers, attributes and chunk indexes."""
        from h5s3.formats.hdf5.references.read import read_references

        return read_references(self.file, asked)

    def values(self, path: str) -> Array:
        """A dataset, a group that is a table, or the default plot of a NeXus group."""
        from h5s3.formats.hdf5.follow.places import find, reading
        from h5s3.formats.names import raw_path, text_of

        raw = raw_path(path)
        place = find(self.file, raw)
        with reading(place):
            array = self._table(place) or self._array(place)
        if place.elsewhere:
            array.path, array.etag, array.followed = text_of(raw), self.file.info.etag, place.followed
            place.file.files.keep(place.file)
        return array

    shown = values

    def _table(self, place: Place) -> Array | None:
        from h5s3.formats.hdf5.conventions.anndata import anndata_frame
        from h5s3.formats.hdf5.conventions.pandas_frames import pandas_frame
        from h5s3.formats.hdf5.conventions.pandas_tables import pandas_table

        kinds = (anndata_frame, pandas_table, pandas_frame)
        made = (kind(place.file, place.found) for kind in kinds)
        return next((table for table in made if table is not None), None)

    def _array(self, place: Place) -> Array:
        from h5s3.formats.hdf5.conventions.dataset import ConventionalArray
        from h5s3.formats.hdf5.conventions.nexus import default_plot
        from h5s3.formats.hdf5.objects.links import kind_of, stopped
        from h5s3.formats.names import shown_by, text_of

        file, found = place.file, place.found
        kind = "link" if found.object is None else kind_of(found.object)
        if kind == "group":
            plot = default_plot(file, found)
            if plot is not None and plot.object is not None and kind_of(plot.object) == "dataset":
                array = ConventionalArray(file, plot.object, plot)
                array.group = text_of(found.path)
                return array
        if found.object is None and found.link is not None:
            raise stopped(found.path, found.link)
        if kind != "dataset":
            path = text_of(found.path)
            raise NoValuesError(f"{path} is a {kind}, not a dataset", hint=shown_by(path))
        return ConventionalArray(file, found.object, found)
