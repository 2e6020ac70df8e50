"""Row groups, read from Parquet files of which only the wanted column chunks are fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.arrow import reading
from h5s3.formats.tables.parquet.footers import Footer
from h5s3.formats.tables.place import Place
from h5s3.formats.tables.rows.matched import Matched, adapted, all_leaves
from h5s3.formats.tables.rows.sparse import Sparse
from h5s3.formats.tables.table import DataFile
from h5s3.sizes import MIB
from h5s3.storage.base import Range

if TYPE_CHECKING:
    import pyarrow as pa

TOGETHER = 32 * MIB  # stored bytes of row groups that are fetched in one round
LITTLE = 2 * MIB  # of them, at first, where a few rows may be enough
WINDOW = 256 * 1024  # bytes of a column chunk that are fetched at least, where not all of it is
BUFFER = 64 * 1024  # bytes that pyarrow reads at a time
ROWS = 64 * 1024  # rows that are decoded at a time, of narrow ones
DECODERS = (
    "UNCOMPRESSED",
    "LZ4_RAW",
    "UNKNOWN",
)  # that pyarrow has, or tells of: it calls Hadoop's LZ4 unknown
UNCOUNTED = 100  # bytes that parquet-mr may have left out of the size of a column chunk (PARQUET-816)
DECODED = 32 * MIB  # bytes that they should be, by what the footer tells


@dataclass(frozen=True)
class Piece:
    """A row group of a file. `first`: which row of the file is its first one."""

    file: DataFile
    size: int  # of the file
    footer: Footer
    group: int
    first: int
    rows: int
    columns: tuple[Matched, ...]

    @property
    def leaves(self) -> list[int]:
        """The column chunks that are wanted."""
        return sorted(set(all_leaves(self.columns)))

    @property
    def ranges(self) -> list[Range]:
        """Where they are. Raises `DamagedError` for a place outside of the file."""
        found = []
        old = UNCOUNTED if str(self.footer.created_by).startswith("parquet-mr") else 0
        with reading("a row group"):
            for leaf in self.leaves:
                chunk = self.footer.chunk(self.group, leaf)
                start = chunk.data_page_offset
                if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < start:
                    start = chunk.dictionary_page_offset
                stop = start + chunk.total_compressed_size
                if not 4 <= start <= stop <= self.size - 8:
                    raise DamagedError(f"a column chunk of {self.name} lies outside of it")
                found.append((start, min(stop + old, self.size - 8)))
        return found

    @property
    def name(self) -> str:
        """The file, in words."""
        return self.file.path or "the file"

    @property
    def logical(self) -> int:
        """Bytes of the wanted columns, before they are compressed."""
        chunks = (self.footer.chunk(self.group, leaf) for leaf in self.leaves)
        return sum(max(0, int(chunk.total_uncompressed_size)) for chunk in chunks)

    def refuse(self) -> None:
        """Raise `RefusedError` for what is not known how to be read."""
        import pyarrow as pa

        for leaf in self.leaves:
            name = self.footer.schema.column(leaf).path
            chunk = self.footer.chunk(self.group, leaf)
            if chunk is None:
                raise RefusedError(f"the column {name} is encrypted", hint="choose others with --columns")
            codec = str(chunk.compression)
            if codec not in DECODERS and not _is_there(pa, codec):
                raise RefusedError(
                    f"the column {name} is compressed by {codec}, for which there is no decoder"
                )


def _is_there(pa: Any, codec: str) -> bool:
    try:
        return bool(pa.Codec.is_available(codec.lower()))
    except (ValueError, NotImplementedError):
        return False


class Budget:
    """Bytes that may be fetched (None: any number)."""

    def __init__(self, most: int | None) -> None:
        self._most, self._spent = most, 0

    def plan(self, pieces: Sequence[Piece]) -> None:
        """Raise `RefusedError` where row groups are more than is left."""
        if self._most is not None:
            self._refuse(sum(stop - start for piece in pieces for start, stop in piece.ranges))

    def spend(self, parts: Sequence[Range]) -> None:
        """Take note of bytes that are to be fetched. Raises `RefusedError`."""
        size = sum(stop - start for start, stop in parts)
        self._refuse(size)
        self._spent += size

    def _refuse(self, size: int) -> None:
        if self._most is not None and self._spent + size > self._most:
            raise RefusedError(
                f"{self._spent + size} bytes to fetch are more than --max-bytes {self._most}",
                hint="raise it, or take fewer rows with --columns, --where and --limit",
            )


def first_pieces(pieces: Sequence[Piece], rows: int) -> list[Piece]:
    """The row groups that have the first rows."""
    found: list[Piece] = []
    for piece in pieces:
        found.append(piece)
        rows -= piece.rows
        if rows <= 0:
            break
    return found


def read_pieces(
    place: Place,
    pieces: Sequence[Piece],
    wanted: int | None = None,
    certain: bool = True,
    budget: Budget | None = None,
) -> Iterator[tuple[Piece, int, pa.Table]]:
    """Rows of row groups, in order, with the number of the row group's first one among them.

    Row groups are fetched together as long as they are small. `wanted`: how many rows are enough: of large
    ones only their first bytes are fetched at first. `certain`: not more will be read than those.
    """
    budget = budget or Budget(None)
    together = TOGETHER if wanted is None else LITTLE
    at = 0
    while at < len(pieces):
        files: list[tuple[Piece, Sparse]] = []
        size = 0
        while at < len(pieces):
            few = wanted is not None and (certain or together < TOGETHER // 2)
            file = _opened(place, pieces[at], wanted if few else None, budget)
            asked = sum(stop - start for start, stop in file.first())
            if files and size + asked > together:
                break
            files.append((pieces[at], file))
            size += asked
            at += 1
        parts = [(piece.file.path, part) for piece, file in files for part in file.first()]
        budget.spend([part for _, part in parts])
        found = iter(place.read(parts) if parts else [])
        for _, file in files:
            file.give([(part, next(found)) for part in file.first()])
        for piece, file in files:
            for before, rows in _decoded(piece, file, wanted if certain else None):
                yield piece, before, rows
        together = min(TOGETHER, 2 * together)


def _opened(place: Place, piece: Piece, wanted: int | None, budget: Budget) -> Sparse:
    piece.refuse()
    ranges = piece.ranges
    total = sum(stop - start for start, stop in ranges)
    if not ranges or (total <= TOGETHER and (wanted is None or wanted >= piece.rows)):
        window = max([1, *(stop - start for start, stop in ranges)])
    elif wanted is None:
        window = max(WINDOW, TOGETHER // len(ranges))
    else:  # about as much as those rows are of it
        longest = max(stop - start for start, stop in ranges)
        window = max(WINDOW, min(TOGETHER // len(ranges), longest * wanted // piece.rows))

    def fetch(parts: list[Range]) -> list[bytes]:
        budget.spend(parts)
        return place.read([(piece.file.path, part) for part in parts])

    return Sparse(piece.size, ranges, window, fetch)


def _decoded(piece: Piece, file: Sparse, wanted: int | None) -> Iterator[tuple[int, pa.Table]]:
    import pyarrow.parquet as pq

    leaves = piece.leaves
    size = max(1, min(ROWS, DECODED * max(1, piece.rows) // max(1, piece.logical)))
    if wanted is not None:
        size = min(size, max(256, wanted))
    if not leaves:
        for first in range(0, piece.rows, ROWS):
            yield first, _table(piece, None, min(ROWS, piece.rows - first))
        return
    before = 0
    try:
        with reading(f"rows of {piece.name}"):
            opened = pq.ParquetFile(
                file,
                metadata=piece.footer.found,
                buffer_size=BUFFER,
                pre_buffer=False,
                coerce_int96_timestamp_unit="us",
                page_checksum_verification=True,
            )
            batches = opened.reader.iter_batches(size, [piece.group], leaves, use_threads=False)
            for batch in batches:
                rows = _table(piece, batch, batch.num_rows)
                yield before, rows
                before += batch.num_rows
    except DamagedError:
        if file.failure is not None:
            raise file.failure from None
        raise
    if before != piece.rows:
        raise DamagedError(f"a row group of {piece.name} has {before} rows, its footer says {piece.rows}")


def _table(piece: Piece, batch: pa.RecordBatch | None, rows: int) -> pa.Table:
    """Columns in the types of the table, where the file has them."""
    import pyarrow as pa

    arrays, names = [], []
    for one in piece.columns:
        if one.node is None:
            continue
        assert batch is not None
        number = batch.schema.get_field_index(one.node.field.name)
        if number < 0:
            raise DamagedError(f"it is not certain which column {one.column.name} is")
        arrays.append(adapted(batch.column(number), one))
        names.append(one.column.name)
    if not arrays:
        return pa.table({"": pa.nulls(rows)})  # a number of rows, which a table without columns does not have
    return pa.table(arrays, names=names)
