"""The base of all records, and how they become JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import msgspec.structs

from h5s3.decoders import converted, json_decoder

Shape = list[int]
LONGEST, LONG = 600, 120  # characters: of a record, of one field
FEW = 8  # numbers that are shown
_drawn: list[Callable[[Any], str]] = []  # who draws documents: the last one
Json = Any  # a value that JSON can hold: see `reader.values`


class Record(msgspec.Struct, kw_only=True):
    """Base of all records: keyword-only, absent fields left out of the JSON."""

    def to_dict(self) -> dict[str, Any]:
        """What the JSON holds, as Python's own types: absent fields are left out, NaN and infinities None."""
        found: dict[str, Any] = msgspec.json.decode(to_json(self))
        return found

    def __repr__(self) -> str:
        """The fields that say something, in a few lines."""
        told = [
            f"{name}={_short(value)}"
            for name in self.__struct_fields__
            if name != "schema" and not _empty(value := getattr(self, name))
        ]
        text = ", ".join(told)
        return f"{type(self).__name__}({text if len(text) <= LONGEST else text[:LONGEST] + '…'})"


class Followed(Record, kw_only=True):
    """Another file, to which a link led, and the path in it."""

    location: str
    key: str
    etag: str | None
    path: str


class Document(Record, kw_only=True):
    """Base of what a command prints as its one JSON document."""

    def _repr_html_(self) -> str | None:
        """How a notebook shows it, where `show_in_notebooks` said how."""
        return _drawn[-1](self) if _drawn else None


def show_in_notebooks(draw: Callable[[Any], str]) -> None:
    """Have notebooks show documents as HTML that this function makes: records themselves draw nothing."""
    _drawn.append(draw)


def _empty(value: Any) -> bool:
    return value is msgspec.UNSET or value is None or value is False or value == []


def _short(value: Any) -> str:
    """A field in a line: of records, and of what is long, how many."""
    if isinstance(value, Record):
        return f"{type(value).__name__}(…)"
    if isinstance(value, list | dict):
        simple = isinstance(value, list) and all(isinstance(item, int | float | None) for item in value)
        return repr(value) if simple and len(value) <= FEW else f"<{len(value):,}>"
    text = repr(value)
    return text if len(text) <= LONG else text[:LONG] + "…"


R = TypeVar("R", bound=Document)
T = TypeVar("T", bound=Record)
V = TypeVar("V")


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
        found: R = json_decoder(kind).decode(data)
        return found
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not a {kind.__name__}") from error


def from_json_list(data: bytes, kind: Any) -> Any:
    """Decode a list of records that `to_json` wrote, which is trusted to be one."""
    return json_decoder(list[kind]).decode(data)


def replaced(record: T, **changes: Any) -> T:
    """A copy of a record with other values in some fields."""
    return msgspec.structs.replace(record, **changes)


def to_json_value(value: Any) -> Any:
    """Records as values of `json`, for documents of other formats."""
    return msgspec.to_builtins(value)


def from_json_value(value: Any, kind: type[V]) -> V:
    """The records that `to_json_value` made such values of. Raises `ValueError` for anything else."""
    try:
        found: V = converted(value, kind)
        return found
    except msgspec.MsgspecError as error:
        raise ValueError("not what was expected") from error


def json_text(value: Any) -> str:
    """A value that JSON can hold, as its text."""
    return _ENCODER.encode(value).decode()
