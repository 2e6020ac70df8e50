"""The files that one question leads to: each opened once over its own bytes, all closed with the first.

libhdf5 would take every file that is named for the object that it reads: it is never let. Here each file is
an object of its own, and which may be opened is decided outside (`Source.named`).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from h5s3.errors import H5s3Error
from h5s3.formats.base import Source
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.objects.file import OpenFile, open_hdf5
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from types import TracebackType

MOST_OPEN = 64  # files that stay open while none of them is in use


class Files:
    """The files of one question. A context manager: leaving it closes all but the first."""

    def __init__(self, source: Source) -> None:
        self._sources: dict[Location, Source] = source.kept.setdefault("named", {})
        self._answers: dict[tuple[Location, bytes], Location | H5s3Error] = {}
        self._open: OrderedDict[Location, tuple[ExitStack, OpenFile]] = OrderedDict()
        self._used: Counter[Location] = Counter()
        self._sources[source.info.location] = source
        self._first: OpenFile | None = None

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            for opened, _ in self._open.values():
                stack.push(opened)
            self._open = OrderedDict()

    def begin(self, file: OpenFile) -> None:
        """The file that is asked about is open."""
        self._first = file

    def look(self, file: OpenFile, names: Iterable[bytes]) -> None:
        """Find out about files that one names, in one round. What fails is for `sibling` to raise."""
        here = file.info.location
        new = [name for name in dict.fromkeys(names) if (here, name) not in self._answers]
        if not new:
            return
        for name, source in zip(new, self._sources[here].named(new), strict=True):
            if isinstance(source, H5s3Error):
                self._answers[here, name] = source
                continue
            where = source.info.location
            self._sources.setdefault(where, source)
            self._answers[here, name] = where

    def sibling(self, file: OpenFile, name: bytes) -> OpenFile:
        """The file of a name that another one has for it. Raises why it is not to be had, or no HDF5 file."""
        return self._opened(self.source(file, name).info.location)

    def source(self, file: OpenFile, name: bytes) -> Source:
        """The bytes of such a file, whatever they are. Raises why it is not to be had."""
        self.look(file, [name])
        found = self._answers[file.info.location, name]
        if isinstance(found, H5s3Error):
            raise found
        return self._sources[found]

    @contextmanager
    def using(self, file: OpenFile) -> Iterator[None]:
        """Within this, a file stays open."""
        where = file.info.location
        self._used[where] += 1
        try:
            yield
        finally:
            self._used[where] -= 1

    def keep(self, file: OpenFile) -> None:
        """Leave a file open to the end."""
        self._used[file.info.location] += 1

    def release(self, file: OpenFile) -> None:
        """End what `keep` began."""
        self._used[file.info.location] -= 1

    def why_not(self, file: OpenFile, name: bytes) -> str | None:
        """Why a file that was looked for is not to be had; None where it is there."""
        found = self._answers[file.info.location, name]
        return found.cause if isinstance(found, H5s3Error) else None

    def trim(self) -> None:
        """Close files that were not read for long. Those `using` are left."""
        unused = [where for where in self._open if not self._used[where]]
        for where in unused[: max(0, len(self._open) - MOST_OPEN)]:
            stack, _ = self._open.pop(where)
            stack.close()

    def _opened(self, where: Location) -> OpenFile:
        if self._first is not None and where == self._first.info.location:
            return self._first
        if where in self._open:
            self._open.move_to_end(where)
            return self._open[where][1]
        source = self._sources[where]
        blocks: BlockFile | None = source.kept.get("blocks")
        if blocks is None:
            blocks = source.kept["blocks"] = BlockFile(source.store, source.cache, source.info, source.trace)
            blocks.seed(source.start)
            if self._first is not None and self._first.blocks.plain:  # the question is asked again
                blocks.restart()
        else:
            blocks.restart()
        stack = ExitStack()
        file = stack.enter_context(open_hdf5(blocks, source.info, source.plugins, self))
        self._open[where] = stack, file
        return file
