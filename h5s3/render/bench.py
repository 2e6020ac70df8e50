"""A benchmark as tables."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.filesize import pick_unit_and_suffix
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from h5s3.records import UNSET, Bench, Check, Samples, Strategy
from h5s3.render.text import plural, safe, size

NAMES = {"GET, new connection": "GET, new"}
WIDE = 92  # columns from which on there is room for the first byte


def bench_lines(doc: Bench, width: int, unicode: bool) -> Group:
    """Tables of samples, checks and strategies, and the warnings. Times in ms, fits 80 columns."""
    none = "–" if unicode else "-"
    parts: list[RenderableType] = [_title(doc)]
    if doc.samples:
        parts.append(_samples(doc.samples, width, none))
    if doc.checks:
        parts += [_heading("what the server does"), _checks(doc.checks, width)]
    if doc.strategies is not UNSET and doc.strategies:
        parts += [_heading("ways of walking the file"), _strategies(doc.strategies, none)]
    if doc.warnings:
        parts.append(_heading("to keep in mind"))
        parts += [_sentence(warning) for warning in doc.warnings]
    return Group(*parts)


def _title(doc: Bench) -> Text:
    title = Text(safe(doc.location), style="bold")
    what = f", {size(doc.object_size)}" if doc.checks or doc.object_size else ""
    return title.append(f"{what} at {safe(doc.endpoint)}; times in ms", style="not bold")


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _sentence(text: str) -> RenderableType:
    return Padding(Text(safe(text, 2000), style="yellow"), (0, 0, 0, 2))


def _table(*columns: str, left: int = 1) -> Table:
    """A table without lines; all columns but the first `left` hold numbers."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for position, name in enumerate(columns):
        table.add_column(name, justify="left" if position < left else "right", no_wrap=position >= left)
    return table


def _samples(samples: list[Samples], width: int, none: str) -> Table:
    first = width >= WIDE
    names = ["operation", "size", "at once", *(["1st byte"] if first else [])]
    table = _table(*names, "p50", "p90", "p99", "max", "req/s", "MB/s", "errors")
    for one in samples:
        start = one.first_byte_p50 if one.first_byte_p50 is not UNSET else None
        times = [*([start] if first else []), one.p50, one.p90, one.p99, one.max]
        rate = one.bytes_per_second / 1e6 if one.bytes_per_second and one.bytes else None
        cells = [NAMES.get(one.operation, one.operation), _binary(one.size) if one.size else none]
        cells += [str(one.concurrency), *(_number(t and t * 1000, none) for t in times)]
        cells += [_number(one.requests_per_second, none), _number(rate, none)]
        table.add_row(
            *(Text(safe(cell)) for cell in cells),
            Text(f"{one.errors:,}", style="red" if one.errors else "dim"),
        )
    return table


def _checks(checks: list[Check], width: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(max_width=max(30, width - 25), overflow="fold")
    for check in checks:
        mark = Text("ok", style="green") if check.ok else Text("!!", style="red")
        table.add_row(mark, Text(safe(check.name)), Text(safe(check.detail)))
    return table


def _strategies(strategies: list[Strategy], none: str) -> Table:
    table = _table("way", "seconds", "requests", "rounds", "bytes", "objects")
    for one in strategies:
        more = "" if one.complete else "> "
        table.add_row(
            Text(safe(one.name)),
            f"{more}{one.seconds:.2f}",
            f"{more}{one.requests:,}",
            none if one.rounds is None else f"{more}{one.rounds:,}",
            more + size(one.bytes),
            "stopped" if one.objects is None else f"{one.objects:,}",
        )
    return table


def _binary(count: int) -> str:
    """A size as it was asked for, in powers of 1024: `64 KiB`."""
    unit, suffix = pick_unit_and_suffix(count, ["B", "KiB", "MiB", "GiB", "TiB"], 1024)
    return f"{count / unit:.4g} {suffix}"


def _number(value: float | None, none: str) -> str:
    """Three digits or so: `0.46`, `13.4`, `1,234`."""
    if value is None:
        return none
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def cost_line(requests: int, received: int, compare: bool) -> str:
    """What a benchmark will take, for before it begins."""
    walks = ", and the requests of the walks" if compare else ""
    return f"up to {plural(requests, 'request')}{walks}; up to {size(received)}"
