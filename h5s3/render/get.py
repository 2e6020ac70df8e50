"""What `get` prints: its estimate, its result, and values on a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from h5s3.records import UNSET, Coding, Get, GetStructure
from h5s3.render.text import plural, safe, shape
from h5s3.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LEFT = 20  # things that could not be copied that are named
JSON_BEGINS = b'{"schema"'  # CSV never does: it has quotes around what holds one


def estimate_line(
    requests: int, fetched: int | None, written: int, output: str | None, at_least: bool
) -> str:
    """What will be fetched (None: not known) and written; strings of variable length are not counted."""
    about = "at least" if at_least else "about"
    target = f"to {output}" if output is not None else "to standard output"
    if fetched is None:
        return f"writing {'at least ' if at_least else ''}{size_text(written)} {target}"
    return (
        f"fetching {about} {size_text(fetched)} in {plural(requests, 'request')},"
        f" writing {'at least ' if at_least else ''}{size_text(written)} {target}"
    )


def result_line(found: Get) -> str:
    """A line when all is done."""
    length = size_text(found.file_bytes) if isinstance(found.file_bytes, int) else "?"
    if isinstance(found.structure, GetStructure):
        parts = [("group", found.structure.groups), ("dataset", found.structure.datasets)]
        parts += [("named type", found.structure.datatypes), ("attribute", found.structure.attributes)]
        counted = ", ".join(plural(number, name) for name, number in parts if number)
        return f"{safe(found.output or '-')}: {counted or 'nothing'}, without data, {length}"
    if found.columns is not UNSET and isinstance(found.rows, int):
        counted = f"{plural(found.rows, 'row')} of {plural(len(found.columns), 'column')}"
        return f"{safe(found.output or '-')}: {counted}, {length}"
    kind = safe(found.dtype) + (" decoded" if found.decoded is True else "")
    return f"{safe(found.output or '-')}: {shape(found.selected_shape)} {kind}, {length}"


def left_line(left: list[str]) -> str:
    """What could not be copied."""
    more = f"; and {len(left) - MOST_LEFT:,} more" if len(left) > MOST_LEFT else ""
    return "not copied: " + "; ".join(safe(item, 200) for item in left[:MOST_LEFT]) + more


def stored_line(coding: Coding) -> str:
    """That values are not what is meant, and how to get that."""
    packed = coding.scale_factor is not UNSET or coding.add_offset is not UNSET
    parts = ["scaled"] * packed + ["unsigned"] * (coding.unsigned is True)
    parts += ["as dates"] * (coding.calendar is not UNSET)
    parts += ["without missing values"] * bool(coding.missing)
    return f"values are written as stored; --decode gives them {', '.join(parts)}"


class SafeStream(io.RawIOBase):
    """A terminal that gets UTF-8 text without control characters.

    Line feeds between rows stay; one within a quoted cell of CSV is escaped: it would look like a new row.
    """

    def __init__(self, terminal: BinaryIO) -> None:
        super().__init__()
        self._terminal = terminal
        self._csv: bool | None = None
        self._quotes = 0  # so far; within a quoted cell the number is odd

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: object) -> int:
        """Write bytes that end at the end of a character."""
        raw = bytes(data)  # type: ignore[call-overload]
        if self._csv is None:
            self._csv = not raw.startswith(JSON_BEGINS)
        lines = "".join(self._rows(raw.decode("utf-8", "backslashreplace"))).split("\n")
        shown = "\n".join(safe(line, len(line) + 1) for line in lines)
        self._terminal.write(shown.encode())
        self._terminal.flush()
        return len(raw)

    def _rows(self, text: str) -> Iterator[str]:
        if not self._csv:
            yield text
            return
        for number, part in enumerate(text.split('"')):
            self._quotes += number > 0
            yield '"' * (number > 0) + (part.replace("\n", "\\n") if self._quotes % 2 else part)
