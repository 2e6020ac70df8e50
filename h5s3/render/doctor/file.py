"""The report on a file: what was found, how the file lies in its object, and what a copy would cost."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from h5s3.records import UNSET
from h5s3.records.doctor import Costs, Doctor, Extent, FileLayout, Finding
from h5s3.render.text import plural, safe, to_ascii
from h5s3.sizes import size_text

MARKS = {
    "ok": ("ok", "green"),
    "warning": ("!!", "yellow"),
    "failure": ("xx", "bold red"),
    "unknown": ("??", "dim"),
}
LONGEST = 2000  # characters of a detail
LONGEST_COMMAND = 20_000  # a command that is cut is no command
UNICODE, ASCII = "█▒░·", "M+-."  # metadata, both, data, neither
STYLES = ("bold red", "magenta", "blue", "dim")
NAMES = ("metadata", "metadata and data", "data", "free, or not seen")
ROWS, MOST_COLUMNS = 2, 200  # of the strip
ASSUMED = (
    "the walk of: h5s3 tree -r --limit 0, with nothing cached; seconds at these round-trip times and at "
    "200 Mbit/s. Requests and rounds vary by some with the order in which answers come."
)


def file_lines(doc: Doctor, width: int, unicode: bool) -> list[RenderableType]:
    """Findings of the file, its layout as a strip, and the simulation; nothing where there was no file."""
    lines: list[RenderableType] = []
    if doc.layout is not UNSET:
        lines += [_heading("the file"), *_layout(doc.layout, width, unicode)]
    if doc.file is not UNSET and doc.file:
        lines.append(_heading("what was found in it"))
        for finding in doc.file:
            lines += finding_lines(finding, width, unicode)
    if doc.simulation is not UNSET and doc.simulation:
        lines += [_heading("a cold walk over all of it"), _costs(doc.simulation, unicode)]
        lines.append(_indented(Text(ASSUMED, style="dim"), 2))
    return lines


def finding_lines(finding: Finding, width: int, unicode: bool) -> list[RenderableType]:
    """One finding: how it stands and the evidence; below that its cost and the remedy."""
    mark, style = MARKS[finding.status]
    text = Text(f"{safe(finding.name)}: ", style="bold")
    text.append(words(finding.detail, unicode), "not bold")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", width=4)
    table.add_column(overflow="fold")
    table.add_row(Text(mark, style=style), text)
    lines: list[RenderableType] = [table]
    if finding.cost is not UNSET:
        lines.append(_indented(Text(f"cost: {words(finding.cost, unicode)}", style="dim")))
    if finding.remedy is not UNSET:
        lines += [_indented(Text(line, style="cyan")) for line in command_lines(finding.remedy, width - 6)]
    return lines


def command_lines(command: str, width: int) -> list[str]:
    """A command on as many lines as it takes, a backslash after each but the last: it can be pasted."""
    command, _, note = safe(command, LONGEST_COMMAND).partition("  # ")
    try:
        words = [shlex.quote(word) for word in shlex.split(command)]
    except ValueError:
        return [command]
    lines = [words[0]] if words else []
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 3 <= width:
            lines[-1] += f" {word}"
        else:
            lines[-1] += " \\"
            lines.append(f"  {word}")
    return [*lines, f"# {note}"] if note else lines


def words(text: str, unicode: bool, longest: int = LONGEST) -> str:
    """Text made safe, in the letters that can be shown."""
    shown = safe(text, longest)
    return shown if unicode else to_ascii(shown)


def _indented(text: Text, columns: int = 6) -> RenderableType:
    return Padding(text, (0, 0, 0, columns))


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _layout(layout: FileLayout, width: int, unicode: bool) -> list[RenderableType]:
    """The figures of a file in two lines, and the strip."""
    strategy = safe(layout.file_space_strategy or "unknown")
    pages = f" of {size_text(layout.page_size)}" if layout.page_size else ""
    version = "?" if layout.superblock_version is None else layout.superblock_version
    counts = {"group": layout.num_groups, "dataset": layout.num_datasets, "chunk": layout.num_chunks}
    holds = ", ".join(plural(count, noun) for noun, count in counts.items())
    cut = "" if layout.complete else " (and more: the walk was cut short)"
    where = f"{size_text(layout.metadata_bytes)} of metadata in {plural(layout.metadata_extents, 'place')}"
    first = f"{size_text(layout.size)}, superblock version {version}, file space: {strategy}{pages}"
    second = f"{holds}{cut}; {where}, {size_text(layout.data_bytes)} of data"
    return [_indented(Text(first), 2), _indented(Text(second), 2), *_strip(layout, width, unicode)]


def _costs(costs: Sequence[Costs], unicode: bool) -> Table:
    """A row for each layout; seconds at each round-trip time."""
    times = list(costs[0].seconds)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("  layout", overflow="fold")
    for name in ("requests", "rounds", "bytes", *times):
        table.add_column(name, justify="right", no_wrap=True, overflow="crop")
    table.add_column("how", style="dim", no_wrap=True, overflow="crop")
    for one in costs:
        seconds = [f"{one.seconds[name]:.2f}" if name in one.seconds else "?" for name in times]
        cells = [f"{one.requests:,}", f"{one.rounds:,}", size_text(one.bytes), *seconds]
        table.add_row(Text(f"  {words(one.name, unicode).replace(' pages', '')}"), *cells, one.how)
    return table


def _strip(layout: FileLayout, width: int, unicode: bool) -> list[Text]:
    """The file drawn by offset, in a few lines, and what its signs mean. Nothing for an empty file."""
    columns = max(10, min(width - 2, MOST_COLUMNS))
    if not layout.size or not layout.extents:
        return []
    kinds = cells(layout.extents, layout.size, columns * ROWS)
    signs = UNICODE if unicode else ASCII
    lines = []
    for start in range(0, len(kinds), columns):
        row = [(signs[kind], STYLES[kind]) for kind in kinds[start : start + columns]]
        lines.append(Text.assemble("  ", *row))
    legend = Text("  ")
    for kind in sorted(set(kinds)):
        legend.append(signs[kind], STYLES[kind]).append(f" {NAMES[kind]}   ", "dim")
    return [*lines, legend.append(f"one character = {size_text(-(-layout.size // len(kinds)))}", "dim")]


def cells(extents: Sequence[Extent], total: int, count: int) -> list[int]:
    """For each of `count` parts of a file (or of its bytes, if these are fewer) which of `NAMES` it is."""
    count = max(1, min(count, total))
    held = {"metadata": [False] * count, "data": [False] * count}
    for extent in extents:
        flags = held.get(extent.kind)
        if flags is None or not 0 <= extent.start < extent.stop <= total:
            continue
        first, last = extent.start * count // total, (extent.stop - 1) * count // total
        flags[first : last + 1] = [True] * (last + 1 - first)
    pairs = zip(held["metadata"], held["data"], strict=True)
    return [(1 if data else 0) if metadata else (2 if data else 3) for metadata, data in pairs]
