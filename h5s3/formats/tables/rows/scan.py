"""The rows of a table: of its files what is needed, as the table has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError, RefusedError, UsageError
from h5s3.formats.tables.parquet.footers import Footer, read_footers
from h5s3.formats.tables.parquet.nodes import Node, nodes_of
from h5s3.formats.tables.parquet.schema import notes_of
from h5s3.formats.tables.place import Place, beside
from h5s3.formats.tables.rows.bounds import Known, of_chunk, of_constant, of_statistics, possible
from h5s3.formats.tables.rows.columns import Bound, bind, chosen, find, narrowed
from h5s3.formats.tables.rows.filters import matching, values_at
from h5s3.formats.tables.rows.matched import Matched, constant, match
from h5s3.formats.tables.rows.pieces import Budget, Piece, first_pieces, read_pieces
from h5s3.formats.tables.rows.predicate import Condition, Name, names_in, parse, pushed
from h5s3.formats.tables.table import Column, DataFile, Table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Positions = np.ndarray[Any, Any]

FILES = 256  # whose footers are read at once
LOG = "log"  # the format of files that are logs alone
FEW = 8  # of them, where a few rows may be enough


def scan(
    table: Table,
    place: Place,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    limit: int | None = None,
) -> Iterator[pa.Table]:
    """The rows that match, in the order of files and rows, some at a time.

    `columns`: names, `b.c` for a field inside one; `where`: a condition as in SQL. Raises `UsageError`,
    `NotFoundError` for a column, `RefusedError` for what cannot be read right, `DamagedError`.
    """
    return Scan(table, place, columns, where, limit).rows()


class Scan:
    """What is asked of a table, checked."""

    def __init__(
        self,
        table: Table,
        place: Place,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        limit: int | None = None,
        most: int | None = None,
    ) -> None:
        """`most`: bytes of columns that may be fetched."""
        self._table, self._place, self._limit = table, place, limit
        self._budget = Budget(most)
        self._hidden: dict[str, Positions] = {}
        self._passed = 0  # rows that are still to be passed over
        self.done = 0.0
        self.chosen = chosen(table.columns, columns)
        self.notes = notes_of([one.columns[-1] for one in self.chosen])
        self._condition: Condition | None = parse(where) if where is not None else None
        names = list(names_in(self._condition)) if self._condition is not None else []
        self._bound: dict[Name, Bound] = {name: bind(table.columns, name) for name in names}
        if self._condition is not None:
            _check(self._condition, self._bound)

    @property
    def total(self) -> int | None:
        """Rows of the whole table, where the metadata tells it."""
        return self._table.rows

    @cached_property
    def schema(self) -> pa.Schema:
        """Of the rows."""
        import pyarrow as pa

        return pa.schema([pa.field(one.label, one.kind) for one in self.chosen])

    def files(self) -> list[DataFile]:
        """The files that may have rows that match. Raises `RefusedError` for what cannot be read right."""
        if self._table.refused:
            raise RefusedError(f"rows of this table cannot be read right: {self._table.refused}")
        return [one for one in self._table.files if self._may_match(one)]

    def rows(self) -> Iterator[pa.Table]:
        """The rows, some at a time."""
        return self.rows_from(0, 0)

    def rows_from(self, at: int, passed: int) -> Iterator[pa.Table]:
        """The same from one of `files` on, without so many of its first rows."""
        schema, left = self.schema, self._limit
        if left == 0:
            return
        files, self._passed = self.files(), passed
        for file in files:
            _refuse(self._table, file, self._place)
        while at < len(files):
            count = FILES if left is None else self._enough(files[at : at + FEW], left)
            for part, rows in self._of_files(files[at : at + count], left):
                self.done = (at + part * min(count, len(files) - at)) / len(files)
                before = min(self._passed, rows.num_rows)
                self._passed -= before
                found = rows.slice(before, left)
                if found.num_rows:
                    yield found.cast(schema) if found.schema != schema else found
                if left is not None:
                    left -= found.num_rows
                    if left <= 0:
                        return
            at += count

    def _enough(self, files: Sequence[DataFile], rows: int) -> int:
        """How many of these files are looked at for so many rows, where the metadata tells what they have."""
        rows += self._passed
        for number, file in enumerate(files, 1):
            if self._condition is not None or file.visible is None:
                break
            rows -= file.visible
            if rows <= 0:
                return number
        return len(files)

    def _of_files(self, files: Sequence[DataFile], limit: int | None) -> Iterator[tuple[float, pa.Table]]:
        """Rows of some files, with the share of them that has been read by then."""
        footers = self._footers(files)
        sizes = self._sizes(files, footers)
        hidden = self._table.hidden(files)
        needed = [find(self._table.columns, name) for name in self._table.needed(files)]
        wanted = narrowed(self._table.columns, [*self.chosen, *self._bound.values(), *needed])
        pieces: list[Piece] = []
        certain = self._condition is None  # that a row which is read is one that is wanted
        for file in files:
            if file.deletes or file.logs:
                certain = False
            if file.format != LOG:
                pieces += self._pieces(file, sizes[file.path], footers[file.path], wanted)
        if self._passed and self._condition is None and not self._table.needed(files[:1]):
            pieces = self._without_first(pieces, files[0], hidden)
        limit = None if limit is None else limit + self._passed
        if certain and limit is not None:
            pieces = first_pieces(pieces, limit)
        self._budget.plan(pieces if limit is None else ())
        all_rows, read = max(1, sum(piece.rows for piece in pieces)), 0
        left = list(files)
        for piece, before, rows in read_pieces(self._place, pieces, limit, certain, self._budget):
            while left[0] is not piece.file:
                yield from ((read / all_rows, one) for one in self._added(left.pop(0), wanted))
            read += rows.num_rows
            found = self._completed(piece, rows, wanted)
            found = _shown(found, hidden.get(piece.file.path), piece.first + before)
            found = self._table.kept(piece.file, found)
            yield read / all_rows, self._selected(self._matching(found))
        yield from ((1.0, one) for file in left for one in self._added(file, wanted))

    def _added(self, file: DataFile, wanted: Sequence[Column]) -> Iterator[pa.Table]:
        """Rows that logs add to a file: they come after its own."""
        more = self._table.added(file, [one.name for one in wanted]) if file.logs else None
        if more is not None:
            yield self._selected(self._matching(more))

    def _without_first(
        self, pieces: Sequence[Piece], file: DataFile, hidden: Mapping[str, Positions]
    ) -> list[Piece]:
        """The row groups behind those of a file of which all rows are to be passed over."""
        for at, piece in enumerate(pieces):
            rows = _visible(piece, hidden)
            if piece.file is not file or rows > self._passed:
                return list(pieces[at:])
            self._passed -= rows
        return []

    def counts(self, files: Sequence[DataFile]) -> list[int]:
        """How many rows of each of these files a reader gets, by footers and deletes by position."""
        for file in files:
            _refuse(self._table, file, self._place)
        footers = self._footers([one for one in files if one.rows is None])
        hidden, found = self._table.hidden(files), []
        for file in files:
            rows = footers[file.path].num_rows if file.rows is None else file.rows
            found.append(rows - _count(hidden[file.path], 0, rows) if file.path in hidden else rows)
        return found

    def counted(self, file: DataFile) -> int:
        """The same of a file with logs, or rows that deletes hide by their values: it is read for that."""
        _refuse(self._table, file, self._place)
        self._passed = 0
        return sum(rows.num_rows for _, rows in self._of_files([file], None))

    def pieces(self, most: int) -> list[Piece]:
        """All row groups that may have rows that match. Raises `RefusedError` for more files than `most`, and
        where rows have no numbers until they are read."""
        files = self.files()
        if len(files) > most or any(one.logs for one in files) or self._table.needed(files):
            raise RefusedError("its rows cannot be numbered", hint="get --limit gives the first ones")
        for file in files:
            _refuse(self._table, file, self._place)
        footers = self._footers(files)
        sizes, self._hidden = self._sizes(files, footers), self._table.hidden(files)
        wanted = narrowed(self._table.columns, self.chosen)
        return [
            one for file in files for one in self._pieces(file, sizes[file.path], footers[file.path], wanted)
        ]

    def visible(self, piece: Piece) -> int:
        """How many rows of one of `pieces` are not hidden."""
        return _visible(piece, self._hidden)

    def values(self, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, int, pa.ChunkedArray]]:
        """Values of the first column that is asked for: of each of `pieces` some at a time, with the number
        of the first one among those of the piece."""
        wanted = narrowed(self._table.columns, self.chosen)
        for piece, before, rows in read_pieces(self._place, pieces, budget=self._budget):
            found, hidden = self._completed(piece, rows, wanted), self._hidden.get(piece.file.path)
            first = piece.first + before
            gone = 0 if hidden is None else _count(hidden, piece.first, first)
            yield piece, before - gone, values_at(_shown(found, hidden, first), self.chosen[0])

    def _footers(self, files: Sequence[DataFile]) -> Mapping[str, Footer]:
        """Of all files but logs. Raises `DamagedError` for one that is not the one of the metadata."""
        known, hold = self._table.footers(), self._table.sizes_hold
        written = [one for one in files if one.format != LOG]
        missing = [(one.path, one.size if hold else None) for one in written if one.path not in known]
        found = {**known, **(read_footers(self._place, missing) if missing else {})}
        for one in written:
            _check_rows(one, found[one.path])
        return found

    def _sizes(self, files: Sequence[DataFile], footers: Mapping[str, Footer]) -> dict[str, int]:
        found = {one.path: one.size for one in files if one.size is not None}
        found |= {path: one.size for path, one in footers.items() if one.size is not None}
        missing = [one.path for one in files if one.path not in found]
        if missing:
            tails = self._place.tails([(path, None) for path in missing], 8)
            found |= {path: tail.size for path, tail in tails.items()}
        return found

    def _pieces(self, file: DataFile, size: int, footer: Footer, wanted: Sequence[Column]) -> Iterator[Piece]:
        nodes = nodes_of(footer)
        matched = tuple(match(wanted, nodes, self._table.found_by))
        first = 0
        for number in range(footer.num_row_groups):
            rows = footer.row_group(number).num_rows
            if rows and self._group_may_match(file, nodes, footer, number):
                yield Piece(file, size, footer, number, first, rows, matched)
            first += rows

    def _completed(self, piece: Piece, rows: pa.Table, wanted: Sequence[Column]) -> pa.Table:
        """With the columns that the file does not have."""
        import pyarrow as pa

        arrays = []
        for column, matched in zip(wanted, piece.columns, strict=True):
            if matched.node is not None:
                arrays.append(rows.column(column.name))
                continue
            there, value = self._partition(piece.file, (column.name,))
            made = constant(column, rows.num_rows, value) if there else constant(column, rows.num_rows)
            arrays.append(pa.chunked_array([made]))
        if not arrays:
            return rows
        return pa.table(arrays, schema=pa.schema([pa.field(one.name, one.arrow) for one in wanted]))

    def _matching(self, rows: pa.Table) -> pa.Table:
        return rows if self._condition is None else matching(rows, self._condition, self._bound)

    def _selected(self, rows: pa.Table) -> pa.Table:
        import pyarrow as pa

        return pa.table(
            [values_at(rows, one) for one in self.chosen], names=[one.label for one in self.chosen]
        )

    # ------------------------------------------------------------------------------- what cannot match

    def _may_match(self, file: DataFile) -> bool:
        if self._condition is None or file.logs:
            return True

        def known(bound: Bound) -> Known | None:
            there, value = self._partition(file, bound.names)
            if there:
                return of_constant(value, file.rows)
            range_ = (file.statistics or {}).get(bound.path)
            return of_statistics(range_, bound.kind, file.rows) if range_ is not None else None

        return possible(pushed(self._condition), self._bound, known)

    def _group_may_match(self, file: DataFile, nodes: Sequence[Node], footer: Footer, group: int) -> bool:
        if self._condition is None or file.logs:
            return True

        def known(bound: Bound) -> Known | None:
            found = _leaf(bound, nodes, self._table)
            if found is None:
                return None
            return of_chunk(footer.chunk(group, found.leaves[0]), found.field.type)

        return possible(pushed(self._condition), self._bound, known)

    def _partition(self, file: DataFile, names: tuple[str, ...]) -> tuple[bool, Any]:
        """Whether a column is the same in all rows of a file by its partition, and what it is."""
        path, other = "/".join(names), False  # other: the name is that of something else in partitions
        for field in self._table.partitioning:
            if field.transform != "identity" or field.source.strip("/") != path:
                other |= field.name == names[0]
            elif field.name in file.partition:
                return True, file.partition[field.name]
        if len(names) == 1 and not other and names[0] in file.partition:
            return True, file.partition[names[0]]
        return False, None


def _check_rows(file: DataFile, footer: Footer) -> None:
    """Raise `DamagedError` for a file that is not the one that the metadata tells of."""
    if file.rows is not None and file.rows != footer.num_rows:
        raise DamagedError(
            f"{file.path} has {footer.num_rows} rows, the metadata of the table says {file.rows}"
        )


def _check(condition: Condition, bound: Mapping[Name, Bound]) -> None:
    """Have all values be of the types of their columns. Raises `UsageError`."""
    from h5s3.formats.tables.rows.predicate import Both, Compared, Not

    if isinstance(condition, Not):
        _check(condition.inner, bound)
    elif isinstance(condition, Both):
        for part in condition.parts:
            _check(part, bound)
    elif isinstance(condition, Compared) and condition.value is not None:
        about = bound[condition.name]
        value = about.value_of(condition.value)
        if condition.operator == "like" and not isinstance(value, str):
            raise UsageError(f"{about.label} holds no texts, which like is for")


def _refuse(table: Table, file: DataFile, place: Place) -> None:
    """Raise `RefusedError` for a file whose rows are not read here."""
    if file.elsewhere:
        why = place.against(file.path)
        raise RefusedError(f"{beside(file.path)}, and is not read", hint=why)
    kind = type(table)
    adds = kind.added is not Table.added
    if file.format.lower() != "parquet" and not (adds and file.format == LOG):
        raise RefusedError(
            f"{file.path} is a file of the format {file.format}, and rows are read from parquet"
        )
    merges = kind.kept is not Table.kept
    if (file.deletes and kind.hidden is Table.hidden and not merges) or (file.logs and not adds):
        raise RefusedError(f"rows of {file.path} are changed by other files, which are not read")


def _leaf(bound: Bound, nodes: Sequence[Node], table: Table) -> Node | None:
    """The field of a file that holds a column, where it is a plain value."""
    found: Matched | None = None
    for column in bound.columns:
        found = match([column], nodes, table.found_by)[0]
        if found.node is None:
            return None
        nodes = found.node.children
    return found.node if found is not None and found.node is not None and not found.node.children else None


def _visible(piece: Piece, hidden: Mapping[str, Positions]) -> int:
    """How many rows of a row group are not hidden."""
    gone = hidden.get(piece.file.path)
    return piece.rows - (0 if gone is None else _count(gone, piece.first, piece.first + piece.rows))


def _count(positions: Positions, start: int, stop: int) -> int:
    """How many positions lie in a range."""
    import numpy as np

    low, high = np.searchsorted(positions, np.array([start, stop], positions.dtype))
    return int(high - low)


def _shown(rows: pa.Table, hidden: Positions | None, first: int) -> pa.Table:
    """Rows without those at positions that deletes hide. `first`: the position of the first one."""
    if hidden is None or not len(hidden):
        return rows
    import numpy as np

    low, high = np.searchsorted(hidden, np.array([first, first + rows.num_rows], hidden.dtype))
    if low == high:
        return rows
    mask = np.ones(rows.num_rows, bool)
    mask[hidden[low:high].astype(np.int64) - first] = False
    import pyarrow as pa

    return rows.filter(pa.array(mask))
