"""Ways of looking into a file, compared: a table for each task."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from h5s3.records import UNSET, Bench, Strategy
from h5s3.render.bench.figures import figure, table
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

LONGEST = 300  # characters of a path or a selection


def strategy_lines(doc: Bench, none: str, width: int) -> list[RenderableType]:
    """A heading and a table for each task, in 80 columns, and how to read them. `none`: for no figure."""
    found = [] if doc.strategies is UNSET else doc.strategies
    tasks: dict[str, list[Strategy]] = {}
    for one in found:
        tasks.setdefault(one.task, []).append(one)
    lines: list[RenderableType] = []
    for strategies in tasks.values():
        lines += [_heading(strategies[0], max(20, width)), _table(strategies, none)]
    return lines + _remarks(found, "x" if none == "-" else "×")


def _heading(first: Strategy, width: int) -> Text:
    text = Text(f"\n{safe(first.task)}", style="bold")
    where = safe(first.path, LONGEST)
    if first.selections is not UNSET:
        count = 0 if first.values is UNSET else first.values
        what = f"{plural(count, 'value')} of {where}, {_selections(first.selections, width)}"
    else:
        count = first.objects or 0
        levels = "and what it holds" if first.task == "one level" else "and all below it"
        what = f"{where} {levels}, {plural(count, 'object')}"
    return text.append(f": {what}", style="not bold")


def _selections(texts: list[str], width: int) -> str:
    """What is read, the first of it where there is much."""
    first = f"[{safe(texts[0], width)}]" if texts else "nothing"
    return first if len(texts) < 2 else f"{first} and {plural(len(texts) - 1, 'piece')} like it"


def _table(strategies: list[Strategy], none: str) -> Table:
    times = list(dict.fromkeys(name for one in strategies for name in one.projected))
    rows = table("way", "requests", "rounds", "trips", "bytes", "seconds", *map(safe, times))
    rows.columns[0].no_wrap = True
    for one in strategies:
        more = "" if one.complete else "> "
        rows.add_row(
            Text(safe(one.name)),
            f"{one.requests:,}",
            none if one.rounds is None else f"{one.rounds:,}",
            none if one.trips is UNSET else f"{one.trips:,}",
            more + size_text(one.bytes),
            more + figure(one.seconds, none),
            *(figure(one.projected.get(name), none) for name in times),
        )
    return rows


def _remarks(found: list[Strategy], sign: str) -> list[RenderableType]:
    lines: list[str] = []
    if not all(one.complete for one in found):
        lines.append("> stopped at the limit of bytes: the figures are of what was done until then")
    times = list(found[0].projected) if found else []
    if times and found[0].bandwidth is not UNSET:
        lines.append("trips: round trips one after another; a round may take several, as answers lead on")
        measured = found[0].bandwidth_measured is True
        rate = f"{size_text(round(found[0].bandwidth))}/s, " + (
            "the fastest here" if measured else "not measured"
        )
        lines.append(f"{', '.join(times)}: seconds for such round trips, trips {sign} time + bytes at {rate}")
    if any(one.selections is not UNSET for one in found):
        lines.append("Every way of the preview reads these values; h5s3 also attributes and coordinates.")
    if any(one.name.startswith("download") for one in found):
        lines.append("The object is downloaded once, and the download counts for each task.")
    return [Text(f"\n{line}" if number == 0 else line, style="dim") for number, line in enumerate(lines)]
