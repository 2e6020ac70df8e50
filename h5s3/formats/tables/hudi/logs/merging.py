"""Log files merged with base files: which rows of a base file are hidden, and which ones logs add.

Source: Hudi's technical specification, "Merge on read", and its reader in Rust. Of rows with one key, that
with the greatest ordering value counts, of equal ones the last that was written (EVENT_TIME_ORDERING), or
just the last (COMMIT_TIME_ORDERING). A delete without an ordering value hides all that was written before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from h5s3.errors import RefusedError
from h5s3.formats.tables.hudi.logs.blocks import DELETE, Block, check_known, deletes_of, read_blocks
from h5s3.formats.tables.hudi.logs.records import MOST_ROWS, Rows, plain_of, rows_of, table_of
from h5s3.formats.tables.hudi.properties import flag, words
from h5s3.formats.tables.hudi.timeline import Timeline
from h5s3.formats.tables.table import Column

KEY = "_hoodie_record_key"
BY_EVENT = ("DefaultHoodieRecordPayload", "EventTimeAvroPayload")
LATEST = "OverwriteWithLatestAvroPayload"


@dataclass(frozen=True)
class Rule:
    """How rows with one key are merged. `ordering`: the column, None: the last one written counts.

    `doubtful`: readers differ where the last one written has a smaller ordering value: it is refused.
    """

    ordering: Column | None
    doubtful: bool = False


class Entry(NamedTuple):
    """The last that logs say of a key. `number`: its row of the block; None: it is deleted.

    `after`: it follows a delete without an ordering value, which hid rows with values up to `most`.
    """

    ordering: Any  # None: it counts whatever was before
    block: int = -1
    number: int | None = None
    after: bool = False
    most: Any = None


@dataclass
class Merged:
    """What the logs of a slice say."""

    rule: Rule
    blocks: list[Rows] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)  # keys of rows of the base file

    def put(self, key: str, entry: Entry) -> None:
        """Something that was written later than all before."""
        there = self.entries.get(key)
        if there is None:
            self.entries[key] = entry
        elif entry.ordering is None:
            most = there.ordering
            if there.most is not None and (most is None or not self._at_least(most, there.most)):
                most = there.most
            self.entries[key] = entry._replace(most=most)
        elif self._counts(entry.ordering, there.ordering):
            after = there.ordering is None or there.after
            self.entries[key] = entry._replace(after=after, most=there.most)
            self._check_after(self.entries[key], there.most)

    def hides(self, key: str, ordering: Any) -> bool:
        """Whether a row of the base file is hidden by what logs say; else they say nothing that counts.

        Raises `RefusedError` for a second row with a key: it is not certain which of them logs mean.
        """
        if key in self._met:
            raise RefusedError("rows that log files change have the same key")
        self._met.add(key)
        entry = self.entries[key]
        self._check_after(entry, ordering)
        if self._counts(entry.ordering, ordering):
            return True
        del self.entries[key]
        return False

    def added(self, columns: Sequence[Column]) -> Any:
        """The rows that count, in the order in which they were written."""
        chosen: list[list[int]] = [[] for _ in self.blocks]
        for entry in self.entries.values():
            if entry.number is not None:
                chosen[entry.block].append(entry.number)
        parts = [
            (rows, sorted(numbers)) for rows, numbers in zip(self.blocks, chosen, strict=True) if numbers
        ]
        return table_of(parts, columns)

    def _check_after(self, entry: Entry, before: Any) -> None:
        """Raise `RefusedError` for a row that came after a delete with a smaller value than one before it."""
        if entry.after and before is not None and not self._at_least(entry.ordering, before):
            raise RefusedError(
                "rows that were deleted came again with smaller ordering values: readers differ"
            )

    def _counts(self, new: Any, old: Any) -> bool:
        """Whether what was written later counts. Raises `RefusedError` where that is not certain."""
        if self.rule.ordering is None or new is None or old is None:
            return True
        later = self._at_least(new, old)
        if not later and self.rule.doubtful:
            raise RefusedError(
                f"rows that were written later have smaller values of {self.rule.ordering.name}: "
                "it is not certain which of them count"
            )
        return later

    def _at_least(self, new: Any, old: Any) -> bool:
        try:
            return bool(new >= old)
        except TypeError:
            raise RefusedError("ordering values in its log files are of different types") from None


def rule_of(properties: dict[str, str], columns: Mapping[str, Column]) -> Rule | str:
    """How log files are merged; a text says why they are not."""
    if not flag(properties, "hoodie.populate.meta.fields", True):
        return "merge-on-read log files of rows without Hudi's own columns"
    if flag(properties, "hoodie.allow.operation.metadata.field"):
        return "merge-on-read log files with operations"
    if properties.get("hoodie.table.partial.update.mode") or any(
        name.startswith("hoodie.record.merge.property.") for name in properties
    ):
        return "merge-on-read log files with partial updates"
    names = words(properties, "hoodie.table.ordering.fields") or words(
        properties, "hoodie.table.precombine.field"
    )
    if len(names) > 1:
        return "merge-on-read log files with several ordering fields"
    mode = _mode(properties)
    if mode not in ("EVENT_TIME_ORDERING", "COMMIT_TIME_ORDERING", LATEST):
        return f"merge-on-read log files that are merged by {mode}"
    if not names or mode == "COMMIT_TIME_ORDERING":
        return Rule(None)
    if names[0] not in columns or not _comparable(columns[names[0]]):
        return f"merge-on-read log files that are ordered by {names[0]}"
    return Rule(columns[names[0]], mode == LATEST)


def _mode(properties: dict[str, str]) -> str:
    """The mode in which rows are merged, or the class that does it."""
    payload = (
        properties.get("hoodie.table.legacy.payload.class")
        or properties.get("hoodie.compaction.payload.class", LATEST)
    ).rpartition(".")[2]
    mode = properties.get("hoodie.record.merge.mode", "").upper()
    if payload not in (*BY_EVENT, LATEST):
        return payload
    return mode or ("EVENT_TIME_ORDERING" if payload in BY_EVENT else LATEST)


def _comparable(column: Column) -> bool:
    import pyarrow as pa

    kind, types = column.arrow, pa.types
    good = (types.is_integer, types.is_floating, types.is_string, types.is_date32, types.is_timestamp)
    return kind is not None and any(one(kind) for one in good)


def merged_of(logs: Iterable[tuple[str, bytes]], rule: Rule, timeline: Timeline, until: str) -> Merged:
    """What these logs say, in their order, as of a version. Raises `RefusedError`, `DamagedError`."""
    blocks = [block for path, data in logs for block in read_blocks(data, path)]
    undone = {block.undone for block in blocks}
    found = Merged(rule)
    count = 0
    for block in blocks:
        counts = block.instant <= until and timeline.completion(block.instant) is not None
        if block.undone is not None or block.instant in undone or not counts:
            continue
        check_known(block)
        count += _take(found, block)
        if count > MOST_ROWS:
            raise RefusedError(f"its log files have more than {MOST_ROWS:,} rows that are not compacted")
    return found


def _take(found: Merged, block: Block) -> int:
    """Take in a block; how many rows it has."""
    if block.kind == DELETE:
        deletes = deletes_of(block)
        if any(ordering for _, ordering in deletes) and _is_in_other_units(found.rule.ordering):
            raise RefusedError(f"{block.named} has deletes with times, which are not in microseconds")
        for key, ordering in deletes:
            found.put(key, Entry(ordering or None))
        return len(deletes)
    rows = rows_of(block)
    keys, orderings = keys_of(rows.column(_key()), found.rule, rows)
    found.blocks.append(rows)
    for number, key in enumerate(keys):
        found.put(key, Entry(orderings[number], len(found.blocks) - 1, number))
    return len(rows)


def _is_in_other_units(column: Column | None) -> bool:
    """Whether numbers of a column are times of another unit than that of deletes."""
    import pyarrow as pa

    return column is not None and pa.types.is_timestamp(column.arrow) and column.arrow.unit != "us"  # type: ignore[union-attr]


def keys_of(keys: Any, rule: Rule, rows: Rows | Any) -> tuple[list[str], list[Any]]:
    """Keys of rows and their ordering values. Raises `RefusedError` for rows that lack one."""
    found = keys.to_pylist()
    orderings: list[Any] = [None] * len(found)
    if rule.ordering is not None:
        orderings = plain_of(rows.column(rule.ordering))
        if any(one is None or one != one for one in orderings):
            raise RefusedError(f"rows that log files change have no value of {rule.ordering.name}")
    if None in found:
        raise RefusedError("rows that log files change have no key")
    return found, orderings


def _key() -> Column:
    import pyarrow as pa

    return Column(KEY, "string", pa.string())
