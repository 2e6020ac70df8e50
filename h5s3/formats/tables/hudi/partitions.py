"""What partitions are made of, and what their paths say.

Source: Hudi's documentation, "Key generation".
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

from h5s3.formats.tables.hudi.properties import flag, words
from h5s3.formats.tables.table import Column
from h5s3.records import PartitionField

PATH = "_hoodie_partition_path"  # what stands for values that a path does not hold one by one
MISSING = "__HIVE_DEFAULT_PARTITION__"
KINDS = ("SIMPLE", "SIMPLE_AVRO", "COMPLEX", "COMPLEX_AVRO", "CUSTOM", "CUSTOM_AVRO")  # that write values
CLASSES = re.compile(r"(Simple|Complex|Custom)(Avro)?KeyGenerator")
SLASHES = "hoodie.datasource.write.slash.separated.date.partitioning"
TIMESTAMP = ("TIMESTAMP", "TIMESTAMP_AVRO")
TYPED = re.compile(r"(.+):(SIMPLE|TIMESTAMP)", re.IGNORECASE)  # a field of a custom key generator


@dataclass(frozen=True)
class Partitioning:
    """The fields, and how their values are written in paths."""

    fields: Sequence[str]
    by_time: frozenset[str]  # of which not values are written, but times made of them
    form: str  # of these times
    hive: bool
    encoded: bool
    plain: bool  # a generator that is known wrote the values as they are
    dropped: bool  # the columns are not in the files

    def told(self) -> list[PartitionField]:
        """As `meta` tells it."""
        time = f"time[{self.form}]" if self.form else "time"
        other = "identity" if self.plain else "unknown"
        return [
            PartitionField(name=name, source=f"/{name}", transform=time if name in self.by_time else other)
            for name in self.fields
        ]

    def values(self, path: str, columns: Mapping[str, Column]) -> dict[str, Any]:
        """Values by the names of columns; where the path does not tell them, the path itself."""
        if not self.fields:
            return {}
        parts = path.split("/") if len(self.fields) > 1 or self.hive else [path]
        if self.by_time or not self.plain or len(parts) != len(self.fields):
            return {PATH: path}
        found: dict[str, Any] = {}
        for name, part in zip(self.fields, parts, strict=True):
            try:
                found[name] = self._value(name, part, columns)
            except (ValueError, KeyError, OverflowError, InvalidOperation):
                return {PATH: path}
        return found

    def _value(self, name: str, part: str, columns: Mapping[str, Column]) -> Any:
        text = part
        if self.hive:
            if not part.startswith(f"{name}="):
                raise ValueError
            text = part[len(name) + 1 :]
        if self.encoded:
            text = unquote(text)
        kind = columns[name].type
        if text == MISSING:
            if kind == "string" and not self.dropped:
                raise ValueError  # it may be an empty text as well
            return None
        return _typed(text, kind)


def partitioning_of(properties: dict[str, str]) -> Partitioning:
    """How a table is partitioned."""
    kind = properties.get("hoodie.table.keygenerator.type", "").upper()
    name = properties.get("hoodie.table.keygenerator.class", "").rpartition(".")[2]
    typed = [
        (match[1], match[2].upper()) if (match := TYPED.fullmatch(word)) else (word, "SIMPLE")
        for word in words(properties, "hoodie.table.partition.fields")
    ]
    always = kind in TIMESTAMP or name.startswith("TimestampBased")
    form = properties.get("hoodie.keygen.timebased.output.dateformat") or properties.get(
        "hoodie.deltastreamer.keygen.timebased.output.dateformat", ""
    )
    plain = kind in KINDS if kind else bool(CLASSES.fullmatch(name))
    if kind.startswith("CUSTOM") or name.startswith("Custom"):
        named = words(properties, "hoodie.table.partition.fields")
        plain = plain and all(TYPED.fullmatch(word) for word in named)
    return Partitioning(
        [field for field, _ in typed],
        frozenset(field for field, how in typed if always or how == "TIMESTAMP"),
        form,
        flag(properties, "hoodie.datasource.write.hive_style_partitioning"),
        flag(properties, "hoodie.datasource.write.partitionpath.urlencode"),
        plain and not flag(properties, SLASHES),
        flag(properties, "hoodie.datasource.write.drop.partition.columns"),
    )


def _typed(text: str, kind: str) -> Any:
    """A value of a type in Avro's words. Raises `ValueError` for types that paths do not hold exactly."""
    if kind in ("int", "long"):
        if not re.fullmatch(r"-?\d{1,19}", text):
            raise ValueError
        return int(text)
    if kind in ("string", "enum", "string uuid"):
        return text
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "int date":
        if re.fullmatch(r"-?\d{1,6}", text):  # days, as some writers have it
            return datetime.date(1970, 1, 1) + datetime.timedelta(days=int(text))
        return datetime.date.fromisoformat(text)
    if " decimal(" in kind:
        return Decimal(text)
    raise ValueError
