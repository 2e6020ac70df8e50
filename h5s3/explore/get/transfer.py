"""The values of one array, from an open file to a file or a stream that somebody else made.

It may run in a process that can open no file: what it needs of the other one it asks for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedWriter, RawIOBase
from typing import TYPE_CHECKING, Any, BinaryIO

from h5s3.errors import RefusedError, UsageError
from h5s3.explore.get.job import as_written
from h5s3.formats.base import Array, Contents
from h5s3.formats.tables.rows.protocol import Tabular
from h5s3.records import UNSET, Get, replaced
from h5s3.records import Coding as CodingRecord
from h5s3.sizes import MIB

if TYPE_CHECKING:
    from h5s3.export.base import Array as Values
    from h5s3.export.base import Job, Writer
    from h5s3.export.file_types import FileType
    from h5s3.export.npy import Texts
    from h5s3.formats.boxes import Box, BoxReader
    from h5s3.formats.cf import Coding

SPOOL = 1.5  # times the bytes that are needed, beyond which chunks are not fetched again
TOLERATED = 256 * 1024  # bytes that are fetched again whatever they are times
SENT = MIB // 8  # bytes of a stream that are sent together
SENT_WHOLE = 8 * MIB  # bytes of an array that are sent, not left in memory that both processes have
LARGE = 64 * MIB  # to be fetched or written: said before
MOST_PLANNED = 20_000  # boxes whose requests are counted; of more, the rest is taken to be like them


@dataclass(frozen=True)
class Estimate:
    """What a transfer will take. Text and compressed formats turn out larger or smaller than `written`."""

    requests: int
    fetched: int  # bytes
    written: int  # bytes of the values
    output: str | None
    at_least: bool  # strings of variable length lie elsewhere: their bytes come on top
    spooled: bool = False  # the values are put in order on the disk first
    unknown: bool = False  # what is fetched: other files tell, once they are read

    @property
    def large(self) -> bool:
        """Whether it should be said before."""
        return max(self.fetched, self.written) > LARGE


@dataclass(frozen=True)
class Outside:
    """What the process that was asked does for the one that reads; files are given as open descriptors."""

    check: Callable[[str], int | None]  # a name of a file to write: the bytes that are free there
    file: Callable[[str], int]  # the new file of a name that was checked
    spool: Callable[[None], int]  # a file without a name
    stream: Callable[[bytes], object] | None  # takes bytes in place of a file
    memory: Callable[[None], int] | None  # a file in memory, for an array that is larger than SENT_WHOLE
    texts: Callable[[tuple[list[int], list[str]]], object] | None  # takes strings, with their shape
    announce: Callable[[Estimate], object]
    differs: Callable[[CodingRecord], object]  # told where stored values are not what is meant
    noted: Callable[[str], object]  # told what is left out, where values go to a stream
    progress: Callable[[tuple[str, float]], object]


@dataclass(frozen=True)
class Transfer:
    """Which values to write: a question, that is asked of the contents of a location."""

    location: str  # as it may be shown
    key: str
    path: str
    selection: str | None
    labels: str | None
    output: str | None  # None: a file named for the dataset
    format: str | None
    coords: bool
    decode: bool
    max_bytes: int | None
    outside: Outside
    columns: tuple[str, ...] | None = None  # of a table
    where: str | None = None
    limit: int | None = None

    def __call__(self, contents: Contents) -> Get:
        """All of it, from an open location; the receipt."""
        if isinstance(contents, Tabular) and self._wants_rows():
            return self._rows(contents)
        if self.columns is not None or self.where is not None or self.limit is not None:
            raise UsageError("--columns, --where and --limit are about the rows of tables")
        return self._values(contents)

    def _wants_rows(self) -> bool:
        """Whether rows are to be written; else the values of a column, as an array."""
        named = self.format or os.path.splitext(self.output or "")[1].lstrip(".")
        part = self.selection is not None or self.labels is not None
        return self.path == "/" or not (part or named.lower() in ("npy", "npz", "h5", "hdf5"))

    def _rows(self, contents: Tabular) -> Get:
        from h5s3.explore.get.rows import FORMATS, RowsAsked, head_of, rows_of, write_rows

        if self.selection is not None or self.labels is not None:
            raise UsageError("--slice and --sel are for arrays", hint="use --where, --limit and --columns")
        if self.coords:
            raise UsageError("--coords: a table has no coordinates", hint="leave it out")
        asked = RowsAsked(
            self.location,
            self.key,
            self.path,
            self.columns,
            self.where,
            self.limit,
            self.max_bytes,
            self.outside.progress,
        )
        rows = rows_of(asked, contents)
        chosen, output = self._named("csv", "rows" if self.path == "/" else self.path.rpartition("/")[2])
        if chosen not in FORMATS:
            raise UsageError(
                f"rows go to {', '.join(FORMATS)}, not to {chosen}", hint="or name one column: /NAME"
            )
        if output is not None:
            self.outside.check(output)
        with self._opened((), output, False) as stream:
            return write_rows(asked, rows, stream, head_of(asked, rows, chosen, output))

    def _values(self, contents: Contents) -> Get:
        from h5s3.export.file_types import check, maker
        from h5s3.export.rows import growth
        from h5s3.formats import boxes
        from h5s3.formats.boxes import BoxReader

        job, kind, output = self._prepare(contents.values(self.path))
        texts = self._texts(job)
        if texts is None:
            check(kind, job)
        limit = round(boxes.BOX / growth(job))
        reader = BoxReader(job.array, job.selection, self.max_bytes, limit)
        make = texts.writer if texts else maker(kind)
        head = job.head
        shared = self._is_shared(job, output)
        placed = output or ("memory" if shared else None)
        estimate = _plan(reader, job, output, placed is None or kind not in ("npy", "h5"))
        if kind == "h5" and reader.never_written:
            estimate = replace(estimate, written=0)
        free = None if output is None else self.outside.check(output)
        self._refuse_large(estimate, free)
        self.outside.announce(estimate)
        if kind == "h5":  # its attributes say it
            job = replace(job, coding=None)
        planned: dict[str, Any] = {}
        if not estimate.unknown:
            planned = {"planned_requests": estimate.requests, "planned_bytes": estimate.fetched}
        with self._opened(job.notes, output, shared) as stream:
            _Filling(job, reader, estimate, self.outside).fill(lambda: make(job, stream, placed))
        if texts is not None and self.outside.texts is not None:
            self.outside.texts(texts.found)
        notes = [*job.notes, *job.array.notes]
        if output is not None and notes:
            planned["notes"] = notes
        elif output is None:
            for note in job.array.notes:
                self.outside.noted(note)
        return replaced(head, **planned)

    def _texts(self, job: Job) -> Texts | None:
        from h5s3.export.npy import Texts

        return Texts(self.max_bytes) if self.outside.texts is not None and Texts.fit(job) else None

    def _is_shared(self, job: Job, output: str | None) -> bool:
        """Whether the values go into memory that the other process has, too."""
        fixed = not (job.dtype is None or job.dtype.hasobject)
        large = job.count * job.facts.itemsize > SENT_WHOLE
        return output is None and self.outside.memory is not None and fixed and large

    @contextmanager
    def _opened(self, notes: Sequence[str], output: str | None, shared: bool) -> Iterator[BinaryIO]:
        if output is not None or (shared and self.outside.memory is not None):
            given = self.outside.memory(None) if output is None else self.outside.file(output)  # type: ignore[misc]
            with os.fdopen(given, "w+b") as file:
                yield file
            return
        for note in notes:  # no receipt is shown
            self.outside.noted(note)
        assert self.outside.stream is not None
        sending = _Sending(self.outside.stream)
        with BufferedWriter(sending, SENT) as stream:
            try:
                yield stream
                stream.flush()
            except BaseException:
                sending.failed = True
                raise

    def _prepare(self, array: Array) -> tuple[Job, FileType, str | None]:
        from h5s3.export.atomic_file import file_name
        from h5s3.export.base import Job
        from h5s3.formats.columns.labels import select_labels
        from h5s3.formats.selection import parse_selection, whole

        shape, text = array.facts.shape, self.selection
        if shape is None:
            raise RefusedError(f"{array.path} has a null dataspace: no values")
        selection = whole(shape) if text is None else parse_selection(text, shape)
        if self.labels is not None:
            selection = select_labels(self.labels, array, selection)
        name = file_name(array.path.rpartition("/")[2])
        job = Job(array, selection, name, head=None)  # type: ignore[arg-type]
        if array.left_out:
            job.notes.append("columns left out: " + ", ".join(array.left_out))
        chosen, output = self._target(job)
        if output is not None:
            self.outside.check(output)
        job = self._as_written(job, chosen)
        return replace(job, head=self._head(job, chosen, output)), chosen, output

    def _as_written(self, job: Job, kind: FileType) -> Job:
        return as_written(job, kind, coords=self.coords, decode=self.decode)

    def _target(self, job: Job) -> tuple[FileType, str | None]:
        """The format and the file; a stream has none."""
        from h5s3.export.file_types import fits_csv

        if self.outside.stream is not None:
            return self._named("csv" if self.format or fits_csv(self._as_written(job, "csv")) else "json", "")
        return self._named("csv" if self.coords or job.array.group is not None else "npy", job.name)

    def _named(self, usual: FileType, name: str) -> tuple[FileType, str | None]:
        """The format and the file by what was asked for; else a usual format, and a file of this name."""
        from h5s3.export.atomic_file import file_name
        from h5s3.export.file_types import FORMATS, format_of

        named = format_of(self.format) if self.format else None
        if self.outside.stream is not None:
            return named or usual, None
        if self.output is None:
            return named or usual, f"{file_name(name)}.{named or usual}"
        suffix = os.path.splitext(self.output)[1].lstrip(".")
        if named is None and not suffix:
            hint = "end it in one of " + ", ".join("." + name for name in FORMATS) + ", or give --format"
            raise UsageError(f"the name {self.output} does not tell the format", hint=hint)
        return named or format_of(suffix), self.output

    def _refuse_large(self, estimate: Estimate, free: int | None) -> None:
        size = max(estimate.fetched, estimate.written)
        if self.max_bytes is not None and size > self.max_bytes:
            raise RefusedError(
                f"{estimate.fetched} bytes to fetch and {estimate.written} bytes of values"
                f" are more than --max-bytes {self.max_bytes}",
                hint="raise it, or take a part with --slice",
            )
        if free is not None and estimate.written * (1 + estimate.spooled) > free:
            raise RefusedError(
                f"{estimate.written} bytes of values do not fit the disk, which has {free} bytes left",
                hint="take a part with --slice, or choose another folder with -o",
            )

    def _head(self, job: Job, chosen: FileType, output: str | None) -> Get:
        from h5s3.formats.selection import text_of_selection

        return Get(
            location=self.location,
            key=self.key,
            etag=job.array.etag,
            path=job.array.path,
            dtype=job.facts.dtype,
            shape=list(job.facts.shape or ()),
            selection=text_of_selection(job.selection),
            selected_shape=list(job.kept),
            format=chosen,
            output=output,
            size=job.count,
            nbytes=job.count * job.facts.itemsize,
            coding=(job.coding.record() if job.coding else None) or UNSET,
            decoded=job.decode is not None or UNSET,
            followed=job.array.followed,
        )


class _Sending(RawIOBase):
    """A stream whose bytes somebody else takes."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send
        self.failed = False  # what is left in a buffer before it goes nowhere

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self.failed:
            self._send(bytes(data))
        return len(data)


class _Filling:
    """Boxes from a reader to a writer."""

    def __init__(self, job: Job, reader: BoxReader, estimate: Estimate, outside: Outside) -> None:
        self._job, self._reader = job, reader
        self._total = max(1, job.count)
        self._outside = outside
        self._undecoded = job.coding if job.decode is None else None
        self._output = estimate.output
        self._spooled = estimate.spooled
        self._done = 0
        self._begun = False

    def fill(self, make: Callable[[], Writer]) -> None:
        """All boxes. The writer is let go of whatever happens: an open HDF5 file would outlive its name."""
        writer = make()
        try:
            if self._spooled:
                self._by_spool(writer)
            else:
                for box, values in self._reader.read_all(self._boxes(writer), raw=writer.raw):
                    self._write(writer, box, values)
            self._begin(writer)
            writer.finish()
        except BaseException:
            writer.abandon()
            raise

    def _begin(self, writer: Writer) -> None:
        if not self._begun:
            self._begun = True
            writer.begin()

    def _tell_coding(self, coding: Coding) -> None:
        self._undecoded = None
        record = coding.record()
        if record is not None:
            self._outside.differs(record)

    def _write(self, writer: Writer, box: Box, values: Values) -> None:
        from h5s3.export.rows import meant

        self._begin(writer)
        if self._undecoded is not None and self._undecoded.changes(values):
            self._tell_coding(self._undecoded)
        for made in meant(self._job, box, values):
            writer.write(box, made)
        self._tell(box)

    def _boxes(self, writer: Writer) -> Iterator[Box]:
        """All boxes that the writer is to be given."""
        if writer.sparse and self._reader.never_written:
            return
        for box in self._reader.boxes(writer.ordered):
            if writer.sparse and self._reader.unwritten(box):
                self._tell(box)
            else:
                yield box

    def _by_spool(self, writer: Writer) -> None:
        from h5s3.export.spool import Spool

        self._total *= 2
        file = os.fdopen(self._outside.spool(None), "w+b")
        spool = Spool(self._job, file, self._reader.limit)
        try:
            for box, values in self._reader.read_all(self._reader.boxes(ordered=False)):
                spool.write(box, values)
                self._tell(box)
            for box, values in spool.boxes():
                self._write(writer, box, values)
        finally:
            spool.close()

    def _tell(self, box: Box) -> None:
        self._done += _size(box.counts)
        self._outside.progress((self._output or "-", self._done / self._total))


def _size(counts: tuple[int, ...]) -> int:
    total = 1
    for count in counts:
        total *= count
    return total


def _plan(reader: BoxReader, job: Job, output: str | None, ordered: bool) -> Estimate:
    """The cheaper way: where chunks would be fetched for many boxes, values are put in order on disk."""
    straight = _estimate(reader, job, output, ordered)
    if not ordered or job.facts.type_has_pointers or not job.selection:
        return straight
    spooled = _estimate(reader, job, output, ordered=False)
    if straight.fetched <= SPOOL * spooled.fetched + TOLERATED:
        return straight
    return replace(spooled, spooled=True)


def _estimate(reader: BoxReader, job: Job, output: str | None, ordered: bool) -> Estimate:
    """What will be fetched: chunks that several boxes need are fetched, and counted, for each."""
    from h5s3.export.rows import written_size

    requests = fetched = elements = 0
    needed = () if reader.none_stored else reader.boxes(ordered)
    for number, box in enumerate(needed):
        if number >= MOST_PLANNED:
            requests, fetched = (round(n * job.count / elements) for n in (requests, fetched))
            break
        ranges = reader.ranges(box)
        requests += len(ranges)
        fetched += sum(stop - start for start, stop in ranges)
        elements += _size(box.counts)
    written = job.count * written_size(job)
    unknown = job.array.cost(job.selection) is not None
    return Estimate(requests, fetched, written, output, job.facts.type_has_pointers, unknown=unknown)
