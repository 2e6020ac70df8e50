"""Which columns of a Parquet file are encrypted, where its footer is not.

pyarrow ends the process when it is asked about such a column without a key, so it is found out here, from the
footer itself: Thrift's compact protocol, of which all is skipped but `ColumnChunk.crypto_metadata`
(parquet.thrift: FileMetaData 4, RowGroup 1, ColumnChunk 8).
"""

from __future__ import annotations

from collections.abc import Iterator

from h5s3.errors import DamagedError

SIGNATURE = 28  # bytes of a nonce and a tag that stand behind such a footer
BOOLEANS, NUMBERS, BYTES = (1, 2), (4, 5, 6), 8  # kinds of values
LISTS, MAP, STRUCT = (9, 10), 11, 12
WIDTHS = {3: 1, 7: 8, 13: 16}  # bytes of those that have no others
DEEPEST = 100


def encrypted_columns(footer: bytes) -> frozenset[int]:
    """Numbers of the columns that are encrypted in any row group. Raises `DamagedError`."""
    try:
        return frozenset(_Walk(footer).columns())
    except (IndexError, RecursionError):
        raise DamagedError("its footer is damaged") from None


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def columns(self) -> Iterator[int]:
        for field, kind in self._fields():
            if field != 4:
                self._skip(kind)
                continue
            for _ in range(self._list()[0]):
                yield from self._row_group()

    def _row_group(self) -> Iterator[int]:
        for field, kind in self._fields():
            if field != 1:
                self._skip(kind)
                continue
            for number in range(self._list()[0]):
                encrypted = False
                for inner, inner_kind in self._fields():
                    encrypted |= inner == 8
                    self._skip(inner_kind)
                if encrypted:
                    yield number

    def _fields(self) -> Iterator[tuple[int, int]]:
        """Numbers and kinds of a struct's fields; who asks takes each one's value."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            yield number, head & 15

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self._data):
            raise IndexError
        return count, head & 15

    def _skip(self, kind: int, depth: int = 0, inside: bool = False) -> None:
        if depth > DEEPEST or self._at > len(self._data):
            raise IndexError
        if kind in WIDTHS:
            self._at += WIDTHS[kind]
        elif kind in BOOLEANS:  # of a field they are in its head
            self._at += inside
        elif kind in NUMBERS:
            self._varint()
        elif kind == BYTES:
            size = self._varint()
            self._at += size
        else:
            self._skip_nested(kind, depth + 1)

    def _skip_nested(self, kind: int, depth: int) -> None:
        if kind in LISTS:
            count, element = self._list()
            for _ in range(count):
                self._skip(element, depth, inside=True)
        elif kind == MAP:
            self._skip_map(depth)
        elif kind == STRUCT:
            for _, inner in self._fields():
                self._skip(inner, depth)
        else:
            raise IndexError

    def _skip_map(self, depth: int) -> None:
        count = self._varint()
        if count > len(self._data):
            raise IndexError
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._skip(kinds >> 4, depth, inside=True)
            self._skip(kinds & 15, depth, inside=True)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
            shift += 7
            if shift > 63:
                raise IndexError

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
