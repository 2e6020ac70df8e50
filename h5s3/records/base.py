"""The base of all records, and how they become JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import msgspec.structs

Shape = list[int]
Json = Any  # a value that JSON can hold: see `reader.values`


class Record(msgspec.Struct, kw_only=True):
    """Base of all records: keyword-only, absent fields left out of the JSON."""


class Document(Record, kw_only=True):
    """Base of what a command prints as its one JSON document."""


R = TypeVar("R", bound=Document)
T = TypeVar("T", bound=Record)


_ENCODER = msgspec.json.Encoder()


def to_json(record: Record | list[Record]) -> bytes:
    """Encode as JSON bytes: NaN and infinities become null, int64 stays exact."""
    return msgspec.json.encode(record)


def to_json_lines(records: Sequence[Record]) -> bytes:
    """Encode each as JSON on a line of its own."""
    return _ENCODER.encode_lines(records)


def from_json(data: bytes, kind: type[R]) -> R:
    """Decode and validate what `to_json` wrote. Raises `ValueError` for anything else."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a {kind.__name__}") from error


def replaced(record: T, **changes: Any) -> T:
    """A copy of a record with other values in some fields."""
    return msgspec.structs.replace(record, **changes)
