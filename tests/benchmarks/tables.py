"""Markdown tables, and the place in a file where one is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """An aligned table; the columns after the first `text_columns` are numbers, set to the right."""
    widths = [max(3, *(len(row[at]) for row in (head, *rows))) for at in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if at < text_columns else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = ("-" * width if at < text_columns else "-" * (width - 1) + ":" for at, width in enumerate(widths))
    return "\n".join([line(head), f"| {' | '.join(rule)} |", *map(line, rows)])


def wrapped(text: str) -> str:
    """Lines as long as the README's."""
    return fill(text, 118, break_long_words=False, break_on_hyphens=False)


def marks(notes: Mapping[str, str]) -> dict[str, str]:
    """` ¹`, ` ²`: what stands behind each name that has a note."""
    return {name: f" {number}".translate(_SUPERSCRIPT) for number, name in enumerate(notes, 1)}


def below(notes: Mapping[str, str]) -> str:
    """The notes, as they stand under a table; nothing where there are none."""
    return "".join(f"\n\n{wrapped(f'{mark.strip()} {notes[name]}.')}" for name, mark in marks(notes).items())


def parts_around(path: Path, name: str) -> tuple[str, str]:
    """The text of a file before and after `<!-- name -->` … `<!-- /name -->`, with these two comments.

    Raises `ValueError` where they are missing.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = path.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{path.name} has no {begin} … {end}")
    return before + begin, end + after


def replace_between(path: Path, name: str, text: str) -> None:
    """Put text between the two comments of a name. Raises `ValueError` where they are missing."""
    before, after = parts_around(path, name)
    path.write_text(f"{before}\n{text.strip()}\n{after}")
