"""What a file's groups and datasets take, for people: a table, the total, and the rest of the object."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from h5s3.records import UNSET, DiskUsage, Usage
from h5s3.render.columns import Cell, Line, print_lines, width_of
from h5s3.render.console import can_show_unicode, stdout
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

HEADS = ("stored", "logical", "ratio", "share")
STYLES = ("size", "size", "faint", "faint")
LONGEST_PATH = 1000
BAR = 20  # columns
WIDE = 110  # columns of a screen that has room for bars
LEAST = 12  # columns of a path
EIGHTHS = "▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Style:
    """How sizes are written and which characters there are. `width`: of a screen; 0: lines are not cut."""

    width: int = 0
    unicode: bool = True
    exact: bool = False
    full: bool = False  # sizes with all their digits, in groups

    @property
    def bars(self) -> bool:
        """Whether shares are drawn."""
        return self.unicode and self.width >= WIDE

    def bytes(self, count: int | None) -> str:
        """A size: in words, or as a plain number."""
        if count is None:
            return "?"
        return f"{count:,} B" if self.full else str(count) if self.exact else size_text(count)

    def ratio(self, ratio: float | None) -> str:
        """How many times larger the values are than what is stored."""
        if ratio is None:
            return "–" if self.unicode else "-"
        return f"{ratio:.2f}" if ratio < 100 else f"{ratio:,.0f}"


def show_usage(found: DiskUsage, exact: bool = False) -> None:
    """Print what is taken; `exact`: sizes as plain numbers of bytes."""
    console = stdout()
    if found.partitions is not UNSET:
        from h5s3.render.tables.tree import partition_usage_lines  # what has none starts without it

        return print_lines(console, partition_usage_lines(found, exact), fold=True)
    style = Style(console.width if console.is_terminal else 0, can_show_unicode(), exact)
    table, remarks = usage_lines(found, style)
    print_lines(console, table)
    print_lines(console, remarks, fold=True)


def usage_lines(found: DiskUsage, style: Style) -> tuple[list[Line], list[Line]]:
    """The table: a heading, a line for each entry, the total; and below it what to know."""
    least = ("≥ " if style.unicode else ">= ") if found.unknown or not found.complete else ""
    told = bool(found.table is UNSET or found.logical or not (found.stored or found.unknown))
    logical = style.bytes(found.logical if told else None)
    total = [least + style.bytes(found.stored), logical, style.ratio(found.ratio), ""]
    figures = [_figures(one, found.stored, style, told) for one in found.entries]
    room = [max(cell_len(row[column]) for row in (HEADS, total, *figures)) for column in range(len(HEADS))]
    blank: Line = [(" " * (BAR + 2), "")] if style.bars else []
    lines: list[Line] = [
        [(safe(found.location, LONGEST_PATH), "key"), (f"  {size_text(found.size)}", "faint")]
    ]
    lines.append([*_padded(HEADS, room, "bold"), *blank, ("path", "bold")])
    for one, row in zip(found.entries, figures, strict=True):
        bar = [(_bar(one.stored or 0, found.stored), "faint")] if style.bars else []
        start = [*_padded(row, room), *bar]
        lines.append(start + _path(one, style.width - width_of(start) if style.width else 0, style))
    more = found.num_entries - len(found.entries)
    if more > 0:
        lines.append([(" " * width_of(_padded(HEADS, room)), ""), *blank, _more(more)])
    noun = "dataset" if found.table is UNSET else "column"
    what = f"{safe(found.path, LONGEST_PATH)}  ({plural(found.num_datasets, noun)})"
    lines.append([*_padded(total, room, "bold"), *blank, (what, "bold")])
    return lines, _remarks(found, style)


def _more(count: int) -> Cell:
    return (f"… {count:,} more (--limit 0 shows all)", "faint")


def _padded(cells: list[str] | tuple[str, ...], room: list[int], style: str = "") -> Line:
    return [
        (" " * (wide - cell_len(text)) + text + "  ", style or own)
        for text, wide, own in zip(cells, room, STYLES, strict=True)
    ]


def _figures(one: Usage, whole: int, style: Style, told: bool) -> list[str]:
    if one.alias_of is not UNSET:
        return ["", "", "", ""]
    share = f"{100 * one.stored / whole:.1f} %" if whole and one.stored is not None else ""
    return [
        style.bytes(one.stored),
        style.bytes(one.logical if told else None),
        style.ratio(one.ratio),
        share,
    ]


def _bar(part: int, whole: int) -> str:
    eighths = round(8 * BAR * part / whole) if whole else 0
    full, rest = divmod(min(eighths, 8 * BAR), 8)
    bar = EIGHTHS[-1] * full + (EIGHTHS[rest - 1] if rest else "")
    return bar.ljust(BAR + 2)


def _path(one: Usage, room: int, style: Style) -> Line:
    """The path, its beginning cut where there is no room for it, and remarks."""
    path = safe(one.path, LONGEST_PATH) + ("/" if one.type == "group" and one.path != "/" else "")
    notes = [f"= {safe(one.alias_of)}"] if one.alias_of is not UNSET else []
    notes += [safe(one.note)] if one.note is not UNSET else []
    if room:
        kept = max(room, LEAST)
        while cell_len(path) > kept:
            path = ("…" if style.unicode else "~") + path[max(2, cell_len(path) - kept + 1) :]
    kinds = {"group": "group", "dataset": "dataset", "unresolved": "bad"}
    line: Line = [(path, "link" if one.alias_of is not UNSET else kinds[one.type])]
    return [*line, (f"  ({'; '.join(notes)})", "faint")] if notes else line


def _remarks(found: DiskUsage, style: Style) -> list[Line]:
    """What the rest of the object is, and the notes."""
    lines: list[Line] = []
    if found.other is not UNSET and found.size:
        share = 100 * found.other / found.size
        rest = f"{found.other} bytes" if style.exact else size_text(found.other)
        if found.table is not UNSET:
            text = f"{rest} of the files ({share:.1f} %) is not in columns: footers, indexes"
        elif found.objects is not UNSET:
            text = f"{rest} of the store ({share:.1f} %) is not dataset data: metadata"
        else:
            kinds = "metadata, heaps, free space"
            text = f"{rest} of the object ({share:.1f} %) is not dataset data: {kinds}"
        lines.append([(text, "faint")])
    return lines + [[(safe(note, 2000), "target")] for note in found.notes]
