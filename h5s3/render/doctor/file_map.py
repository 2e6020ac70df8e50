"""A file drawn by offset: where its metadata lie among the data."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from h5s3.records.doctor import Extent, FileLayout
from h5s3.sizes import size_text

UNICODE, ASCII = "█▒░·", "M+-."  # metadata, both, data, neither
STYLES = ("bold red", "magenta", "blue", "dim")
NAMES = ("metadata", "metadata and data", "data", "free, or not seen")
ROWS, MOST_COLUMNS = 2, 200


def strip_lines(layout: FileLayout, width: int, unicode: bool) -> list[Text]:
    """The strip in a few lines, and what its signs mean. Nothing for an empty file."""
    columns = max(10, min(width - 2, MOST_COLUMNS))
    if not layout.size or not layout.extents:
        return []
    kinds = cells(layout.extents, layout.size, columns * ROWS)
    signs = UNICODE if unicode else ASCII
    lines = []
    for start in range(0, len(kinds), columns):
        line = Text("  ")
        for kind in kinds[start : start + columns]:
            line.append(signs[kind], STYLES[kind])
        lines.append(line)
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
