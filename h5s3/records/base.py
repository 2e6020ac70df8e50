"""The base of all records, and how they become JSON."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Shape = list[int]
Json = Any  # a value that JSON can hold: see `reader.values`


class Record(msgspec.Struct, kw_only=True):
    """Base of all records: keyword-only, absent fields left out of the JSON."""


class Document(Record, kw_only=True):
    """Base of what a command prints as its one JSON document."""


R = TypeVar("R", bound=Document)


def to_json(record: Record | list[Record]) -> bytes:
    """Encode as JSON bytes: NaN and infinities become null, int64 stays exact."""
    return msgspec.json.encode(record)


def from_json(data: bytes, kind: type[R]) -> R:
    """Decode and validate what `to_json` wrote. Raises `msgspec.ValidationError`/`DecodeError`."""
    return msgspec.json.decode(data, type=kind)
