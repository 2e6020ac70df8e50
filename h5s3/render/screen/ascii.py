"""Pieces of a screen with nothing but ASCII, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.segment import Segment

from h5s3.render.text import to_ascii

_CELLS = str.maketrans(
    dict.fromkeys("╭╮╰╯┌┐┘├┼┴", "+")
    | dict.fromkeys("▁▂▃▄▅▆▇▏▎▍▌▋▊▉▔▕█", " ")  # ends of scroll bars, whose background tells
    | {"↑": "^", "↓": "v", "←": "<", "→": ">", "›": ">", "‹": "<", "▸": ">", "▾": "v", "•": "*"}
    | {"≤": "<", "≥": ">", "°": "'", "Ω": "O", "ß": "s"}
)


def ascii_segments(segments: Iterable[Segment]) -> list[Segment]:
    """The same pieces, each as wide as it was: one character for each cell."""
    return [
        segment if segment.text.isascii() else Segment(_ascii(segment.text), segment.style, segment.control)
        for segment in segments
    ]


def _ascii(text: str) -> str:
    return "".join(map(_character, text.translate(_CELLS)))


def _character(char: str) -> str:
    wide = cell_len(char)
    return char if char.isascii() else to_ascii(char)[:wide].ljust(wide, "?")
