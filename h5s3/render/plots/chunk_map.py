"""The chunks of a dataset: the first ones, and a map of its grid of chunks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from h5s3.records import Meta, StoredChunk
from h5s3.render.columns import Line, Row, align
from h5s3.render.plots.axes import Coordinates
from h5s3.render.plots.heatmap import heatmap
from h5s3.render.plots.plot_layout import Color, PlotLayout, style_of
from h5s3.render.plots.value_scale import ValueScale
from h5s3.sizes import size_text

SHOWN = 5  # chunks of which a line is shown
MOST_CELLS = 256  # of the map, along one dimension
HEADINGS = ("offset", "size", "filters left out")
PLAIN_WIDTH, MAP_HEIGHT = 80, 20
Grid = list[list[float | None]]


def chunk_lines(meta: Meta, width: int, most: int = SHOWN, exact: bool = False) -> list[Line]:
    """The first chunks, a line each; `exact`: sizes as numbers of bytes."""
    chunks = meta.chunk_index if isinstance(meta.chunk_index, list) else []
    if not chunks:
        return [[("  no chunk is stored: every value is the fill value", "faint")]]
    rows: list[Row] = [([("  chunk at", "faint")], [(heading, "faint") for heading in HEADINGS])]
    for chunk in chunks[:most]:
        left_out = f"{chunk.filter_mask:b}" if chunk.filter_mask else ""
        size = f"{chunk.size:,} B" if exact else size_text(chunk.size)
        texts = (str(chunk.offset), size, left_out)
        rows.append(([("  " + ",".join(map(str, chunk.coordinates)), "")], [(text, "") for text in texts]))
    lines = align(rows, width, [True, True, True])
    more = len(chunks) - most
    if more > 0:
        everything = "h5s3 meta --chunks --jsonl" if exact else "--jsonl"
        lines.append([(f"  … {more:,} more ({everything} shows all)", "faint")])
    if meta.chunk_index_truncated is True:
        lines.append([("  there are more chunks than were looked up", "faint")])
    return lines


def chunk_map(meta: Meta, console: Console) -> str:
    """Which chunks are stored, and how large: the last two dimensions of the grid, or the one, in rows."""
    width = console.width if console.is_terminal else PLAIN_WIDTH
    return map_text(meta, width, MAP_HEIGHT, *style_of(console))


def map_text(meta: Meta, width: int, height: int, color: Color, unicode: bool) -> str:
    """The same, fitted to a place of this size."""
    return grid_text(stored_sizes(meta), width, height, color, unicode)


def grid_text(grid: Grid, width: int, height: int, color: Color, unicode: bool) -> str:
    """The same of stored bytes."""
    layout = PlotLayout(width, height, color, unicode, "stored bytes of each chunk")
    known = [value for row in grid for value in row if value is not None]
    scale = ValueScale(low=0, high=max(known, default=0), units="B")
    x, y = Coordinates(range(len(grid[0]))), Coordinates(range(len(grid)))
    return heatmap(grid, layout, scale, x, y).text


def stored_sizes(meta: Meta) -> Grid:
    """Stored bytes by row and column of the grid of chunks; None where nothing is stored.

    The grid of the last two dimensions, with the mean over the others; one dimension is broken into rows. A
    grid of more than `MOST_CELLS` cells has some of them together.
    """
    shape, sizes = _grid(meta)
    chunks = meta.chunk_index if isinstance(meta.chunk_index, list) else []
    across = shape[-1] if len(shape) > 1 else min(shape[-1], max(8, int((2 * shape[-1]) ** 0.5)))
    down = shape[-2] if len(shape) > 1 else -(-shape[-1] // across)
    rows, columns = min(down, MOST_CELLS), min(across, MOST_CELLS)
    sums = [[0] * columns for _ in range(rows)]
    counts = [[0] * columns for _ in range(rows)]
    for chunk in chunks:
        row, column = _cell(chunk, sizes, across)
        row, column = min(row * rows // down, rows - 1), min(column * columns // across, columns - 1)
        sums[row][column] += chunk.size
        counts[row][column] += 1
    return [
        [total // count if count else None for total, count in zip(line, numbers, strict=True)]
        for line, numbers in zip(sums, counts, strict=True)
    ]


def _grid(meta: Meta) -> tuple[list[int], list[int]]:
    """Chunks along each dimension, and the shape of a chunk."""
    shape = meta.shape if isinstance(meta.shape, list) else []
    sizes = meta.chunks if isinstance(meta.chunks, list) else []
    return [max(1, -(-n // size)) for n, size in zip(shape, sizes, strict=True)], sizes


def _cell(chunk: StoredChunk, sizes: Sequence[int], across: int) -> tuple[int, int]:
    place = [at // size for at, size in zip(chunk.coordinates, sizes, strict=True)]
    return (place[-2], place[-1]) if len(place) > 1 else divmod(place[-1], across)
