"""Footers of Parquet files, of many files at once.

Source: the Parquet format's specification, "File format".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.arrow import MOST_COLUMNS, reading, require_pyarrow
from h5s3.formats.tables.parquet.encrypted import encrypted_columns
from h5s3.formats.tables.place import Place, Tail
from h5s3.sizes import MIB
from h5s3.storage.base import Range

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
USUAL = 64 * 1024  # bytes at the end of a file that hold most footers
SHORT, MANY = 16 * 1024, 256  # the same of files that are more than these: small ones have short footers
MOST_FOOTER = 256 * MIB
MOST_TOGETHER = 512 * MIB  # bytes of all footers of one question


class Footer:
    """A footer: what `pyarrow.parquet.FileMetaData` has, and the numbers of columns that are encrypted.

    pyarrow must not be asked for chunks of those: `chunk` gives None for them.
    """

    def __init__(self, found: Any, encrypted: frozenset[int] = frozenset(), size: int | None = None) -> None:
        """`size`: bytes of the file."""
        self.found, self.encrypted, self.size = found, encrypted, size

    def __getattr__(self, name: str) -> Any:
        return getattr(self.found, name)

    @property
    def created_by(self) -> str:
        """The program that wrote the file; empty where its name is no text."""
        try:
            return self.found.created_by or ""
        except UnicodeDecodeError:
            return ""

    def chunks(self, group: int) -> Iterator[tuple[int, Any]]:
        """The column chunks of a row group by the numbers of their columns; None for encrypted ones."""
        found = self.found.row_group(group)
        for number in range(found.num_columns):
            yield number, None if number in self.encrypted else found.column(number)

    def chunk(self, group: int, column: int) -> Any:
        """The column chunk of a row group."""
        return None if column in self.encrypted else self.found.row_group(group).column(column)


def read_footers(place: Place, files: Sequence[tuple[str, int | None]]) -> dict[str, Footer]:
    """The footers of these files, by path; sizes may be known already.

    One round where sizes are known and footers have the usual length, else one or two more. Raises
    `DamagedError` for what is no Parquet file, or not there, `RefusedError` for encrypted footers.
    """
    tails = place.tails(files, USUAL if len(files) <= MANY else SHORT)
    rest: list[tuple[str, Range]] = []
    for path, _ in files:
        tail = tails.get(path)
        if tail is None:
            raise DamagedError(f"{path} is not there, which the table is made of")
        begin = _begin(path, tail)
        if begin < tail.start:
            rest.append((path, (begin, tail.start)))
    if sum(stop - start for _, (start, stop) in rest) > MOST_TOGETHER:
        raise RefusedError(f"the footers of the files are of more than {MOST_TOGETHER // MIB} MiB")
    before = dict(zip((path for path, _ in rest), place.read(rest), strict=True)) if rest else {}
    return {
        path: _parsed(
            path,
            before.get(path, b"") + tails[path].data[max(0, _begin(path, tails[path]) - tails[path].start) :],
            tails[path].size,
        )
        for path, _ in files
    }


def _begin(path: str, tail: Tail) -> int:
    """Where the footer of a file begins."""
    named = path or "it"
    if len(tail.data) < 12 or tail.data[-4:] not in (MAGIC, ENCRYPTED):
        raise DamagedError(f"{named} is not a Parquet file, or is cut short: it does not end with PAR1")
    if tail.data[-4:] == ENCRYPTED:
        raise RefusedError(f"{named} has an encrypted footer, which needs a key")
    length = int.from_bytes(tail.data[-8:-4], "little")
    if length > min(tail.size - 12, MOST_FOOTER):
        raise DamagedError(f"{named} claims a footer of {length} bytes")
    return tail.size - 8 - length


def _parsed(path: str, footer: bytes, size: int) -> Footer:
    require_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading(f"the footer of {path}" if path else "its footer"):
        found = pq.read_metadata(pa.BufferReader(MAGIC + footer))
        if found.num_columns > MOST_COLUMNS:
            raise RefusedError(f"{found.num_columns:,} columns are more than {MOST_COLUMNS:,}")
        signed = found.serialized_size != len(footer) - 8
        return Footer(found, encrypted_columns(footer[:-8]) if signed else frozenset(), size)
