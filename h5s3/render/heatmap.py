"""Heatmaps as text that fits a given number of terminal cells.

The frame is drawn by plotext, the cells are not: the heatmap of plotext gives each cell one colour, which
halves the rows that fit, takes its range from the data, has no missing values, no colour bar and no
characters for a terminal without colours, and does not resample.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from h5s3.render.axes import Axis, Page, axis, frame, missing_note, number, scale, shown_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[Any]

ASCII_RAMP = " .:-=+*#%@"
SHADES = " ░▒▓█"
# Viridis, sampled: perceptually uniform, and readable with any colour vision.
_STOPS = (
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
)
_COLORS = 256
_GRAY = "38;2;128;128;128"  # seen on a dark and on a light background
_RESET = "\x1b[0m"
_LONGEST_BAR = 32
_SHORTEST_BAR = 5


def heatmap(
    rows: Sequence[Sequence[float | None]],
    *,
    width: int,
    height: int,
    color: bool,
    unicode: bool,
    vmin: float | None = None,
    vmax: float | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Draw the rows, the first one at the top, in colours or characters from `vmin` to `vmax`, with a legend.

    The ranges are the coordinates of the first and the last column (row), by default their indices; `vmin`
    and `vmax` default to the extremes of the data. Missing values (None), NaN and infinities have a mark of
    their own. The rows are equally long. The text has at most `height` lines of at most `width` cells, and no
    line break at its end. The titles may hold any characters but control sequences.
    """
    page = Page(width, height, color, unicode, title)
    if page.too_small():
        return page.nothing("no room for a plot")
    values = [[number(value) for value in row] for row in rows]
    known = [value for row in values for value in row if value is not None]
    missing = missing_note([value for row in rows for value in row], len(known))
    if not known:
        return page.nothing(f"nothing to plot: {missing or 'no values'}")
    low, high = _limits(known, vmin, vmax)
    yaxis = _cell_axis(y_range, len(values), (height - 5) // 3)
    left = yaxis.label_width() + 1
    columns = fitted(len(values[0]), width - left)
    xaxis = _cell_axis(x_range, len(values[0]), columns // 10)
    header = page.header(yaxis.titled(ylabel))
    footer = page.footer(xaxis.titled(xlabel), "", left)
    per_line = 2 if color and unicode else 1
    used = fitted(len(values), (height - len(header) - len(footer) - 3) * per_line)
    lines = -(-used // per_line)

    xaxis = xaxis.moved(lambda share: share * columns)
    drawn = frame(columns, lines, xaxis, yaxis.moved(lambda share: lines - share * used / per_line))
    body = painted(resample(_levels(values, low, high), used, columns), color=color, unicode=unicode)
    drawn[:lines] = [text[:left] + cells for text, cells in zip(drawn, body, strict=False)]
    colors = legend(page, low, high, missing)
    return page.joined([*header, *drawn, *footer, colors])


def _limits(known: Sequence[float], vmin: float | None, vmax: float | None) -> tuple[float, float]:
    """The range of the colours: as wanted, else that of the data."""
    lowest, highest = number(vmin), number(vmax)
    low = min(known) if lowest is None else lowest
    high = max(known) if highest is None else highest
    return (low, high) if low <= high else (high, low)


def _cell_axis(ends: tuple[float, float] | None, count: int, ticks: int) -> Axis:
    """An axis for `count` rows or columns from the first coordinate to the last, with places from 0 to 1.

    A coordinate is that of the middle of its row or column.
    """
    first, last = (number(end) for end in ends) if ends else (0, count - 1)
    if first is None or last is None:
        first, last = 0, count - 1
    gap = abs(Fraction(str(last)) - Fraction(str(first))) / max(1, count - 1)
    made = axis(min(first, last), max(first, last), count=ticks, least_step=gap)
    if first > last:
        made = made.moved(lambda share: 1 - share)
    return made if count == 1 else made.moved(lambda share: (share * (count - 1) + 0.5) / count)


def _levels(values: Sequence[Sequence[float | None]], low: float, high: float) -> Grid:
    """The values from 0 (at `low`) to 1 (at `high`), NaN where there is none."""
    import numpy as np

    level = scale(low, high)
    levels = [[np.nan if value is None else level(value) for value in row] for row in values]
    clipped: Grid = np.clip(np.array(levels), 0.0, 1.0)
    return clipped


def fitted(count: int, available: int) -> int:
    """How many of the available cells to use for `count` rows: all, unless equal shares use most."""
    if count >= available:
        return available
    used = available // count * count
    return used if 3 * used >= 2 * available else available


def resample(levels: Grid, rows: int, columns: int) -> Grid:
    """The grid with that many rows and columns: area means where it shrinks, nearest cells where it grows.

    Missing cells (NaN) take no part in a mean. A result is missing where less than half of its area is known,
    or in a sparse grid less than its usual share, so that neither thin gaps nor lone values take over.
    """
    import numpy as np

    known = ~np.isnan(levels)
    share = _resized(_resized(known.astype(float), rows).T, columns).T
    total = _resized(_resized(np.where(known, levels, 0.0), rows).T, columns).T
    enough = (share > 1e-9) & (share >= min(0.5, float(known.mean())) - 1e-9)
    return np.where(enough, total / np.where(enough, share, 1.0), np.nan)


def _resized(grid: Grid, wanted: int) -> Grid:
    """The grid with that many rows: means of the rows that each covers, or the nearest rows."""
    import numpy as np

    count = len(grid)
    if wanted >= count:
        nearest: Grid = grid[(2 * np.arange(wanted) + 1) * count // (2 * wanted)]
        return nearest
    sums = np.concatenate([np.zeros_like(grid[:1]), np.cumsum(grid, axis=0)])
    edges = np.arange(wanted + 1) * (count / wanted)
    whole = np.minimum(edges.astype(int), count - 1)
    up_to_edges = sums[whole] + (edges - whole)[:, None] * grid[whole]
    means: Grid = np.diff(up_to_edges, axis=0) * (wanted / count)
    return means


def missing_mark(*, unicode: bool) -> str:
    """The character that stands for a missing value; it is in no ramp."""
    return "·" if unicode else "/"


def painted(grid: Grid, *, color: bool, unicode: bool) -> list[str]:
    """The grid of levels (0 to 1, NaN where missing) as lines; two rows per line with unicode and color."""
    if not color:
        ramp, mark = SHADES if unicode else ASCII_RAMP, missing_mark(unicode=unicode)
        return ["".join(mark if n < 0 else ramp[n] for n in row) for row in _steps(grid, len(ramp))]
    steps = _steps(grid, _COLORS)
    if not unicode:
        return [_joined([_block(step) for step in row]) for row in steps]
    steps += [[-1] * len(steps[0])] * (len(steps) % 2)
    return [
        _joined([_half_blocks(top, bottom) for top, bottom in zip(*pair, strict=True)])
        for pair in zip(steps[::2], steps[1::2], strict=True)
    ]


def legend(page: Page, low: float, high: float, missing: str) -> str:
    """One line: the colours or characters from `low` to `high`, and how missing values look, if any."""
    first, last = shown_apart(low, high)
    around = len(first) + len(last) + (2 if page.color else 4)
    if around + _SHORTEST_BAR > page.width:
        return f"{low:.3g}..{high:.3g}"[: page.width]
    mark = missing_mark(unicode=page.unicode)
    note = f"   {mark} {missing}" if missing else ""
    if around + _SHORTEST_BAR + len(note) > page.width:
        note = ""
    if page.color and note:
        note = f"   \x1b[{_GRAY}m{mark}{_RESET} {missing}"
    length = min(_LONGEST_BAR, page.width - around - (len(missing) + 5 if note else 0))
    levels = [0.5] * _SHORTEST_BAR if low == high else [i / (length - 1) for i in range(length)]
    if page.color:
        bar = _joined([_block(round(level * (_COLORS - 1))) for level in levels])
    else:
        ramp = SHADES if page.unicode else ASCII_RAMP
        bar = "[" + "".join(ramp[min(int(level * len(ramp)), len(ramp) - 1)] for level in levels) + "]"
    return (f"{bar} {last}" if low == high else f"{first} {bar} {last}") + note


def _steps(grid: Grid, count: int) -> list[list[int]]:
    """Each level as a step from 0 to count - 1, -1 where it is missing."""
    import numpy as np

    missing = np.isnan(grid)
    scaled = np.where(missing, 0.0, grid) * count
    steps: list[list[int]] = np.where(missing, -1, np.minimum(scaled.astype(int), count - 1)).tolist()
    return steps


def _rgb(step: int) -> str:
    """The colour of a step, as the numbers of a 24-bit colour sequence."""
    whole, part = divmod(step * (len(_STOPS) - 1), _COLORS - 1)
    first, second = _STOPS[whole], _STOPS[min(whole + 1, len(_STOPS) - 1)]
    share = part / (_COLORS - 1)
    return ";".join(str(round(a + (b - a) * share)) for a, b in zip(first, second, strict=True))


def _block(step: int) -> tuple[str, str]:
    """A cell of one colour: its style and its character."""
    return (_GRAY, missing_mark(unicode=False)) if step < 0 else (f"48;2;{_rgb(step)}", " ")


def _half_blocks(top: int, bottom: int) -> tuple[str, str]:
    """A cell of two colours, one above the other; a missing half shows the background of the terminal."""
    if top < 0 and bottom < 0:
        return _GRAY, missing_mark(unicode=True)
    if bottom < 0:
        return f"38;2;{_rgb(top)}", "▀"
    if top < 0:
        return f"38;2;{_rgb(bottom)}", "▄"
    return f"38;2;{_rgb(top)};48;2;{_rgb(bottom)}", "▀"


def _joined(cells: Sequence[tuple[str, str]]) -> str:
    """The cells as one string that switches style only where it changes."""
    parts: list[str] = []
    current = ""
    for style, character in cells:
        if style != current:
            parts.append(f"\x1b[0;{style}m")
            current = style
        parts.append(character)
    return "".join(parts) + _RESET
