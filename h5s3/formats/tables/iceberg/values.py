"""Single values: bounds of columns, which are bytes, and values of partitions.

Source: the Iceberg specification, "Appendix D: Single-value serialization", "Partition Transforms".
"""

from __future__ import annotations

import datetime
import math
import re
import struct
import uuid
from decimal import Decimal
from typing import Any

from h5s3.formats.tables.iceberg.types import DECIMAL

EPOCH = datetime.datetime(1970, 1, 1)
DAY = datetime.date(1970, 1, 1).toordinal()
FORMATS = {("int", 4): "<i", ("long", 8): "<q", ("long", 4): "<i", ("float", 4): "<f", ("double", 8): "<d"}
FORMATS |= {("double", 4): "<f"}  # of columns that were promoted
WITH_ARGUMENT = re.compile(r"(\w+)\[(\d{1,9})\]")


def bound(kind: str, data: bytes) -> Any:
    """A bound of a column as a Python value; None for what cannot be told."""
    if kind == "boolean":
        return data != b"\0" if len(data) == 1 else None
    if (kind, len(data)) in FORMATS:
        value = struct.unpack(FORMATS[kind, len(data)], data)[0]
        return None if isinstance(value, float) and math.isnan(value) else value
    if kind == "string":
        return _text(data)
    if kind == "binary" or kind.startswith("fixed["):
        return data
    if kind == "uuid":
        return uuid.UUID(bytes=data) if len(data) == 16 else None
    if DECIMAL.fullmatch(kind) and len(data) <= 16:
        return plain(kind, data)
    if len(data) == 4 and kind != "time":  # dates, of which some became times
        return plain("date", struct.unpack("<i", data)[0])
    return plain(kind, struct.unpack("<q", data)[0]) if len(data) == 8 else None


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:  # cut within a character
        return None


def plain(kind: str, value: Any) -> Any:
    """A value as it stands in Avro without its logical type, as a Python value of a type of Iceberg.

    What does not fit the type, or what Python has no value for, stays as it is.
    """
    try:
        return _plain(kind, value)
    except (TypeError, ValueError, OverflowError):
        return value


def _plain(kind: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if known := DECIMAL.fullmatch(kind):
        return Decimal(f"{int.from_bytes(value, 'big', signed=True)}E-{int(known[2])}")
    if kind == "uuid":
        return uuid.UUID(bytes=bytes(value))
    if not isinstance(value, int):
        return value
    if kind == "date":
        return datetime.date.fromordinal(DAY + value)
    if kind == "time":
        return (EPOCH + datetime.timedelta(microseconds=value)).time()
    if kind.startswith("timestamp"):
        zone = datetime.UTC if "tz" in kind else None
        if kind.endswith("_ns"):  # finer than Python's own times
            time = (EPOCH + datetime.timedelta(microseconds=value // 1000)).replace(tzinfo=zone)
            text, mark, rest = time.isoformat(timespec="microseconds").partition("+")
            return f"{text}{value % 1000:03}{mark}{rest}"
        return (EPOCH + datetime.timedelta(microseconds=value)).replace(tzinfo=zone)
    return value


def result_type(transform: str, source: str) -> str:
    """The type of what a transform makes of values of a type; of one that is not known, that type."""
    known = WITH_ARGUMENT.fullmatch(transform)
    name = known[1] if known else transform
    if name in ("bucket", "year", "month", "hour"):
        return "int"
    return "date" if name == "day" else source


def transformed(transform: str, kind: str, value: Any) -> Any:
    """A value of a partition as it is told: months as `2024-05`, hours as `2024-05-01-13`."""
    if value is None or not isinstance(value, int) or isinstance(value, bool):
        return plain(kind, value)
    if transform == "year":
        return 1970 + value
    if transform == "month":
        return f"{1970 + value // 12:04}-{value % 12 + 1:02}"
    if transform == "day":
        return plain("date", value)
    if transform == "hour":
        day = plain("date", value // 24)
        return f"{day}-{value % 24:02}"
    return plain(kind, value)


def word_of(schema: Any) -> str | None:
    """The type of Iceberg that a type of Avro stands for, where it says so."""
    if isinstance(schema, list):
        others = [one for one in schema if one != "null"]
        return word_of(others[0]) if len(others) == 1 else None
    if not isinstance(schema, dict):
        return PLAIN.get(schema)
    kind, logical = schema.get("type"), schema.get("logicalType")
    if isinstance(kind, dict | list):
        return word_of(kind)
    if logical == "decimal":
        return f"decimal({schema.get('precision', 0)}, {schema.get('scale', 0)})"
    if logical in LOGICAL:
        return LOGICAL[logical] + ("tz" if schema.get("adjust-to-utc") else "")
    if logical == "timestamp-nanos":
        return "timestamptz_ns" if schema.get("adjust-to-utc") else "timestamp_ns"
    return f"fixed[{schema.get('size', 0)}]" if kind == "fixed" else PLAIN.get(str(kind))


PLAIN = {"boolean": "boolean", "int": "int", "long": "long", "float": "float", "double": "double"}
PLAIN |= {"bytes": "binary", "string": "string"}
LOGICAL = {"date": "date", "uuid": "uuid", "time-micros": "time", "timestamp-micros": "timestamp"}
