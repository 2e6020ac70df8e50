"""A file that remembers which of its bytes libhdf5 has read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from h5s3.formats.base import Contents, Source
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.fetch.blocks import block_range
from h5s3.formats.hdf5.format import Hdf5, Hdf5Contents
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.ranges import join_ranges
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cache import Cache

MOST_READS = 200_000  # that are kept apart, before those that touch are joined


class RecordedFile(BlockFile):
    """Records every read that was answered: after a walk over metadata alone, where these are stored."""

    def __init__(self, store: Store | None, cache: Cache | None, info: ObjectInfo, trace: Trace) -> None:
        super().__init__(store, cache, info, trace)
        self.trace = trace
        self.recording = True
        self._reads: set[Range] = set()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes, and remember that it was read."""
        count = super().readinto(buffer)
        if self.recording and count:
            self._reads.add((self._position - count, self._position))
            if len(self._reads) > MOST_READS:
                self._reads = set(join_ranges(self._reads))
        return count

    def reads(self) -> list[Range]:
        """The bytes that were read, in order, each once."""
        return join_ranges(self._reads)

    def forget(self) -> None:
        """Begin a new record."""
        self._reads.clear()

    def restart(self) -> None:
        """Begin again without suspending, with a new record."""
        super().restart()
        self.forget()

    def prepare(self, ranges: Iterable[Range]) -> None:
        """Have these bytes here, in one round at the most."""
        self.prefetch(index for item in ranges for index in block_range(*item))

    def bytes_of(self, start: int, stop: int) -> bytes:
        """Bytes of the object, which are not recorded. Waits for what is not here."""
        before, self.recording = self.recording, False
        try:
            self.seek(start)
            return self.read(stop - start)
        finally:
            self.recording = before


class RecordingHdf5(Hdf5):
    """HDF5 files whose bytes that are read are recorded."""

    def block_file(self, source: Source) -> BlockFile:
        """Blocks that remember what was read."""
        return RecordedFile(source.store, source.cache, source.info, source.trace)


def recorded(contents: Contents) -> tuple[OpenFile, RecordedFile] | None:
    """The file behind what `RecordingHdf5` opened; None for what another format did."""
    if isinstance(contents, Hdf5Contents) and isinstance(contents.file.blocks, RecordedFile):
        return contents.file, contents.file.blocks
    return None
