"""Series of a benchmark by name, their figures in few characters, and the tables that hold them."""

from __future__ import annotations

from rich.table import Table

from h5s3.records import UNSET, Series
from h5s3.render.text import safe

PATTERNS = {"random": "", "sequential": ", sequential", "first": ", first", "second": ", second"}


def label(samples: Series) -> str:
    """What was asked, in a word or two: `GET, new`."""
    if samples.operation == "connect":
        return "connect"
    if samples.connection == "new":
        return f"{samples.operation}, new"
    return safe(samples.operation) + ("" if samples.pattern is UNSET else PATTERNS[samples.pattern])


def figure(value: float | None, none: str) -> str:
    """Three digits or so: `0.46`, `13.4`, `1,234`."""
    if value is None:
        return none
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def ms(seconds: float) -> str:
    """Seconds as milliseconds, in three digits or so."""
    return figure(seconds * 1000, "")


def table(*columns: str, left: int = 1) -> Table:
    """A table without lines; all columns but the first `left` hold numbers."""
    made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for position, name in enumerate(columns):
        made.add_column(name, justify="left" if position < left else "right", no_wrap=position >= left)
    return made
