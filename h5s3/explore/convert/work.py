"""One store on its way: chunks are copied and encoded, those that are there noted, documents come last."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from h5s3.cell.calls import Callback
from h5s3.errors import ChangedError, DamagedError, H5s3Error
from h5s3.explore.convert.checked import Checked
from h5s3.explore.convert.passing import Passing, passing
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.convert.writers import Writers
from h5s3.explore.dask_cluster import Cluster
from h5s3.explore.session import Session
from h5s3.export.zarr import journal
from h5s3.export.zarr.asked import Progress, is_decoded
from h5s3.export.zarr.copied import Copier
from h5s3.export.zarr.documents import all_documents
from h5s3.export.zarr.journal import EMPTY, Journal
from h5s3.export.zarr.objects import Cell, Chunk, Names, unpacked
from h5s3.export.zarr.questions import Decoding
from h5s3.records import (
    UNSET,
    ConversionPlan,
    Convert,
    NotConverted,
    PlannedArray,
    PlannedOverview,
    replaced,
)
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.storage.output import Output

WHOLE = ("zarr.json", ".zmetadata", ".zgroup", ".zarray")  # documents of a store that is whole
THREADS, REMOTE = 4, 8  # that copy chunks from this machine, and from elsewhere


@dataclass
class Counts:
    """What was done so far."""

    copied: int = 0
    encoded: int = 0
    kept: int = 0
    empty: int = 0
    fetched: int = 0
    written: int = 0
    strange: set[str] = field(default_factory=set)  # arrays with texts that are not UTF-8


class Work:
    """A conversion by its plan."""

    def __init__(
        self,
        session: Session,
        location: Location,
        asked: ConvertRequest,
        plan: ConversionPlan,
        output: Output,
        going_on: bool,
    ) -> None:
        self._session, self._location, self._asked = session, location, asked
        self._plan, self._output, self._going_on = plan, output, going_on
        self._checked = Checked(plan, asked.version)
        self._names = Names(asked.version, asked.ome, self._checked.grids)
        self._arrays = {array.path: array for array in plan.arrays}
        self._shares = {array.path: _share(array) for array in plan.arrays}
        self._total = sum(array.stored for array in plan.arrays)
        self._done = Counts()
        self._bytes = 0
        self._there: dict[str, set[Cell]] = {}  # cells of chunks, by the paths of arrays
        self._spools = 0
        self._lock = threading.Lock()
        self.verified: int | None = None  # values that were compared

    def run(self) -> None:
        """All of it. What is interrupted can be gone on with."""
        info = self._session.identity(self._location)
        if info.content != (self._plan.size, self._plan.etag or self._plan.last_modified):
            raise ChangedError("the object changed while it was read", location=self._location.display)
        content = list(info.content)
        documents = all_documents(self._plan.nodes, self._asked.version)
        digest = hashlib.sha256(b"".join(documents.values())).hexdigest()
        if self._going_on:
            held = journal.go_on(self._output, digest, content)
        else:
            self._clear()
            held = journal.begin(self._output, digest, content)
        self._done.kept = len(held.held)
        for place in filter(None, map(self._names.place, held.held)):
            self._there.setdefault(place[0], set()).add(place[1])
        self._bytes = sum(share * len(self._there.get(path, ())) for path, share in self._shares.items())
        try:
            self._chunks(held, info)
        except BaseException:
            with suppress(OSError, H5s3Error):
                held.save()
            raise
        for name, data in documents.items():
            self._output.put(name, data)
            self._done.written += len(data)
        held.remove()

    def _clear(self) -> None:
        """Remove what is there; first what makes it look whole."""
        names = list(self._output.below()) if self._asked.overwrite else []
        first = [name for name in names if name in WHOLE]
        self._output.remove([*first, *(name for name in names if name not in first)])

    def _chunks(self, journal: Journal, info: ObjectInfo) -> None:
        """Copy chunks and encode others. What is read for overviews is copied as it passes."""
        arrays = self._plan.arrays
        overviews = self._overviews_to_make()
        summed = {one.array for one in overviews}
        if self._asked.cluster is not None:
            self._by_cluster(self._asked.cluster, journal, info, {arrays[n].path for n in summed})
            arrays = [replaced(array, copied=b"", decoded=b"") for array in arrays]
        for number in summed:  # from now on its progress is that of the overviews
            path = arrays[number].path
            self._bytes -= self._shares[path] * len(self._there.get(path, ()))
            self._shares[path] = 0
        self._copy(journal, info, [one for n, one in enumerate(arrays) if n not in summed])
        if not overviews and not any(map(is_decoded, arrays)):
            return
        with Writers(self._output.threads) as writers:
            also = [arrays[n] for n in sorted(summed) if arrays[n].copied]
            tap = Passing(also, self._is_there, partial(self._take_copied, journal, writers))
            with passing(self._session, info.location, tap):
                self._read(journal, arrays, overviews, writers)
        for array, cells in tap.left():
            self._there.setdefault(array.path, set()).update(cells)
            self._copy(journal, info, [array])

    def _overviews_to_make(self) -> list[PlannedOverview]:
        """Those of which not all is there from before."""
        missing = {
            path.rsplit("/", 2)[0]  # of overview/NAME/LEVEL/min
            for path, grid in self._checked.grids.items()
            if path not in self._arrays and len(self._there.get(path, ())) < prod(grid)
        }
        paths = [array.path for array in self._plan.arrays]
        return [one for one in self._plan.overviews if f"overview/{paths[one.array]}" in missing]

    def _copy(self, journal: Journal, info: ObjectInfo, arrays: Sequence[PlannedArray]) -> None:
        """The chunks that are copied as they are stored, of these arrays."""

        def put(array: PlannedArray, cell: Cell, data: bytes | memoryview) -> None:
            self._put_copied(journal, array, cell, data)

        arrays = [array for array in arrays if array.copied]
        if arrays:
            store = self._session.store(info.location)
            threads = max(self._output.threads, THREADS if info.location.kind == "local" else REMOTE)
            Copier(store, info, self._session.trace).copy(arrays, self._is_there, put, threads)

    def _is_there(self, array: PlannedArray, cell: Cell) -> bool:
        return cell in self._there.get(array.path, ())

    def _put_copied(
        self, journal: Journal, array: PlannedArray, cell: Cell, data: bytes | memoryview
    ) -> None:
        journal.put(self._names.of(array.path, cell), data)
        progress = len(data) if self._shares[array.path] else 0
        self._tell(array, progress, fetched=len(data), written=len(data), copied=1)

    def _take_copied(
        self, journal: Journal, writers: Writers, array: PlannedArray, cell: Cell, data: bytes | memoryview
    ) -> None:
        writers.give(len(data), partial(self._put_copied, journal, array, cell, data))

    def _by_cluster(self, cluster: Cluster, journal: Journal, info: ObjectInfo, again: set[str]) -> None:
        """All chunks, by the workers of a cluster. What they have written is noted here. `again`: arrays that
        are read again, for overviews."""
        from h5s3.explore.convert.tasks import place_of, run, tasks

        place = place_of(self._session, self._location, self._asked, info, self._plan.names)
        for done in cluster.results(run, tasks(place, self._plan.arrays, self._is_there, self._there)):
            done.check()
            for name, mark in done.marks.items():
                found = self._names.place(name)
                if found is None or found[0] not in self._arrays:
                    raise DamagedError("a worker wrote what no array has")
                journal.note(name, mark)
                if found[0] in again:
                    self._there.setdefault(found[0], set()).add(found[1])
                what = "empty" if mark == EMPTY else "copied" if done.copied else "encoded"
                self._tell(self._arrays[found[0]], self._shares[found[0]], **{what: 1})
            self._done.fetched += done.fetched
            self._done.written += done.written
            self._done.strange |= {self._arrays[path].source for path in done.strange if path in self._arrays}

    def _read(
        self,
        journal: Journal,
        arrays: Sequence[PlannedArray],
        overviews: Sequence[PlannedOverview],
        writers: Writers,
    ) -> None:
        """Chunks that are not copied, and overviews: decoded and encoded in the process that reads."""

        def take(data: bytes | memoryview) -> None:
            chunk = unpacked(memoryview(data))
            self._checked.require(chunk)
            writers.give(len(data), partial(self._put_encoded, journal, chunk))

        question = Decoding(
            arrays=[replaced(array, copied=b"") for array in arrays],
            version=self._asked.version,
            take=Callback(take, memoryview),
            held=self._there,
            names=self._plan.names,
            max_bytes=self._session.settings.max_bytes,
            overviews=overviews,
            spool=Callback(self._spool, None, gives_file=True),
            tell=Callback(self._tell_of, Progress),
        )
        self._session.read(self._location, question, int)

    def _put_encoded(self, journal: Journal, chunk: Chunk) -> None:
        name = self._names.of(chunk.path, chunk.cell)
        array = self._arrays.get(chunk.path)
        share = self._shares.get(chunk.path, 0)
        if chunk.data is None:
            journal.empty(name)
            self._tell(array, share, empty=1)
            return
        journal.put(name, chunk.data)
        if chunk.strange and array is not None:
            self._done.strange.add(array.source)
        self._tell(array, share, written=len(chunk.data), encoded=int(array is not None))

    def _spool(self, _: None = None) -> int:
        """A descriptor of a file without a name, for overviews while they are made."""
        self._spools += 1
        if self._spools > 2 * len(self._plan.overviews):  # a question may be asked again
            raise DamagedError("more files are asked for than overviews take")
        with tempfile.TemporaryFile() as stream:
            return os.dup(stream.fileno())

    def _tell_of(self, done: Progress) -> None:
        """Values of an array are in its overviews."""
        array = self._arrays.get(done[0])
        if array is not None:
            size = max(1, prod(array.shape))
            self._tell(array, array.stored * min(max(0, done[1]), size) // size)

    def _tell(self, array: PlannedArray | None, progress: int, **more: int) -> None:
        with self._lock:
            for name, value in more.items():
                setattr(self._done, name, getattr(self._done, name) + value)
            self._bytes += progress
            if self._asked.progress is not None:
                self._asked.progress("overviews" if array is None else array.source, self._bytes, self._total)

    def receipt(self, seconds: float) -> Convert:
        """What was made."""
        plan, done = self._plan, self._done
        arrays, overviews = len(plan.arrays), bool(plan.overviews)
        groups = sum(not (overviews and path.split("/")[0] == "overview") for path in plan.nodes)
        strange = [
            NotConverted(path=path, reason="texts that are not UTF-8, written with bytes escaped")
            for path in sorted(done.strange)
        ]
        return Convert(
            location=self._location.display,
            key=self._location.shown_key,
            etag=plan.etag,
            path=plan.path,
            output=self._output.display,
            zarr_format=self._asked.version,
            num_groups=groups - arrays,
            num_arrays=arrays,
            chunks_copied=done.copied,
            chunks_encoded=done.encoded,
            chunks_kept=done.kept,
            chunks_empty=done.empty or UNSET,
            fetched=done.fetched,
            written=done.written,
            seconds=round(seconds, 3),
            verified=UNSET if self.verified is None else self.verified,
            num_overviews=len(plan.overviews) or UNSET,
            left_out=plan.left + strange,
            notes=plan.notes,
        )


def _share(array: PlannedArray) -> int:
    """About how many bytes of the file one chunk is."""
    grid = (-(-n // c) for n, c in zip(array.shape, array.shards or array.chunks, strict=True))
    return array.stored // max(1, prod(grid))
