"""Sums of receipts for people, and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from h5s3.records import Spent, Statistics
from h5s3.render.columns import Line, Row, align, print_lines
from h5s3.render.console import stdout
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

HEADINGS = ("commands", "requests", "bytes", "from cache", "waiting", "dollars")
METRICS = {  # name: what it is
    "h5s3_commands_total": "Commands",
    "h5s3_failed_commands_total": "Commands that ended with another code than 0",
    "h5s3_requests_total": "Requests by method",
    "h5s3_received_bytes_total": "Bytes received",
    "h5s3_rounds_total": "Waits for the network",
    "h5s3_cache_hits_total": "Blocks, listings and answers from the cache",
    "h5s3_waiting_seconds_total": "Seconds waited for the network",
}


def show_stats(found: Statistics) -> None:
    """Tables by command, bucket and day, and the total."""
    console = stdout()
    lines: list[Line] = [[(safe(found.file, 1000), "key")]]
    for title, rows in (("command", found.commands), ("bucket", found.buckets), ("day", found.days)):
        lines += [[("", "")], *_table(title, rows, console.width)]
    lines += [[("", "")], *_table("", [found.total], console.width)]
    prices = ", ".join(f"{name} {price:g}" for name, price in found.prices.items())
    lines.append([(f"  dollars: per 1,000 requests and per GB: {prices}", "faint")])
    if found.other_lines:
        lines.append([(f"  {plural(found.other_lines, 'line')} left out: no receipts", "faint")])
    print_lines(console, lines)


def _table(title: str, spent: Sequence[Spent], width: int) -> list[Line]:
    rows: list[Row] = [([(title, "faint")], [(heading, "faint") for heading in HEADINGS])]
    for one in spent:
        asked = one.requests + one.cache_hits
        share = f"{100 * one.cache_hits / asked:.0f} %" if asked else "–"
        texts = (
            f"{one.commands:,}",
            f"{one.requests:,}",
            size_text(one.bytes),
            share,
            f"{one.seconds_waiting:,.1f} s",
            f"{one.dollars:,.4f}",
        )
        rows.append(([(f"  {safe(one.name, 60)}", "")], [(text, "") for text in texts]))
    return align(rows, width, [True] * len(HEADINGS))


def prometheus(found: Statistics) -> Iterator[str]:
    """The sums by command in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/)."""
    for name, help_ in METRICS.items():
        yield f"# HELP {name} {help_}.\n# TYPE {name} counter\n"
        for one in found.commands:
            yield from _samples(name, one)


def _samples(name: str, one: Spent) -> Iterator[str]:
    label = f'command="{_escaped(one.name)}"'
    if name == "h5s3_requests_total":
        for method, count in sorted(one.by_method.items()):
            yield f'{name}{{{label},method="{_escaped(method)}"}} {count}\n'
        return
    values = {
        "h5s3_commands_total": one.commands,
        "h5s3_failed_commands_total": one.failed,
        "h5s3_received_bytes_total": one.bytes,
        "h5s3_rounds_total": one.rounds,
        "h5s3_cache_hits_total": one.cache_hits,
        "h5s3_waiting_seconds_total": round(one.seconds_waiting, 4),
    }
    yield f"{name}{{{label}}} {values[name]}\n"


def _escaped(text: str) -> str:
    return safe(text, 100).replace("\\", "\\\\").replace('"', '\\"')
