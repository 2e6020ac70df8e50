"""What is known of the values of a table's columns, as a small table."""

from __future__ import annotations

from collections.abc import Sequence

from h5s3.records import ColumnStats
from h5s3.render.columns import Line, Row, align
from h5s3.render.text import plural, safe
from h5s3.render.value_text import cell_text

SHOWN = 8  # columns, where others parts of a preview stand below
LONGEST, LEAST = 40, 10  # characters of a bound
OTHERS = 34  # those of a line beside its two bounds


def statistics_lines(columns: Sequence[ColumnStats], width: int, all_of_them: bool) -> list[Line]:
    """A line for each column: its bounds, its nulls, and where that is from."""
    shown = columns if all_of_them else columns[:SHOWN]
    if not shown:
        return []
    rows: list[Row] = [([("  column", "faint")], [(name, "faint") for name in ("min", "max", "nulls", "")])]
    longest = max(LEAST, min(LONGEST, (width - OTHERS) // 2))
    rows += [([("  " + safe(one.path.lstrip("/"), 40), "")], _cells(one, longest)) for one in shown]
    lines = align(rows, width, [True, True, True, False], least=12)
    if len(shown) < len(columns):
        more = len(columns) - len(shown)
        lines.append([(f"  … {more:,} more column{'s' * (more > 1)} (--only stats shows all)", "faint")])
    return lines + _sources(shown)


def _cells(column: ColumnStats, longest: int) -> list[tuple[str, str]]:
    bounds = ["-" if value is None else cell_text(value, longest) for value in (column.min, column.max)]
    nulls = "-" if column.nulls is None else f"{column.nulls:,}"
    source = {"metadata": "exact", "sample": "sample"}.get(column.source or "", "")
    return [(bounds[0], ""), (bounds[1], ""), (nulls, ""), (source, "faint")]


def _sources(columns: Sequence[ColumnStats]) -> list[Line]:
    """What the words behind the lines mean."""
    sampled = max((one.rows or 0 for one in columns if one.source == "sample"), default=0)
    parts = ["exact: by the metadata"] * any(one.source == "metadata" for one in columns)
    rows = "row" if sampled == 1 else plural(sampled, "row")
    parts += [f"sample: of the first {rows}"] if sampled else []
    return [[("  " + "; ".join(parts), "faint")]] if parts else []
