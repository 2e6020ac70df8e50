"""Questions in SQL about a catalog, answered by DuckDB, which may read the catalog and nothing else.

The tables come to it as datasets of Arrow over our own reading: of a catalog in S3, footers and the columns
that a question needs. External access is off and the configuration locked before any SQL is looked at, names
do not lead to variables of Python, and only a single SELECT is taken.
"""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from h5s3.cell import limits
from h5s3.errors import DamagedError, H5s3Error, NotFoundError, RefusedError, UsageError
from h5s3.explore.catalog.interrupted import Calls
from h5s3.explore.catalog.place import read_manifest
from h5s3.explore.catalog.tables import opened
from h5s3.explore.session import Session
from h5s3.export.catalog.answers import check_file, write_csv, write_parquet
from h5s3.export.catalog.reading import dataset
from h5s3.export.catalog.tables import arrow_failures
from h5s3.records import UNSET, CatalogColumn, CatalogManifest, CatalogQuery, Json
from h5s3.sizes import GIB
from h5s3.storage.location import Location

__all__ = ["Rows", "asking", "check_file", "document", "written"]
VIEWS = ("files", "objects", "attributes")
TOGETHER = 1000  # rows that are handed on at a time
MOST_ROWS = 1_000_000  # of an answer in memory
THREADS = 4
WALLS = (
    "SET autoinstall_known_extensions=false",
    "SET autoload_known_extensions=false",
    "SET python_enable_replacements=false",
    "SET python_scan_all_frames=false",
    "SET allow_community_extensions=false",
    "SET temp_directory=''",
    f"SET threads={THREADS}",
    "SET enable_external_access=false",
    "SET lock_configuration=true",
)
OF_DUCKDB = ("INTERVAL", "UNION", "BIT")  # types that neither Parquet nor JSON has
OF_READING = re.compile(r"registered as '_([a-z]+)_[0-9]+' failed: (.*)")  # what DuckDB says of a dataset
HINT = "one SELECT over files, objects and attributes"


def require_duckdb() -> Any:
    """The package. Raises `H5s3Error` with the way to get it."""
    try:
        import duckdb
    except ImportError:
        raise H5s3Error(
            "catalog query needs the package duckdb", hint="pip install 'h5s3[catalog]'"
        ) from None
    return duckdb


class Rows:
    """The answer to a question: its columns, and its rows, which are read once."""

    def __init__(self, reader: Any, calls: Calls, failed: Sequence[H5s3Error]) -> None:
        """`failed`: what went wrong while tables were read."""
        self._reader, self._calls, self._failed = reader, calls, failed
        names = _distinct([field.name for field in reader.schema])
        kinds = [str(field.type) for field in reader.schema]
        self.columns = [CatalogColumn(name=name, type=kind) for name, kind in zip(names, kinds, strict=True)]

    def batches(self) -> Iterator[Any]:
        """Record batches of Arrow, their columns with different names."""
        names = [column.name for column in self.columns]
        with _failures(self._failed):
            while (batch := self._calls(lambda: next(self._reader, None))) is not None:
                limits.renew()
                yield batch.rename_columns(names)

    def write(self, path: str, overwrite: bool) -> int:
        """Write them to a file, .parquet or .csv; how many there are. Raises `UsageError`, `H5s3Error`."""
        names = [column.name for column in self.columns]
        if path.lower().endswith(".csv"):
            return write_csv(path, names, self, overwrite)
        return write_parquet(path, names, self._reader.schema, self.batches(), overwrite)

    def __iter__(self) -> Iterator[list[Json]]:
        for batch in self.batches():
            columns = [[_plain(value) for value in _listed(column)] for column in batch.columns]
            yield from (list(row) for row in zip(*columns, strict=True))


@contextmanager
def asking(session: Session, location: Location, sql: str) -> Iterator[Rows]:
    """Ask. Where parts were removed while the question began, the catalog is looked up anew.

    Raises `UsageError` for SQL that is wrong or more than a SELECT, `NotFoundError` where there is no
    catalog, `RefusedError` for a question that takes too much memory.
    """
    duckdb = require_duckdb()
    connection = duckdb.connect(":memory:")
    calls = Calls(connection)
    failed: list[H5s3Error] = []
    try:
        most = limits.memory()
        if most is not None:
            connection.execute(f"SET memory_limit='{min(most, 64 * GIB) // 2}B'")
        for wall in WALLS:
            connection.execute(wall)
        _check(connection, sql)
        try:
            _show_tables(connection, session, location, failed)
        except NotFoundError:
            _show_tables(connection, session, location, failed)
        with _failures(failed):
            reader = calls(lambda: _as_files_have_it(connection.sql(sql)).to_arrow_reader(TOGETHER))
        yield Rows(reader, calls, failed)
    finally:
        calls.close()
        failed.clear()  # errors know this frame, which would keep the connection


def _as_files_have_it(relation: Any) -> Any:
    """An answer with columns of some types as text."""
    kinds = [str(kind) for kind in relation.types]
    if not any(word in kind for kind in kinds for word in OF_DUCKDB):
        return relation
    names = ('"' + name.replace('"', '""') + '"' for name in relation.columns)
    return relation.project(
        ", ".join(
            f"CAST(#{at} AS VARCHAR) AS {name}"
            if any(word in kind for word in OF_DUCKDB)
            else f"#{at} AS {name}"
            for at, (name, kind) in enumerate(zip(names, kinds, strict=True), 1)
        )
    )


def _check(connection: Any, sql: str) -> None:
    """Raises `UsageError` for what is not one SELECT."""
    duckdb = require_duckdb()
    with _failures():
        statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise UsageError("not a question about the catalog", hint=HINT)


def _show_tables(connection: Any, session: Session, location: Location, failed: list[H5s3Error]) -> None:
    manifest = read_manifest(session, location)
    for table in VIEWS:
        names = []
        for number, (some, masked) in enumerate(_datasets(session, location, manifest, table, failed)):
            names.append(f"_{table}_{number}")
            connection.register(names[-1], dataset(table, some, masked))
        whole = " UNION ALL ".join(f'SELECT * FROM "{name}"' for name in names)
        connection.execute(f'CREATE OR REPLACE TEMP VIEW "{table}" AS {whole}')


def _datasets(
    session: Session,
    location: Location,
    manifest: CatalogManifest,
    table: str,
    failed: list[H5s3Error],
) -> Iterator[tuple[list[Any], list[str]]]:
    """Tables of parts that count whole, together; the others one by one, and the files that do not count."""
    whole = [part for part in manifest.parts if not part.masked]
    yield [opened(session, location, part, table, failed.append) for part in whole], []
    for part in manifest.parts:
        if part.masked:
            yield [opened(session, location, part, table, failed.append)], part.masked


@contextmanager
def _failures(failed: Sequence[H5s3Error] = ()) -> Iterator[None]:
    """What DuckDB and Arrow say, as errors of ours."""
    duckdb = require_duckdb()
    try:
        yield
    except H5s3Error:
        raise
    except duckdb.OutOfMemoryException:
        hint = f"H5S3_MEMORY allows more than {limits.memory() or 0:,} bytes"
        raise RefusedError("the question takes too much memory", hint=hint) from None
    except (duckdb.Error, *arrow_failures()) as error:
        if failed:
            raise failed[0] from None
        text = " ".join(str(error).split())
        of_sql = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
        unread = OF_READING.search(text)
        if (unread or "arrow" in text.lower()) and not isinstance(error, of_sql):
            cause = f"{unread[1]}: {unread[2]}" if unread else text
            raise DamagedError(f"the catalog is damaged: {cause[:300]}") from None
        raise UsageError(f"SQL: {text[:500]}", hint=HINT) from None


def _distinct(names: list[str]) -> list[str]:
    """Names with a number where they come again."""
    found: dict[str, None] = {}
    for name in names:
        new, number = name, 1
        while new in found:
            new, number = f"{name}_{number}", number + 1
        found[new] = None
    return list(found)


def _listed(column: Any) -> list[Any]:
    """The values of a column. Raises `UsageError` for times that Python cannot hold."""
    try:
        found: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        cause = "SQL: a time before year 1, after year 9999, or finer than microseconds"
        raise UsageError(cause, hint="show it as text: CAST(… AS VARCHAR)") from None
    return found


def _plain(value: Any) -> Json:
    """A value of Arrow as JSON can hold it, but for NaN and infinities, which stay what they are."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return str(value)


def _finite(value: Json, unusual: Counter[str]) -> Json:
    """A value as JSON can hold it: null for NaN and infinities, which are counted."""
    if isinstance(value, float) and not math.isfinite(value):
        unusual["nan" if math.isnan(value) else "inf"] += 1
        return None
    if isinstance(value, list):
        return [_finite(one, unusual) for one in value]
    if isinstance(value, dict):
        return {name: _finite(one, unusual) for name, one in value.items()}
    return value


def document(location: Location, rows: Rows, limit: int | None) -> CatalogQuery:
    """The answer as one record, of at most so many rows. Raises `RefusedError` where it has too many."""
    found: list[list[Json]] = []
    more = False
    unusual: Counter[str] = Counter()
    for row in rows:
        if limit is not None and len(found) >= limit:
            more = True
            break
        if len(found) >= MOST_ROWS:
            raise RefusedError(f"more than {MOST_ROWS:,} rows", hint="write them to a file with -o")
        found.append([_finite(value, unusual) for value in row])
    return CatalogQuery(
        catalog=location.display,
        columns=rows.columns,
        rows=found,
        num_rows=len(found),
        nan_count=unusual["nan"] or UNSET,
        inf_count=unusual["inf"] or UNSET,
        truncated=more or UNSET,
    )


def written(place: str, rows: Rows, output: str, overwrite: bool) -> CatalogQuery:
    """Write the answer to a file."""
    count = rows.write(output, overwrite)
    return CatalogQuery(catalog=place, columns=rows.columns, rows=[], num_rows=count, output=output)
