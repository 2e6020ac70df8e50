"""The values of a dataset themselves, exact, into a file or a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from h5s3.errors import RefusedError, UsageError
from h5s3.explore.get_job import as_written
from h5s3.explore.get_structure import get_structure
from h5s3.explore.session import FIRST_BYTES, Session
from h5s3.formats.base import Array, Contents
from h5s3.formats.requests import Request
from h5s3.records import UNSET, Get, replaced
from h5s3.records import Coding as CodingRecord
from h5s3.sizes import MIB
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.export.base import Array as Values
    from h5s3.export.base import Job, Writer
    from h5s3.export.file_types import FileType
    from h5s3.export.npy import Texts
    from h5s3.formats.boxes import Box, BoxReader
    from h5s3.formats.cf import Coding

SPOOL = 1.5  # times the bytes that are needed, beyond which chunks are not fetched again
LARGE = 64 * MIB  # to be fetched or written: said before
MOST_PLANNED = 20_000  # boxes whose requests are counted; of more, the rest is taken to be like them
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Estimate:
    """What a transfer will take. Text and compressed formats turn out larger or smaller than `written`."""

    requests: int
    fetched: int  # bytes
    written: int  # bytes of the values
    output: str | None
    at_least: bool  # strings of variable length lie elsewhere: their bytes come on top
    spooled: bool = False  # the values are put in order on the disk first

    @property
    def large(self) -> bool:
        """Whether it should be said before."""
        return max(self.fetched, self.written) > LARGE


@dataclass(frozen=True)
class GetRequest(Request):
    """Which values to write, and where to."""

    selection: str | None = None
    labels: str | None = None  # the same by coordinates: `time=2023-06-01:2023-06-30,lat=~48.2`
    output: str | None = None  # None: a file named for the dataset
    stream: BinaryIO | None = None  # in place of a file
    texts: Texts | None = None  # takes strings of variable length in place of the stream
    format: str | None = None  # None: by the suffix of the file
    overwrite: bool = False
    coords: bool = False  # the values of the dimensions with them
    decode: bool = False  # values as they are meant: CF packing, missing values, times
    metadata_only: bool = False  # of a whole file, in place of values: all but its data
    left_out: Callable[[list[str]], None] = lambda left: None  # told what of that cannot be copied
    differs: Callable[[CodingRecord], None] = lambda coding: (
        None
    )  # told where stored values are not what is meant
    noted: Callable[[str], None] = lambda note: None  # told what is left out, where values go to a stream
    announce: Callable[[Estimate], None] = lambda estimate: None
    progress: Progress | None = None


def get(session: Session, location: Location, asked: GetRequest) -> Get:
    """Write the values of the array at a path (or of a part of it); the receipt.

    Nothing is left under the name of the output unless all of it was written. Raises `UsageError` for what
    is not an array, for an output that is there already, and `RefusedError` for values that are unsafe to
    read, that the format cannot hold, or that do not fit the disk or `max_bytes`.
    """
    if asked.metadata_only:
        return _structure(session, location, asked)
    transfer = _Transfer(location, asked, session.settings.max_bytes)
    return session.read(location, transfer.run, Get, repeatable=lambda: not transfer.begun)


def get_array(session: Session, location: Location, asked: GetRequest) -> Values:
    """The values themselves, as a NumPy array; strings of variable length as objects, which are `str`.

    Raises what `get` raises.
    """
    from io import BytesIO

    from h5s3.export.npy import Texts, array_of

    if asked.coords or asked.format or asked.overwrite or asked.metadata_only:
        raise UsageError("format, coords, overwrite and metadata_only go with a file", hint="give output")
    stream, texts = BytesIO(), Texts(session.settings.max_bytes)
    get(session, location, replace(asked, stream=stream, format="npy", texts=texts))
    return array_of(stream) if texts.array is None else texts.array


def _structure(session: Session, location: Location, asked: GetRequest) -> Get:
    """All of a file but its data."""
    output = _structure_target(asked)

    def tell() -> None:
        if asked.progress is not None:
            asked.progress(output, 0.0)

    found = session.read(
        location, lambda contents: get_structure(location, contents, output, asked.overwrite, tell), Get
    )
    if found.notes:
        asked.left_out(found.notes)
    return found


def _structure_target(asked: GetRequest) -> str:
    """The file to write. Raises `UsageError` for wishes that go with values alone."""
    if asked.path != "/":
        raise UsageError("--metadata-only copies a whole file", hint="give the path /")
    if asked.coords or asked.decode or asked.selection is not None or asked.labels is not None:
        raise UsageError("--metadata-only goes with none of --slice, --sel, --coords and --decode")
    from h5s3.export.file_types import format_of

    named = asked.format or os.path.splitext(asked.output or "")[1].lstrip(".")
    if asked.stream is not None or not asked.output or not named or format_of(named) != "h5":
        raise UsageError("--metadata-only writes an HDF5 file", hint="name one with -o, such as copy.h5")
    return asked.output


@dataclass
class _Transfer:
    """One array on its way."""

    location: Location
    asked: GetRequest
    max_bytes: int | None
    begun: bool = False  # values may have been handed out

    def run(self, contents: Contents) -> Get:
        """All of it, from an open location."""
        from h5s3.export.file_types import check, maker
        from h5s3.export.rows import growth
        from h5s3.formats import boxes
        from h5s3.formats.boxes import BoxReader

        job, kind, output = self._prepare(contents.values(self.asked.path))
        texts = self.asked.texts if self.asked.texts and self.asked.texts.fit(job) else None
        if texts is None:
            check(kind, job)
        limit = round(boxes.BOX / growth(job))
        reader = BoxReader(job.array, job.selection, self.max_bytes, limit)
        make = texts.writer if texts else maker(kind)
        head = job.head
        estimate = _plan(reader, job, output, self.asked.stream is not None or kind not in ("npy", "h5"))
        if kind == "h5" and reader.never_written:
            estimate = replace(estimate, written=0)
        self._refuse_large(estimate)
        self.asked.announce(estimate)
        self.begun = self.asked.stream is not None
        if kind == "h5":  # its attributes say it
            job = replace(job, coding=None)
        planned = {"planned_requests": estimate.requests, "planned_bytes": estimate.fetched}
        if (stream := self.asked.stream) is not None:
            for note in job.notes:  # no receipt is shown
                self.asked.noted(note)
            _Filling(job, reader, estimate, self.asked).fill(lambda: make(job, stream, None))
            return replaced(head, **planned)
        assert output is not None
        size = self._into_file(job, reader, estimate, make, output)
        notes: dict[str, Any] = {"notes": job.notes} if job.notes else {}
        return replaced(head, file_bytes=size, **planned, **notes)

    def _into_file(self, job: Job, reader: BoxReader, estimate: Estimate, make: Any, output: str) -> int:
        from h5s3.export.atomic_file import atomic_write, write_errors

        with (
            write_errors(output),
            atomic_write(output, self.asked.overwrite) as (stream, temporary),
        ):
            filling = _Filling(job, reader, estimate, self.asked)
            filling.fill(lambda: make(job, stream, temporary))
            stream.flush()
            return os.fstat(stream.fileno()).st_size

    def _prepare(self, array: Array) -> tuple[Job, FileType, str | None]:
        from h5s3.export.atomic_file import check_target, file_name
        from h5s3.export.base import Job
        from h5s3.formats.columns.labels import select_labels
        from h5s3.formats.selection import parse_selection, whole

        shape, text = array.facts.shape, self.asked.selection
        if shape is None:
            raise RefusedError(f"{array.path} has a null dataspace: no values")
        selection = whole(shape) if text is None else parse_selection(text, shape)
        if self.asked.labels is not None:
            selection = select_labels(self.asked.labels, array, selection)
        name = file_name(array.path.rpartition("/")[2])
        job = Job(array, selection, name, head=None)  # type: ignore[arg-type]
        if array.left_out:
            job.notes.append("columns left out: " + ", ".join(array.left_out))
        chosen, output = self._target(job)
        if output is not None:
            check_target(output, self.asked.overwrite)
        job = self._as_written(job, chosen)
        return replace(job, head=_head(self.location, job, chosen, output)), chosen, output

    def _as_written(self, job: Job, kind: FileType) -> Job:
        return as_written(job, kind, coords=self.asked.coords, decode=self.asked.decode)

    def _target(self, job: Job) -> tuple[FileType, str | None]:
        """The format and the file; standard output has none."""
        from h5s3.export.file_types import FORMATS, fits_csv, format_of

        named = format_of(self.asked.format) if self.asked.format else None
        if self.asked.stream is not None:
            return named or ("csv" if fits_csv(self._as_written(job, "csv")) else "json"), None
        if self.asked.output is None:
            table = self.asked.coords or job.array.group is not None
            chosen = named or ("csv" if table else "npy")
            return chosen, f"{job.name}.{chosen}"
        suffix = os.path.splitext(self.asked.output)[1].lstrip(".")
        if named is None and not suffix:
            hint = "end it in one of " + ", ".join("." + name for name in FORMATS) + ", or give --format"
            raise UsageError(f"the name {self.asked.output} does not tell the format", hint=hint)
        return named or format_of(suffix), self.asked.output

    def _refuse_large(self, estimate: Estimate) -> None:
        from h5s3.export.atomic_file import free_bytes

        size = max(estimate.fetched, estimate.written)
        if self.max_bytes is not None and size > self.max_bytes:
            raise RefusedError(
                f"{estimate.fetched} bytes to fetch and {estimate.written} bytes of values"
                f" are more than --max-bytes {self.max_bytes}",
                hint="raise it, or take a part with --slice",
            )
        free = free_bytes(estimate.output) if estimate.output is not None else None
        if free is not None and estimate.written * (1 + estimate.spooled) > free:
            raise RefusedError(
                f"{estimate.written} bytes of values do not fit the disk, which has {free} bytes left",
                hint="take a part with --slice, or choose another folder with -o",
            )


class _Filling:
    """Boxes from a reader to a writer."""

    def __init__(self, job: Job, reader: BoxReader, estimate: Estimate, asked: GetRequest) -> None:
        self._job, self._reader = job, reader
        self._total = max(1, job.count)
        self._progress, self._differs = asked.progress, asked.differs
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
            self._differs(record)

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
        from h5s3.export.spool import Spool, folder_of

        self._total *= 2
        spool = Spool(self._job, folder_of(self._output), self._reader.limit)
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
        if self._progress:
            self._progress(self._output or "-", self._done / self._total)


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
    if straight.fetched <= SPOOL * spooled.fetched + FIRST_BYTES:
        return straight
    return replace(spooled, spooled=True)


def _estimate(reader: BoxReader, job: Job, output: str | None, ordered: bool) -> Estimate:
    """What will be fetched: chunks that several boxes need are fetched, and counted, for each."""
    from h5s3.export.rows import written_size

    requests = fetched = elements = 0
    for number, box in enumerate(reader.boxes(ordered)):
        if number >= MOST_PLANNED:
            requests, fetched = (round(n * job.count / elements) for n in (requests, fetched))
            break
        ranges = reader.ranges(box)
        requests += len(ranges)
        fetched += sum(stop - start for start, stop in ranges)
        elements += _size(box.counts)
    written = job.count * written_size(job)
    return Estimate(requests, fetched, written, output, job.facts.type_has_pointers)


def _head(location: Location, job: Job, chosen: FileType, output: str | None) -> Get:
    from h5s3.formats.selection import text_of_selection

    return Get(
        location=location.display,
        key=location.shown_key,
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
    )
