"""Deletion vectors: where each is, and the rows that it hides.

Source: Delta Transaction Log Protocol, "Deletion Vectors", "Deletion Vector Format"; Z85:
rfc.zeromq.org/spec/32.
"""

from __future__ import annotations

import base64
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.bitmaps import AROUND, LARGEST, framed_positions, positions
from h5s3.formats.tables.place import Place, below
from h5s3.sizes import MIB
from h5s3.storage.base import Range
from h5s3.storage.ranges import join_ranges

if TYPE_CHECKING:
    from h5s3.formats.tables.bitmaps import Positions

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
# those of base64.b85decode, in the same order
OURS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
TRANSLATED = str.maketrans(DIGITS, OURS)
FIRST = 1  # byte of a file of vectors after the version of its format, where the first vector begins
UUID_DIGITS = 20
NEAR, LONGEST = 64 * 1024, 8 * MIB  # bytes between vectors that are read together, and of what is
MOST_TOGETHER = 1024 * MIB


@dataclass(frozen=True)
class Vector:
    """What an action tells of a deletion vector."""

    kind: str  # `i`: in the log, `u`: in a file below the table, `p`: in a file with an absolute path
    text: str
    offset: int | None
    size: int
    rows: int

    @property
    def id(self) -> str:
        """What tells it from others of the same file."""
        return f"{self.kind}{self.text}" + ("" if self.offset is None else f"@{self.offset}")

    @property
    def path(self) -> str:
        """The file, as it is named: below the table for `u`. Raises `DamagedError`."""
        if self.kind == "p":
            return unquote(self.text)
        prefix, digits = self.text[:-UUID_DIGITS], self.text[-UUID_DIGITS:]
        name = f"deletion_vector_{uuid.UUID(bytes=decoded(digits, 16))}.bin"
        return f"{prefix}/{name}" if prefix else name

    def __str__(self) -> str:
        if self.kind == "i":
            return f"deletion vector in the log ({self.rows} rows)"
        try:
            return f"{self.path} ({self.rows} rows)"
        except DamagedError:
            return f"{self.text} ({self.rows} rows)"


def vector_of(told: Any) -> Vector | None:
    """What an action tells, or None for nothing. Raises `DamagedError`."""
    if told is None:
        return None
    if not isinstance(told, dict):
        raise DamagedError("a deletion vector in its log is not an object")
    kind, text = told.get("storageType"), told.get("pathOrInlineDv")
    if kind not in ("u", "p", "i") or not isinstance(text, str):
        raise DamagedError(f"a deletion vector in its log is of a kind that is not known: {kind!r}")
    offset = told.get("offset")
    size, rows = told.get("sizeInBytes"), told.get("cardinality")
    if not all(isinstance(one, int) and 0 <= one < 1 << 63 for one in (size, rows, offset or 0)):
        raise DamagedError("a deletion vector in its log has sizes that are no numbers")
    return Vector(kind, text, offset, int(size), int(rows))  # type: ignore[arg-type]


def decoded(text: str, size: int) -> bytes:
    """Bytes of Z85, of which the last ones may be filling. Raises `DamagedError`."""
    if len(text) % 5 or not set(text) <= set(DIGITS):
        raise DamagedError("a deletion vector in its log is not written in Z85")
    try:
        data = base64.b85decode(text.translate(TRANSLATED))
    except ValueError:
        raise DamagedError("a deletion vector in its log is not written in Z85") from None
    if not 0 <= len(data) - size < 4:
        raise DamagedError(f"a deletion vector in its log is of {len(data)} bytes, it says {size}")
    return data[:size]


def read_vectors(place: Place, wanted: Sequence[tuple[str, Vector, int | None]]) -> dict[str, Positions]:
    """The rows that vectors hide, by the path of the file of rows; of each is told how many rows that has.

    Those in files take one round, or two. Raises `DamagedError` for what is not as it was told, and
    `RefusedError` for a vector that lies elsewhere.
    """
    parts: dict[str, list[Range]] = defaultdict(list)
    where: dict[str, tuple[str, Range]] = {}
    for path, vector, _ in wanted:
        if vector.kind != "i":
            where[path] = file, part = _part(place, vector)
            parts[file].append(part)
    if sum(part[1] - part[0] for one in parts.values() for part in one) > MOST_TOGETHER:
        raise RefusedError(f"its deletion vectors are of more than {MOST_TOGETHER // MIB} MiB together")
    joined = [
        (file, part) for file, one in parts.items() for part in join_ranges(sorted(set(one)), NEAR, LONGEST)
    ]
    got: dict[str, list[tuple[Range, bytes]]] = defaultdict(list)
    for (file, part), data in zip(joined, place.read(joined) if joined else [], strict=True):
        got[file].append((part, data))
    found = {}
    for path, vector, rows in wanted:
        if vector.kind == "i":
            hides = positions(decoded(vector.text, vector.size), rows)
        else:
            file, part = where[path]
            hides = framed_positions(_cut(got[file], part), rows)
        if len(hides) != vector.rows:
            raise DamagedError(
                f"a deletion vector of {path} hides {len(hides)} rows, the log says {vector.rows}"
            )
        found[path] = hides
    return found


def _part(place: Place, vector: Vector) -> tuple[str, Range]:
    """The file that a vector is in, below the table, and where."""
    file: str | None = vector.path
    if vector.kind == "p":
        file = below(vector.path, place.display) or place.outside(vector.path)
        if file is None:
            hint = place.against(vector.path)
            raise RefusedError(f"a deletion vector lies outside the table: {vector.path}", hint=hint)
    if vector.size > LARGEST:
        raise RefusedError(f"a deletion vector is of {vector.size} bytes, more than {LARGEST}")
    start = FIRST if vector.offset is None else vector.offset
    assert file is not None
    return file, (start, start + vector.size + AROUND)


def _cut(pieces: Sequence[tuple[Range, bytes]], part: Range) -> bytes:
    """The bytes of a part, from what was read of its file."""
    return next(
        data[part[0] - start : part[1] - start]
        for (start, stop), data in pieces
        if start <= part[0] and part[1] <= stop
    )
