"""Listings for people."""

from __future__ import annotations

from h5s3.records import Entry, Listing
from h5s3.render.columns import Cell, Line, Row, align, print_lines
from h5s3.render.console import stdout
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text


def show_listing(listing: Listing, long: bool) -> None:
    """Date, size and name of each entry, and a total."""
    console = stdout()
    print_lines(console, listing_lines(listing, long, console.width), fold=True)


def listing_lines(listing: Listing, long: bool, width: int) -> list[Line]:
    """The lines of a listing."""
    rows: list[Row] = [([_when(entry)], _cells(entry, long)) for entry in listing.entries]
    return [*align(rows, width, [True, False, False, False, False]), _total(listing)]


def _when(entry: Entry) -> Cell:
    text = (entry.last_modified or "").replace("T", " ").replace("+00:00", "Z")
    return (safe(text, 40), "faint")


def _cells(entry: Entry, long: bool) -> list[Cell]:
    amount = {"prefix": "PREFIX", "bucket": "BUCKET"}.get(entry.type) or (
        "DELETED" if entry.delete_marker is True else size_text(entry.size)
    )
    style = "group" if entry.type != "object" else "key"
    extra = (
        [(safe(entry.etag or ""), "faint"), (_text(entry.storage_class), "faint")] if long else [("", "")] * 2
    )
    return [(amount, "size"), *extra, (_text(entry.version_id), "faint"), (safe(entry.key, 2000), style)]


def _text(value: object) -> str:
    return safe(value) if isinstance(value, str) else ""


def _total(listing: Listing) -> Line:
    objects = [entry for entry in listing.entries if entry.type == "object"]
    others = len(listing.entries) - len(objects)
    parts = [
        plural(len(objects), "object")
        + (f", {size_text(sum(e.size or 0 for e in objects))}" if objects else "")
    ]
    if not objects and others:
        parts = []
    if others:
        kind = "bucket" if any(e.type == "bucket" for e in listing.entries) else "prefix"
        parts.append(plural(others, kind, kind + ("es" if kind == "prefix" else "s")))
    text = ", ".join(parts) + (" · more objects exist; raise --limit" if listing.truncated else "")
    return [(text, "faint")]
