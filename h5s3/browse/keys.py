"""All keys, for `?` and for the documentation."""

from __future__ import annotations

from h5s3.render.columns import Line
from h5s3.render.screen.segments import Drawn, drawn_lines

KEYS = (
    ("Moving", (
        ("↑ ↓  k j", "up and down"),
        ("→ l Enter", "open; of a dataset: go to its values"),
        ("← h", "close, or go to what holds it"),
        ("Backspace", "go up"),
        ("n p", "next and previous sibling"),
        ("PgUp PgDn Home End", "a screen, first, last"),
        ("/", "show only names with a text; Esc: all"),
        ("f", "find groups, datasets and links in the whole file or prefix"),
        ("g", "go to a path or a location; Tab: what may follow"),
        ("m ' and a letter", "mark a place, and go back to it"),
        ("t x , .", "a tab for this place, close it, other tabs"),
        ("Tab Esc", "to the pane, and back to the tree"),
    )),
    ("Looking", (
        ("1 … 6", "meta, values, plot, table, layout, attributes"),
        ("z", "the pane alone, or beside the tree"),
        ("[ ]", "the frame before, and the next one"),
        ("+ -", "closer, farther; in the pane arrows move it"),
        ("i", "a cursor that tells exact values, also by the mouse"),
        ("l", "logarithmic, in the pane"),
        ("c", "other colours"),
        ("d", "which dimensions are drawn"),
        ("s", "a slice, such as 5,:,10:20 or lat=48:50,time=2024-07-07"),
        ("v", "which field, column or part of complex numbers"),
        ("u", "values as they are stored, or as they are meant"),
        ("r", "ask again"),
    )),
    ("Taking away", (
        ("y", "copy the path, the command or a line of Python"),
        ("w", "write what is seen; --all: all of it, --raw: as stored"),
        ("!", "what is wrong with the file or the connection"),
        ("b", "bytes that may be read ahead"),
        ("?", "these keys"),
        ("q", "leave"),
    )),
)  # fmt: skip


def drawn_keys(width: int, height: int) -> Drawn:
    """The keys, as a text."""
    lines: list[Line] = []
    wide = max(len(keys) for _, rows in KEYS for keys, _ in rows)
    for title, rows in KEYS:
        lines += [*([[("", "")]] if lines else []), [(title, "key")]]
        lines += [[(f"  {keys.ljust(wide)}  ", "group"), (text, "")] for keys, text in rows]
    return drawn_lines(lines, width)
