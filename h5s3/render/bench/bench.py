"""A benchmark as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from h5s3.records import UNSET, Against, Bench, Check, Samples, Strategy
from h5s3.render.bench.conclusions import conclusions
from h5s3.render.bench.figures import figure, label, ms, table
from h5s3.render.console import can_show_unicode, show, stdout
from h5s3.render.plots.plot_layout import Color, PlotLayout
from h5s3.render.text import plural, safe
from h5s3.sizes import binary_text, size_text

WIDE, WIDER = 92, 108  # columns from which on there is room for the first byte, and for all
WIDEST = 120
PLAIN_WIDTH = 80  # of a picture in a pipe
PICTURE_HEIGHT = 16
LONGEST = 300  # characters of a path or a selection
STYLES = {"faster": "green", "slower": "red", "no difference": "dim"}


def show_bench(doc: Bench, plot: bool) -> None:
    """Print a benchmark, with pictures of its samples where wanted."""
    console = stdout()
    width = min(console.width, WIDEST)
    colors = console.is_terminal and not console.no_color and console.color_system is not None
    wide = width if console.is_terminal else min(width, PLAIN_WIDTH)
    drawn = pictures(doc, wide, "truecolor" if colors else "", colors and can_show_unicode()) if plot else []
    show([bench_lines(doc, width, can_show_unicode(), drawn)], width)


def pictures(doc: Bench, width: int, color: Color, unicode: bool) -> list[str]:
    """Where the samples of each series lie, and latency against size; nothing where there is no room."""
    from h5s3.render.bench.plots import against_size, strips

    title = f"where the samples are ({'higher' if unicode else 'darker'}: more of them)"
    scattered = PlotLayout(width, PICTURE_HEIGHT, color, unicode, title)
    sized = PlotLayout(width, PICTURE_HEIGHT, color, unicode, "reads at random places, against their size")
    return [text for text in (strips(doc, scattered), against_size(doc, sized)) if text]


def bench_lines(doc: Bench, width: int, unicode: bool, drawn: Sequence[str] = ()) -> Group:
    """Tables of samples, checks and strategies, and the warnings. Times in ms, fits 80 columns.

    `drawn` are pictures, as text that may hold colours.
    """
    none = "–" if unicode else "-"
    parts: list[RenderableType] = [_title(doc)]
    if doc.samples:
        parts.append(_samples(doc.samples, width, none))
        parts += [_heading("what it comes to"), *(_sentence(text, "") for text in conclusions(doc))]
    for picture in drawn:
        parts += [Text(), Text.from_ansi(picture, no_wrap=True, overflow="crop")]
    if doc.checks:
        parts += [_heading("what the server does"), _checks(doc.checks, width)]
    if doc.strategies is not UNSET and doc.strategies:
        parts += strategy_lines(doc, none, width)
    if doc.against is not UNSET:
        parts += [_heading(_earlier(doc.against))]
        parts += [_ratios(doc.against, none, "×" if unicode else "x")] if doc.against.ratios else []
        parts += [_sentence(warning) for warning in doc.against.warnings]
    if doc.warnings:
        parts.append(_heading("to keep in mind"))
        parts += [_sentence(warning) for warning in doc.warnings]
    return Group(*parts)


def _title(doc: Bench) -> Text:
    title = Text(safe(doc.location), style="bold")
    what = f", {size_text(doc.object_size)}" if doc.checks or doc.object_size else ""
    return title.append(f"{what} at {safe(doc.endpoint)}; times in ms", style="not bold")


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _sentence(text: str, style: str = "yellow") -> RenderableType:
    return Padding(Text(safe(text, 2000), style=style), (0, 0, 0, 2))


def _samples(samples: list[Samples], width: int, none: str) -> Table:
    """The summaries; where it is narrow without the first byte and the least, and retries only if any."""
    again = width >= WIDER or any(one.retries for one in samples)
    figures = _figures(width, again)
    names = ["operation", "size", "at once", *figures, "req/s", "MB/s", "errors"]
    rows = table(*names, *(["retries"] if again else []))
    for one in samples:
        rate = one.bytes_per_second / 1e6 if one.bytes_per_second and one.bytes else None
        cells = [label(one), binary_text(one.size) if one.size else none, str(one.concurrency)]
        values = [getattr(one, field) for field in figures.values()]
        cells += [ms(value) if isinstance(value, float) else none for value in values]
        cells += [figure(one.requests_per_second, none), figure(rate, none)]
        counts = [one.errors, one.retries] if again else [one.errors]
        rows.add_row(
            *(Text(safe(cell)) for cell in cells),
            *(Text(f"{count:,}", style="red" if count else "dim") for count in counts),
        )
    return rows


def _figures(width: int, again: bool) -> dict[str, str]:
    """Names of columns, and of the fields that they show."""
    first = {"1st byte": "first_byte_p50"} if width >= WIDE else {}
    least = {"min": "min"} if width >= WIDER or (width >= WIDE and not again) else {}
    most = {"max": "max"} if width >= WIDE or not again else {}
    return {**first, **least, "p50": "p50", "p90": "p90", "p99": "p99", **most}


def _checks(checks: list[Check], width: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(max_width=max(30, width - 25), overflow="fold")
    for check in checks:
        mark = Text("ok", style="green") if check.ok else Text("!!", style="red")
        table.add_row(mark, Text(safe(check.name)), Text(safe(check.detail)))
    return table


def cost_line(requests: int, received: int, compare: bool) -> str:
    """What a benchmark will take, for before it begins."""
    walks = ", and the requests of the walks" if compare else ""
    most = f"up to {plural(requests, 'request')}{walks}; up to {size_text(received)}"
    return f"{most}, and pages of LIST; what fails is sent again once, within --max-bytes"


def _ratios(against: Against, none: str, times: str) -> Table:
    """Ratios of medians, with their intervals and what they say."""
    rows = table("operation", "size", "at once", "then", "now", "ratio", "95 % interval")
    rows.columns[0].no_wrap = True
    rows.add_column(no_wrap=True)
    for one in against.ratios:
        rows.add_row(
            Text(label(one)),
            Text(binary_text(one.size) if one.size else none),
            str(one.concurrency),
            ms(one.before),
            ms(one.now),
            f"{times} {one.ratio:.2f}",
            f"{one.low:.2f} to {one.high:.2f}",
            Text(one.verdict, style=STYLES[one.verdict]),
        )
    return rows


def _earlier(against: Against) -> str:
    """What the earlier run was."""
    when = f" of {safe(against.measured_at, 40)}" if against.measured_at else ""
    return f"against the run{when} (medians in ms, now against then)"


def strategy_lines(doc: Bench, none: str, width: int) -> list[RenderableType]:
    """A heading and a table for each task, in 80 columns, and how to read them. `none`: for no figure."""
    found = [] if doc.strategies is UNSET else doc.strategies
    tasks: dict[str, list[Strategy]] = {}
    for one in found:
        tasks.setdefault(one.task, []).append(one)
    lines: list[RenderableType] = []
    for strategies in tasks.values():
        lines += [_task(strategies[0], max(20, width)), _strategies(strategies, none)]
    return lines + _remarks(found, "x" if none == "-" else "×")


def _task(first: Strategy, width: int) -> Text:
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


def _strategies(strategies: list[Strategy], none: str) -> Table:
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
        how = "the fastest here" if measured else "not measured"
        rate = f"{size_text(round(found[0].bandwidth))}/s, {how}"
        lines.append(f"{', '.join(times)}: seconds for such round trips, trips {sign} time + bytes at {rate}")
    if any(one.selections is not UNSET for one in found):
        lines.append("Every way of the preview reads these values; h5s3 also attributes and coordinates.")
    if any(one.name.startswith("download") for one in found):
        lines.append("The object is downloaded once, and the download counts for each task.")
    return [Text(f"\n{line}" if number == 0 else line, style="dim") for number, line in enumerate(lines)]
