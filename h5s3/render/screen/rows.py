"""A row of a tree on a screen: its branch, its name, and beside it what there is room for."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from h5s3.records import (
    DatasetNode,
    Entry,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    TreeNode,
    UnresolvedNode,
)
from h5s3.render.columns import Cell, Line, width_of
from h5s3.render.console import Symbols
from h5s3.render.text import safe
from h5s3.render.tree import cells_of
from h5s3.render.value_text import cell_text
from h5s3.sizes import size_text

INDENT = 2
LONGEST_NAME = 300


def row_line(
    name: str, kind: str, depth: int, sign: str, about: TreeNode | Entry | None, width: int, symbols: Symbols
) -> Line:
    """The row; what does not fit behind the name is left out. `sign`: whether it is open."""
    slash = "/" if kind in ("bucket", "prefix", "group") and not name.endswith("/") else ""
    head: Line = [(" " * (INDENT * depth) + sign, "faint"), (safe(name, LONGEST_NAME) + slash, _style(kind))]
    room = width - width_of(head)
    if isinstance(about, SoftLinkNode | ExternalLinkNode):
        return head + _target(about.target, room - 2, symbols)
    for text, style in _details(about, symbols):
        if text and cell_len(text) + 2 <= room:
            head += [("  ", ""), (text, style)]
            room -= cell_len(text) + 2
    return head


def note_line(text: str, depth: int) -> Line:
    """A word about what is missing."""
    return [(" " * (INDENT * depth + 2), ""), (safe(text, LONGEST_NAME), "faint")]


def _details(about: TreeNode | Entry | None, symbols: Symbols) -> list[Cell]:
    if isinstance(about, Entry):
        return [(size_text(about.size) if about.size is not None else "", "faint")]
    if isinstance(about, DatasetNode):
        value = [(cell_text(about.value, 30), "faint")] if isinstance(about.value, str | int | float) else []
        return [*cells_of(about, symbols)[:2], *value]
    if isinstance(about, GroupNode):
        count = f"{about.num_children:,}" if about.num_children else "empty"
        return [(count, "faint"), *cells_of(about, symbols)[1:2]]
    if isinstance(about, UnresolvedNode):
        return [(safe(about.reason, 80), "bad")]
    return []


def _target(target: str, room: int, symbols: Symbols) -> Line:
    """Where a link leads, its end cut where there is no room; at least that it is one."""
    text = f"{symbols.arrow} {safe(target, 60)}"
    if cell_len(text) > room:
        end = "…" if symbols.arrow == "→" else "..."
        left = room - cell_len(end)
        text = set_cell_size(text, left) + end if left > cell_len(symbols.arrow) + 1 else symbols.arrow
    return [("  ", ""), (text, "target")] if cell_len(text) <= room else []


def _style(kind: str) -> str:
    if kind in ("bucket", "prefix", "group", "account"):
        return "group"
    return {
        "file": "key",
        "datatype": "datatype",
        "soft_link": "link",
        "external_link": "link",
        "unresolved": "bad",
    }.get(kind.replace(" ", "_"), "")
