"""Listings for people, printed as they arrive."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from h5s3.records import Arriving, Entry
from h5s3.render.columns import Cell, Line, Row, Widths, align, print_lines
from h5s3.render.console import stdout
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

RIGHT = (True, False, False, False, False)  # size, ETag, storage class, version, key
LONGEST_KEY = 2000
LEAST = 24  # columns that a date is not cut below
KINDS = {"prefix": "PREFIX", "bucket": "BUCKET"}


def show_uris(listing: Arriving) -> None:
    """The URI of each entry on a line of its own, and nothing else."""
    console = stdout()
    for page in listing.pages:
        console.file.write("".join(f"{safe(str(entry.uri), LONGEST_KEY)}\n" for entry in page))
        console.file.flush()


def show_heading(location: str, first: bool) -> None:
    """Whose listing follows, where there are several."""
    print_lines(stdout(), [*([] if first else [[("", "")]]), [(f"{safe(location, LONGEST_KEY)}:", "group")]])


def show_listing(listing: Arriving, long: bool, exact: bool = False) -> None:
    """Date, size and name of each entry, and a total. Columns are as wide as all pages so far need."""
    console = stdout()
    widths, total = Widths(len(RIGHT)), _Total(exact)
    for page in listing.pages:
        total.add(page)
        show_page(console, page, long, widths, exact)
        console.file.flush()
    print_lines(console, [total.line(listing.truncated)], fold=True)


def show_page(
    console: Console, page: Sequence[Entry], long: bool, widths: Widths, exact: bool = False
) -> None:
    """The lines of a page."""
    lines = None if console.is_terminal else plain_lines(page, long, widths, exact)
    if lines is not None:
        console.file.write(lines)
    else:
        print_lines(console, page_lines(page, long, console.width, widths, exact), fold=True)


def page_lines(
    page: Sequence[Entry], long: bool, width: int, widths: Widths, exact: bool = False
) -> list[Line]:
    """The lines of a page, in colour."""
    rows: list[Row] = [([(_when(entry), "faint")], _cells(entry, long, exact)) for entry in page]
    return align(rows, width, RIGHT, LEAST, widths)


def plain_lines(page: Sequence[Entry], long: bool, widths: Widths, exact: bool = False) -> str | None:
    """The same without colour, and fast; None where there is more to it than dates, sizes, ASCII names."""
    if not all(entry.type == "object" and entry.key.isascii() and entry.size is not None for entry in page):
        return None
    if long or any(entry.version_id or entry.delete_marker for entry in page):
        return None
    whens = {moment: _when_text(moment) for moment in {entry.last_modified for entry in page}}
    amounts = [_amount(entry.size, exact) for entry in page]
    first = max(map(len, whens.values()), default=0)
    if first > LEAST or any(widths.columns[1:4]):
        return None
    keys = [safe(entry.key, LONGEST_KEY) for entry in page]
    widths.columns[0] = size = max(widths.columns[0], max(map(len, amounts), default=0))
    widths.columns[4] = max(widths.columns[4], max(map(len, keys), default=0))
    widths.first = first = max(widths.first, first)
    if first > LEAST:
        return None
    shown = {moment: when.ljust(first) for moment, when in whens.items()}
    return "".join(
        [
            f"{shown[entry.last_modified]}  {amount:>{size}}  {key}".rstrip() + "\n"
            for entry, amount, key in zip(page, amounts, keys, strict=True)
        ]
    )


class _Total:
    """What was listed so far."""

    def __init__(self, exact: bool = False) -> None:
        self._exact = exact
        self._objects = self._size = self._others = self._markers = 0
        self._noun = "object"
        self._kind = "prefix"

    def add(self, page: Sequence[Entry]) -> None:
        markers = sum(entry.delete_marker is True for entry in page)
        objects = [entry for entry in page if entry.type == "object" and entry.delete_marker is not True]
        self._markers += markers
        self._objects += len(objects)
        self._size += sum(entry.size or 0 for entry in objects)
        self._others += len(page) - len(objects) - markers
        if any(entry.version_id for entry in objects):
            self._noun = "version"
        if any(entry.type == "bucket" for entry in page):
            self._kind = "bucket"

    def line(self, truncated: bool) -> Line:
        """The last line of a listing."""
        parts = []
        if self._objects or not (self._others or self._markers):
            size = f"{self._size} bytes" if self._exact else size_text(self._size)
            parts.append(plural(self._objects, self._noun) + (f", {size}" if self._objects else ""))
        if self._markers:
            parts.append(plural(self._markers, "delete marker"))
        if self._others:
            ending = "es" if self._kind == "prefix" else "s"
            parts.append(plural(self._others, self._kind, self._kind + ending))
        text = ", ".join(parts) + (" · more objects exist; raise --limit" if truncated else "")
        return [(text, "faint")]


def _when(entry: Entry) -> str:
    return _when_text(entry.last_modified)


def _when_text(moment: str | None) -> str:
    return safe((moment or "").replace("T", " ").replace("+00:00", "Z"), 40)


def _amount(size: int | None, exact: bool) -> str:
    return str(size) if exact and size is not None else size_text(size)


def _cells(entry: Entry, long: bool, exact: bool) -> list[Cell]:
    kind = (
        _text(entry.format).upper()
        or KINDS.get(entry.type)
        or ("DELETED" if entry.delete_marker is True else "")
    )
    amount = kind or _amount(entry.size, exact)
    style = "group" if entry.type != "object" else "key"
    extra = (
        [(safe(entry.etag or ""), "faint"), (_text(entry.storage_class), "faint")] if long else [("", "")] * 2
    )
    key = safe(entry.key, LONGEST_KEY)
    version = _text(entry.version_id) + (" latest" if entry.is_latest is True else "")
    return [(amount, "size"), *extra, (version, "faint"), (key, style)]


def _text(value: object) -> str:
    return safe(value) if isinstance(value, str) else ""
