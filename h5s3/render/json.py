"""Records as JSON, on standard output, without rich, whose import takes as long as a warm command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from h5s3.records import Record, to_json, to_json_lines
from h5s3.render.text import printable_json, safe_json


def show_json(record: Record) -> None:
    """Print exactly one JSON document, on a line of its own."""
    show_json_pieces([to_json(record)])


def show_json_pieces(pieces: Iterable[bytes]) -> None:
    """Print one JSON document as it arrives, on a line of its own."""
    for piece in pieces:
        _write(piece if printable_json(piece) else safe_json(piece))
    _write(b"\n")


def show_json_lines(records: Sequence[Record]) -> None:
    """Print each record as JSON on a line of its own."""
    lines = to_json_lines(records)
    if not printable_json(lines):
        lines = b"".join(safe_json(line) + b"\n" for line in lines.splitlines())
    _write(lines)


def _write(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
