"""Log files of slices, read together, and the rows of base files that they hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.hudi.logs.merging import KEY, Merged, Rule, merged_of
from h5s3.formats.tables.hudi.logs.records import plain_of
from h5s3.formats.tables.hudi.opening import Opened
from h5s3.formats.tables.parquet.footers import Footer, read_footers
from h5s3.formats.tables.place import Place
from h5s3.formats.tables.rows.scan import scan
from h5s3.formats.tables.table import Column, DataFile, Table
from h5s3.records import TableVersion
from h5s3.sizes import MIB

if TYPE_CHECKING:
    from h5s3.formats.tables.table import Positions

MOST_LOGS = 512 * MIB  # bytes of the logs that are merged at a time


class _Bases(Table):
    """The base files without their logs."""

    known: Mapping[str, Footer]

    def history(self) -> list[TableVersion]:
        """None of their own."""
        return []

    def footers(self) -> Mapping[str, Footer]:
        """All of them."""
        return self.known


def read_logs(place: Place, files: Sequence[DataFile], rule: Rule, opened: Opened) -> dict[str, Merged]:
    """What the logs of these files say, by the paths of the files, in one round, or two of large ones."""
    if sum(log.size for one in files for log in one.detail.logs) > MOST_LOGS:
        raise RefusedError(f"log files of more than {MOST_LOGS // MIB} MiB wait for being compacted")
    found = place.documents([log for one in files for log in one.logs], MOST_LOGS)
    gone = [log for one in files for log in one.logs if log not in found]
    if gone:
        raise DamagedError(f"{gone[0]} is not there, which the table is made of")
    return {
        one.path: merged_of([(log, found[log]) for log in one.logs], rule, opened.timeline, opened.until)
        for one in files
    }


def hidden_rows(
    place: Place, files: Sequence[DataFile], columns: Sequence[Column], merged: Mapping[str, Merged]
) -> dict[str, Positions]:
    """Positions in base files that logs hide, by their paths. Keys and ordering values are read for it."""
    import numpy as np

    bases = [replace(one, logs=()) for one in files if one.format == "parquet"]
    table = _Bases(format="hudi", columns=columns, files=bases)
    table.known = read_footers(place, [(one.path, one.size) for one in bases])
    rule = next(iter(merged.values())).rule
    names = [KEY] if rule.ordering is None else list(dict.fromkeys([KEY, rule.ordering.name]))
    found: dict[str, Positions] = {}
    batches = scan(table, place, names)
    for one in bases:
        hidden: list[int] = []
        at = 0
        while at < table.known[one.path].num_rows:
            batch = next(batches)
            hidden += _hidden(batch, merged[one.path], at)
            at += batch.num_rows
        found[one.path] = np.array(hidden, np.uint64)
    return found


def _hidden(batch: Any, merged: Merged, first: int) -> list[int]:
    """Positions of hidden rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = batch.column(KEY)
    if keys.null_count:
        raise RefusedError("rows that log files change have no key")
    named = pc.indices_nonzero(pc.is_in(keys, value_set=pa.array(list(merged.entries), pa.string())))
    rows = batch.take(named)
    orderings: list[Any] = [None] * len(named)
    if merged.rule.ordering is not None:
        orderings = plain_of(rows.column(merged.rule.ordering.name).combine_chunks())
        if any(one is None or one != one for one in orderings):
            raise RefusedError(f"rows that log files change have no value of {merged.rule.ordering.name}")
    found = []
    for number, key, ordering in zip(named.to_pylist(), rows.column(KEY).to_pylist(), orderings, strict=True):
        if merged.hides(key, ordering):
            found.append(first + number)
    return found
