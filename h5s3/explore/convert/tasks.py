"""A conversion in parts that workers of a cluster do, each with connections and a cell of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod

import numpy as np

from h5s3 import __version__
from h5s3.cell.calls import Callback
from h5s3.cell.wall import error_of
from h5s3.errors import ChangedError, H5s3Error, NetworkError
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.convert.writers import Writers
from h5s3.explore.dask_cluster import AgainError, absolute, settings_for
from h5s3.explore.session import Session
from h5s3.export.zarr.asked import Version, is_decoded
from h5s3.export.zarr.copied import Copier, Held, batches, shards
from h5s3.export.zarr.journal import EMPTY
from h5s3.export.zarr.objects import Cell, Names, grid_of, unpacked
from h5s3.export.zarr.questions import Decoding
from h5s3.formats.boxes import POINTED
from h5s3.records import PlannedArray, replaced
from h5s3.settings import Settings
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location, parse_location
from h5s3.storage.output import open_output

SIZE, MOST = 64 * MIB, 4096  # bytes and chunks of one task
MOST_PARTS = 2000  # of one array that is decoded
THREADS = 8  # that copy chunks
Within = tuple[int, int, int]  # along a dimension, from and to an index


@dataclass(frozen=True)
class Place:
    """What all tasks of a conversion share: from where, and to where. It holds credentials where they are to
    be sent, else none."""

    location: Location
    content: tuple[int, str | None]  # what the object is to be still
    output: Location
    settings: Settings
    version: Version
    nested: bool
    names: Mapping[int, str]
    release: str = __version__


@dataclass(frozen=True)
class Task:
    """Chunks of arrays: rows of those that are copied, or what is decoded (of one array perhaps a part)."""

    place: Place
    arrays: Sequence[PlannedArray]
    copied: bool
    held: Mapping[str, set[Cell]] = field(default_factory=dict)
    within: Within | None = None


@dataclass
class Done:
    """What a task has done. `marks`: of the objects that it wrote, by name. `error`: kind, cause and hint of
    what cannot be done."""

    marks: dict[str, str] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)  # sources of texts that are not UTF-8
    copied: int = 0
    fetched: int = 0
    written: int = 0
    error: tuple[str, str, str] | None = None

    def check(self) -> None:
        """Raise the error."""
        if self.error is not None:
            raise error_of(*self.error)


def place_of(
    session: Session,
    location: Location,
    asked: ConvertRequest,
    info: ObjectInfo,
    names: Mapping[int, str],
) -> Place:
    """From where to where, as workers are told. Credentials they have of their own, unless those of this
    process are to be sent. Raises `UsageError` for a URL that holds some."""
    output = parse_location(asked.output)
    settings = settings_for(session, [location, output], asked.credentials)
    return Place(
        absolute(location), info.content, absolute(output), settings, asked.version, asked.ome, names
    )


# ------------------------------------------------------------------------------------------ in a worker


def run(task: Task) -> Done:
    """Do a task, in a worker. What may succeed another time raises `AgainError`."""
    try:
        if task.place.release != __version__:
            raise H5s3Error(
                f"the workers have h5s3 {__version__}", hint=f"they need {task.place.release}, as is here"
            )
        return _Run(task).done
    except NetworkError as error:
        raise AgainError(str(error)) from None
    except H5s3Error as error:
        where = f" ({error.location})" if error.location else ""
        return Done(error=(type(error).__name__, error.cause + where, error.hint))
    except OSError as error:
        return Done(error=("H5s3Error", f"cannot be written: {error.strerror or error}", ""))


class _Run:
    """A task under way."""

    def __init__(self, task: Task) -> None:
        from h5s3.cell import pool

        self._place, self.done = task.place, Done()
        self._names = Names(task.place.version, task.place.nested, {})
        self._lock = threading.Lock()
        settings = task.place.settings
        cell = None if task.copied else pool.lend(settings.max_bytes or 0)
        with Session(settings, cell=cell) as session:
            info = session.identity(task.place.location)
            if info.content != task.place.content:
                raise ChangedError("a worker finds another object there", location=info.location.display)
            self._output = open_output(task.place.output, settings, session.trace)
            try:
                if task.copied:
                    threads = max(THREADS, self._output.threads)
                    Copier(session.store(info.location), info, session.trace).copy(
                        task.arrays, lambda array, cell: False, self._put_copied, threads
                    )
                else:
                    self._decode(session, task)
            finally:
                self._output.close()

    def _put_copied(self, array: PlannedArray, cell: Cell, data: bytes | memoryview) -> None:
        self._put(self._names.of(array.path, cell), data, copied=1, fetched=len(data))

    def _decode(self, session: Session, task: Task) -> None:
        with Writers(self._output.threads) as writers:

            def take(data: bytes | memoryview) -> None:
                chunk = unpacked(memoryview(data))
                name = self._names.of(chunk.path, chunk.cell)
                if chunk.strange:
                    self.done.strange.add(chunk.path)
                if chunk.data is None:
                    self.done.marks[name] = EMPTY
                else:
                    writers.give(len(data), partial(self._put, name, chunk.data))

            question = Decoding(
                arrays=list(task.arrays),
                version=task.place.version,
                take=Callback(take, memoryview),
                held=task.held,
                names=dict(task.place.names),
                max_bytes=task.place.settings.max_bytes,
                within=task.within,
            )
            session.read(task.place.location, question, int)

    def _put(self, name: str, data: bytes | memoryview, copied: int = 0, fetched: int = 0) -> None:
        mark = self._output.put(name, data)
        with self._lock:
            self.done.marks[name] = mark
            self.done.copied += copied
            self.done.fetched += fetched
            self.done.written += len(data)


# ------------------------------------------------------------------------------------------ in the command


def tasks(
    place: Place, arrays: Sequence[PlannedArray], held: Held, there: Mapping[str, set[Cell]]
) -> Iterator[Task]:
    """All that there is to do, but for objects that are there."""
    yield from _copying(place, [array for array in arrays if array.copied], held)
    decoded = [array for array in arrays if is_decoded(array)]
    yield from _few(place, [array for array in decoded if _size(array) <= MIB], there)
    for array in decoded:
        if _size(array) > MIB:
            yield from _parts(place, array, there.get(array.path, set()))


def _copying(place: Place, arrays: Sequence[PlannedArray], held: Held) -> Iterator[Task]:
    for some in batches([array for array in arrays if not array.shards], held, SIZE, MOST):
        found: dict[str, tuple[PlannedArray, list[tuple[int, ...]]]] = {}
        for piece in some:
            rows = found.setdefault(piece.array.path, (piece.array, []))[1]
            rows.append((*piece.cell, piece.stored[0], piece.stored[1] - piece.stored[0]))
        yield Task(place, [_with_rows(array, rows) for array, rows in found.values()], copied=True)
    for array in arrays:
        if array.shards:
            each = (
                [(*p.cell, p.stored[0], p.stored[1] - p.stored[0]) for p in pieces]
                for _, pieces in shards(array, held)
            )
            for rows in _gathered(each):
                yield Task(place, [_with_rows(array, rows)], copied=True)


def _gathered(groups: Iterable[list[tuple[int, ...]]]) -> Iterator[list[tuple[int, ...]]]:
    """Rows of whole groups, so many bytes at a time."""
    some: list[tuple[int, ...]] = []
    for group in groups:
        if some and sum(row[-1] for row in [*some, *group]) > SIZE:
            yield some
            some = []
        some = some + group
    if some:
        yield some


def _with_rows(array: PlannedArray, rows: Sequence[tuple[int, ...]]) -> PlannedArray:
    return replaced(array, copied=np.array(rows, dtype="<u8").tobytes(), decoded=b"")


def _few(place: Place, arrays: Sequence[PlannedArray], there: Mapping[str, set[Cell]]) -> Iterator[Task]:
    """Small arrays, several in one task."""
    count = max(1, SIZE // MIB)
    for low in range(0, len(arrays), count):
        some = [replaced(array, copied=b"") for array in arrays[low : low + count]]
        yield Task(place, some, False, {one.path: there[one.path] for one in some if one.path in there})


def _parts(place: Place, array: PlannedArray, there: set[Cell]) -> Iterator[Task]:
    """Parts of an array that is decoded: some of its cells, or a range along the dimension with most."""
    plain, ndim = replaced(array, copied=b""), len(array.shape) - array.inner
    sizes = (array.shards or array.chunks)[:ndim]
    grid = grid_of(tuple(array.shape[:ndim]), tuple(sizes))
    each = max(1, prod(sizes) * _itemsize(array))
    if array.decoded is not None and ndim:
        cells = np.frombuffer(array.decoded, dtype="<u8").reshape(-1, ndim)
        count = max(1, min(MOST, SIZE // each))
        for low in range(0, len(cells), count):
            some = cells[low : low + count]
            yield Task(place, [replaced(plain, decoded=some.tobytes())], False, {array.path: there})
        return
    if not ndim:
        yield Task(place, [plain], False, {array.path: there})
        return
    axis = max(range(ndim), key=lambda number: grid[number])
    parts = max(1, min(grid[axis], MOST_PARTS, -(-_size(array) // SIZE)))
    step = -(-grid[axis] // parts)
    for low in range(0, grid[axis], step):
        mine = {cell for cell in there if low <= cell[axis] < low + step}
        within = (axis, low * sizes[axis], (low + step) * sizes[axis])
        yield Task(place, [plain], False, {array.path: mine}, within)


def _itemsize(array: PlannedArray) -> int:
    return POINTED if array.text else max(1, len(array.fill))


def _size(array: PlannedArray) -> int:
    """Bytes of the values."""
    return prod(array.shape) * _itemsize(array)
