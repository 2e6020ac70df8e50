"""Partition values, ranges and counts of tables in a few words of safe text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from h5s3.records import UNSET, ColumnRange, Json, Partition, PartitionField, TableFacts, UnsetType
from h5s3.render.text import plural, safe
from h5s3.render.value_text import cell_text
from h5s3.sizes import size_text

LONGEST_VALUE = 40
FORMATS = {"parquet": "Parquet", "delta": "Delta", "iceberg": "Iceberg", "hudi": "Hudi"}


def format_text(name: str) -> str:
    """The name of a format as its users write it."""
    return FORMATS.get(name, safe(name, 40))


def value_text(value: Json, most: int = LONGEST_VALUE) -> str:
    """A value with all its digits."""
    return repr(value) if isinstance(value, float) else cell_text(value, most)


def time_text(time: str | None) -> str:
    """A time, in UTC, as commands take it."""
    return "" if time is None else safe(time.removesuffix("+00:00") + "Z" * time.endswith("+00:00"), 40)


def count_text(count: int | None) -> str:
    """A number, or `?` where the metadata does not tell it."""
    return "?" if count is None else f"{count:,}"


def rows_text(count: int | None) -> str:
    """`1 row`, `2,200 rows`, `? rows`."""
    return "? rows" if count is None else plural(count, "row")


def partition_text(values: Mapping[str, Json]) -> str:
    """`day=2024-05-01, region=eu`; null where there is no value."""
    return ", ".join(f"{safe(name, 80)}={value_text(value, 80)}" for name, value in values.items())


def partition_name(one: Partition) -> str:
    """The same of a partition, or that the table has none."""
    return partition_text(one.values) or "(not partitioned)"


def field_text(field: PartitionField) -> str:
    """`day(ts)`; the column alone where it is the value."""
    source = safe(field.source.removeprefix("/"), 200)
    return source if field.transform == "identity" else f"{safe(field.transform, 60)}({source})"


def partitioning_text(fields: Sequence[PartitionField]) -> str:
    """What files are partitioned by now, and what they were before."""
    now = ", ".join(field_text(one) for one in fields if one.current)
    specs: dict[str, list[str]] = {}
    for one in fields:
        if not one.current:
            specs.setdefault("" if one.since is UNSET else one.since, []).append(field_text(one))
    before = "; ".join(", ".join(each) for each in specs.values())
    if before:
        return f"{now or 'not any more'}  (before: {before})"
    return now


def files_text(facts: TableFacts, sizes: bool = True) -> str:
    """How many files there are, and how large: all of them, and with `sizes` single ones."""
    text = plural(facts.num_files, "file")
    if not facts.num_files:
        return text
    text += f", {size_text(facts.bytes)}"
    if sizes and facts.num_files > 1 and facts.median is not None:
        ends = f"{size_text(facts.smallest)} to {size_text(facts.largest)}"
        text += f"  ({ends}, median {size_text(facts.median)})"
    return text


def hiding_text(facts: TableFacts) -> str:
    """What hides rows of the files, or adds to them, when they are read."""
    counts = (
        (facts.num_delete_files, "delete file"),
        (facts.num_deletion_vectors, "deletion vector"),
        (facts.num_log_files, "log file"),
    )
    return ", ".join(plural(count, noun) for count, noun in counts if count)


def changes_text(added: int | UnsetType, removed: int | UnsetType) -> str:
    """`+1,000 -5`; `0` for nothing, and empty where neither is known."""
    words = [f"{sign}{count:,}" for sign, count in (("+", added), ("-", removed)) if count not in (0, UNSET)]
    nothing = "" if added is UNSET and removed is UNSET else "0"
    return " ".join(words) or nothing


def range_text(one: ColumnRange) -> str:
    """`1 … 99, 3 nulls`; `~` before bounds that may be wider than the values."""
    words = []
    if one.min is not None or one.max is not None:
        about = "" if one.exact else "~"
        words.append(f"{about}{value_text(one.min)} … {value_text(one.max)}")
    if one.nulls:
        words.append(plural(one.nulls, "null"))
    return ", ".join(words)
