"""HDF5 into Zarr: planned, copied or decoded chunk by chunk, and whole only when it says so."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Literal

from h5s3.errors import ChangedError, H5s3Error, NotCachedError, RefusedError, UsageError
from h5s3.explore.session import Session
from h5s3.formats.requests import Request
from h5s3.records import UNSET, ConversionPlan, Convert, NotConverted, PlannedArray
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.export.zarr.decoded import Chunk
    from h5s3.export.zarr.journal import Journal
    from h5s3.storage.output import Output

WHOLE = ("zarr.json", ".zmetadata", ".zgroup", ".zarray")  # documents of a store that is whole
THREADS, REMOTE = 4, 8  # that copy chunks from this machine, and from elsewhere
MOST_NAMED = 3  # things without a counterpart that a refusal names
Cell = tuple[int, ...]
Progress = Callable[[str, int, int], None]  # what is done, bytes that are done, bytes in all


@dataclass(frozen=True)
class ConvertRequest(Request):
    """What to convert, and to where."""

    output: str = ""  # a LOCATION
    version: Literal[2, 3] = 3
    recompress: str | None = None
    chunks: str | None = None
    shards: str | None = None
    overviews: bool = False  # of large arrays of numbers
    strict: bool = False  # refuse what has no counterpart
    overwrite: bool = False
    resume: bool = False
    verify: bool = False  # compare all values at the end
    progress: Progress | None = None


def convert(session: Session, location: Location, asked: ConvertRequest) -> Convert:
    """Write a Zarr store of a file, a group or a dataset; the receipt.

    Documents are written when all chunks are there, that of the whole store last. Raises `UsageError` for an
    output that is there already, `RefusedError` for what cannot be read (or with `strict`, written), and
    `ChangedError` where the object is another one than before.
    """
    from h5s3.export.atomic_file import write_errors
    from h5s3.export.zarr.plan import Planning
    from h5s3.export.zarr.wishes import wishes_of
    from h5s3.formats.zarr.data.in_memory import library as require_library
    from h5s3.storage.location import parse_location
    from h5s3.storage.output import open_output

    begun = time.monotonic()
    if asked.verify:
        require_library()
    target = parse_location(asked.output)
    wishes = wishes_of(asked.recompress, asked.chunks, asked.shards, asked.version, asked.overviews)
    if session.settings.offline and location.kind != "local":
        raise NotCachedError(
            "chunks are not in the cache", location=location.display, hint="run without --offline"
        )
    output = open_output(target, session.settings, session.trace)
    try:
        with write_errors(output.display):
            going_on = _look(output, asked)
            plan = session.read(location, Planning(asked.path, asked.version, wishes))
            if asked.strict and plan.left:
                raise _not_all(plan).at(location.display)
            work = _Work(session, location, asked, plan, output, going_on)
            work.run()
            if asked.verify:
                from h5s3.explore.convert.verify import verify

                tell = asked.progress or (lambda *_: None)
                work.verified = verify(session, location, target, plan, asked.version, tell)
    finally:
        output.close()
    return work.receipt(time.monotonic() - begun)


def _look(output: Output, asked: ConvertRequest) -> bool:
    """Whether an unfinished store stands there that is to be gone on with. Raises `UsageError`."""
    from h5s3.export.zarr.journal import FOLDER

    names = output.top()
    whole = any(name in WHOLE for name in names)
    begun = FOLDER + "/" in names
    if not names or asked.overwrite:
        if names and not whole and not begun:
            raise UsageError(
                "there is something that is no Zarr store",
                location=output.display,
                hint="choose another place",
            )
        return False
    if whole:
        raise UsageError("the store exists", location=output.display, hint="replace it with --overwrite")
    if not begun:
        raise UsageError(
            "there is something that is no Zarr store", location=output.display, hint="choose another place"
        )
    if not asked.resume:
        raise UsageError(
            "a conversion that was not finished",
            location=output.display,
            hint="--resume goes on with it, --overwrite begins anew",
        )
    return True


def _not_all(plan: ConversionPlan) -> RefusedError:
    named = "; ".join(f"{item.path}: {item.reason}" for item in plan.left[:MOST_NAMED])
    more = f"; and {len(plan.left) - MOST_NAMED:,} more" if len(plan.left) > MOST_NAMED else ""
    return RefusedError(
        f"not all of it has a counterpart in Zarr: {named}{more}", hint="run without --strict"
    )


@dataclass
class _Counts:
    """What was done so far."""

    copied: int = 0
    encoded: int = 0
    kept: int = 0
    empty: int = 0
    fetched: int = 0
    written: int = 0
    strange: set[str] = field(default_factory=set)  # arrays with texts that are not UTF-8


class _Work:
    """One store on its way."""

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
        self._total = sum(array.stored for array in plan.arrays)
        self._done = _Counts()
        self._bytes = 0
        self._there: dict[str, set[Cell]] = {}  # cells of chunks, by the paths of arrays
        self._lock = threading.Lock()
        self.verified: int | None = None  # values that were compared

    def run(self) -> None:
        """All of it. What is interrupted can be gone on with."""
        from h5s3.export.zarr import journal
        from h5s3.export.zarr.documents import all_documents

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
        for name in held.held:
            path, cell = _cell(name, self._asked.version)
            self._there.setdefault(path, set()).add(cell)
        self._bytes = sum(_share(array) * len(self._there.get(array.path, ())) for array in self._plan.arrays)
        try:
            self._copy(held, info)
            self._decode(held)
            self._overviews(held)
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

    def _copy(self, journal: Journal, info: ObjectInfo) -> None:
        """The chunks that are copied as they are stored, of all arrays."""
        from h5s3.export.zarr.copied import Copier

        def held(array: PlannedArray, cell: Cell) -> bool:
            return cell in self._there.get(array.path, ())

        def put(array: PlannedArray, cell: Cell, data: bytes | memoryview) -> None:
            journal.put(name_of_chunk(array, cell, self._asked.version), data)
            self._tell(array, len(data), fetched=len(data), written=len(data), copied=1)

        arrays = [array for array in self._plan.arrays if array.copied]
        if arrays:
            store = self._session.store(info.location)
            threads = max(self._output.threads, THREADS if info.location.kind == "local" else REMOTE)
            Copier(store, info, self._session.trace).copy(arrays, held, put, threads)

    def _decode(self, journal: Journal) -> None:
        """The others."""
        from h5s3.export.zarr.decoded import Decoding

        arrays = [array for array in self._plan.arrays if array.decoded is None or array.decoded]
        shares = [_share(array) for array in arrays]

        def take(chunk: Chunk) -> None:
            array = arrays[chunk.array]
            name = name_of_chunk(array, chunk.cell, self._asked.version)
            if chunk.data is None:
                journal.empty(name)
                self._tell(array, shares[chunk.array], empty=1)
                return
            journal.put(name, chunk.data)
            if chunk.strange:
                self._done.strange.add(array.source)
            self._tell(array, shares[chunk.array], written=len(chunk.data), encoded=1)

        if arrays:
            held = [self._there.get(array.path, set()) for array in arrays]
            most = self._session.settings.max_bytes
            question = Decoding(arrays, self._asked.version, take, held, self._plan.names, most)
            self._session.read(self._location, question)

    def _overviews(self, journal: Journal) -> None:
        if self._plan.overviews:
            from h5s3.explore.convert.overviews import write_overviews

            def tell(text: str, written: int) -> None:
                self._done.written += written
                if self._asked.progress is not None:
                    self._asked.progress(text, self._bytes, self._total)

            version = self._asked.version
            write_overviews(self._session, self._location, self._plan, version, journal, tell)

    def _tell(self, array: PlannedArray, progress: int, **more: int) -> None:
        with self._lock:
            for name, value in more.items():
                setattr(self._done, name, getattr(self._done, name) + value)
            self._bytes += progress
            if self._asked.progress is not None:
                self._asked.progress(array.source, self._bytes, self._total)

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


def name_of_chunk(array: PlannedArray, cell: Cell, version: int) -> str:
    """The object of a chunk, relative to the store."""
    start = f"{array.path}/" if array.path else ""
    return start + ((".".join(map(str, cell)) or "0") if version == 2 else "/".join(["c", *map(str, cell)]))


def _share(array: PlannedArray) -> int:
    """About how many bytes of the file one chunk is."""
    grid = (-(-n // c) for n, c in zip(array.shape, array.shards or array.chunks, strict=True))
    return array.stored // max(1, prod(grid))


def _cell(name: str, version: int) -> tuple[str, Cell]:
    """The path of an array and the cell, from the name of a chunk."""
    if version == 2:
        path, _, key = name.rpartition("/")
        return path, () if key == "0" else tuple(map(int, key.split(".")))
    path, _, key = ("/" + name + "/").rpartition("/c/")
    return path.strip("/"), tuple(map(int, key.split("/")[:-1])) if key else ()
