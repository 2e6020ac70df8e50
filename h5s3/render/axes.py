"""What line plots and heatmaps share: numbers, ticks, the frame and the lines of text around it.

plotext draws the frame and its ticks, for a canvas measured in cells. Where a tick goes and what it says is
found here, with exact arithmetic: plotext computes in 32 or 64 bits depending on its version, labels ticks at
numbers that are not round, and cannot tell apart values that are close compared with their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rich.cells import cell_len, set_cell_size

SMALLEST_WIDTH, SMALLEST_HEIGHT = 24, 8
_TO_ASCII = str.maketrans("─│└┤┬", "-|+|+")  # what the frame consists of
_MOST_DIGITS = 6  # of a tick label, before the part common to all moves to the label of the axis
_LONGEST_PLAIN = 8  # tick label, before powers of ten are used


def number(value: object) -> int | float | None:
    """The value as a plain Python number; None when it is missing, NaN or infinite."""
    if isinstance(value, int):
        return int(value)
    if value is None:
        return None
    real = float(value)  # type: ignore[arg-type]
    return real if math.isfinite(real) else None


def scale(low: float, high: float) -> Callable[[float], float]:
    """A function that maps low..high to 0..1 without overflow, and to the middle if both are equal."""
    if low == high:
        return lambda value: 0.5
    if math.isinf(float(high) - float(low)):
        return lambda value: (value / 2 - low / 2) / (high / 2 - low / 2)
    return lambda value: (value - low) / (high - low)


def shown(value: float) -> str:
    """A number for people: whole numbers in full, others with six digits."""
    if isinstance(value, int) and len(str(value)) <= 20:
        return str(value)
    return _short(f"{value:.6g}")


def shown_apart(low: float, high: float) -> tuple[str, str]:
    """Two numbers, with as many digits as it takes to see which one is larger."""
    texts = shown(low), shown(high)
    digits = 7
    while texts[0] == texts[1] and low != high and digits <= 17:
        texts = _short(f"{low:.{digits}g}"), _short(f"{high:.{digits}g}")
        digits += 1
    return texts


def missing_note(values: Sequence[object], known: int) -> str:
    """How many of the values cannot be drawn, or nothing if all are known."""
    if known == len(values):
        return ""
    infinite = any(value in (math.inf, -math.inf) for value in values)
    return f"{len(values) - known} of {len(values)} missing{' or infinite' * infinite}"


@dataclass(frozen=True)
class Axis:
    """The ticks of an axis, each a place (from 0 to 1, or in cells) and a text, and what to add to each."""

    ticks: list[tuple[float, str]]
    offset: str = ""

    def titled(self, label: str) -> str:
        """The label of the axis, with the offset if there is one."""
        return f"{label} ({self.offset})".lstrip() if self.offset else label

    def label_width(self) -> int:
        """The width of the widest label."""
        return max(len(text) for _, text in self.ticks)

    def moved(self, place: Callable[[float], float]) -> Axis:
        """The same labels at other places."""
        return replace(self, ticks=[(place(at), text) for at, text in self.ticks])


def axis(low: float, high: float, *, count: int, least_step: Fraction | int = 0) -> Axis:
    """About `count` intervals with ticks at round numbers, from the range low..high."""
    start, end = Fraction(str(low)), Fraction(str(high))  # 0.1 as the number that people see
    if start == end:
        text = shown(low)
        return Axis([(0.5, text)]) if len(text) <= 10 else Axis([(0.5, "+0")], _signed(text))
    wholes, exponent = _round_numbers(start, end, max((end - start) / max(1, count), Fraction(least_step)))
    places = [float((whole * Fraction(10) ** exponent - start) / (end - start)) for whole in wholes]
    if len(str(max(abs(wholes[0]), abs(wholes[-1])))) <= _MOST_DIGITS:
        return Axis(list(zip(places, _texts(wholes, exponent), strict=True)))
    texts = _texts([whole - wholes[0] for whole in wholes], exponent)
    ticks = [(place, f"+{text}") for place, text in zip(places, texts, strict=True)]
    return Axis(ticks, _signed(_exact(Decimal(wholes[0]).scaleb(exponent))))


def _round_numbers(start: Fraction, end: Fraction, step: Fraction) -> tuple[list[int], int]:
    """Round numbers from the range, about `step` apart and at least two, as integers and a power of ten."""
    digit, exponent = _round_up(step)
    while True:
        size = digit * Fraction(10) ** exponent
        wholes = range(math.ceil(start / size) * digit, math.floor(end / size) * digit + 1, digit)
        if len(wholes) >= 2:
            return list(wholes), exponent
        digit, exponent = {5: (2, exponent), 2: (1, exponent), 1: (5, exponent - 1)}[digit]


def _round_up(value: Fraction) -> tuple[int, int]:
    """The least of 1, 2 and 5 times a power of ten that is not below the value: digit and power."""
    exponent = math.floor(math.log10(value.numerator) - math.log10(value.denominator)) - 1
    while True:
        for digit in (1, 2, 5):
            if digit * Fraction(10) ** exponent >= value:
                return digit, exponent
        exponent += 1


def _texts(wholes: Sequence[int], exponent: int) -> list[str]:
    """The numbers whole * 10**exponent, all in one form: plain, or with powers of ten if that is shorter."""
    values = [Decimal(whole).scaleb(exponent) for whole in wholes]
    plain = [f"{value:.{max(0, -exponent)}f}" for value in values]
    if max(map(len, plain)) <= _LONGEST_PLAIN:
        return plain
    digits = max(len(str(abs(whole)).rstrip("0")) for whole in wholes)
    return [_short(f"{value:.{max(0, digits - 1)}e}") if value else "0" for value in values]


def _exact(value: Decimal) -> str:
    plain = f"{value.normalize():f}"
    return plain if len(plain) <= 20 else _short(f"{value.normalize():e}")


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def _short(text: str) -> str:
    """1e18 for 1e+18, 1e-9 for 1e-09."""
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


@dataclass(frozen=True)
class Page:
    """What is the same for every plot: its size, its style and its title."""

    width: int
    height: int
    color: bool
    unicode: bool
    title: str

    def too_small(self) -> bool:
        """Whether there is no room for a canvas within axes."""
        return self.width < SMALLEST_WIDTH or self.height < SMALLEST_HEIGHT

    def text(self, text: str) -> str:
        """A title or label on one line, with the characters that may be used."""
        text = " ".join(text.split())
        return text if self.unicode else text.encode("ascii", "replace").decode()

    def header(self, label: str) -> list[str]:
        """The title in the middle and the y label above its axis: on one line if both fit there."""
        title, label = self.text(self.title), self.text(label)
        start = (self.width - cell_len(title)) // 2
        if title and label and start >= cell_len(label) + 3:
            return [label + " " * (start - cell_len(label)) + title]
        title = self._cut(title, self.width)
        lines = [" " * ((self.width - cell_len(title)) // 2) + title, self._cut(label, self.width)]
        lines = [text for text in lines if text.strip()]
        return lines[: 2 if self.height >= SMALLEST_HEIGHT + 2 else 1]

    def footer(self, label: str, note: str, left: int) -> list[str]:
        """The x label below the middle of the canvas, which starts at `left`, and a note at the right."""
        if not label and not note:
            return []
        reserved = len(note) + 3 if note else 0
        label = self._cut(self.text(label), self.width - left - reserved)
        middle = left + (self.width - left - cell_len(label)) // 2
        text = " " * max(left, min(middle, self.width - reserved - cell_len(label))) + label
        return [self._cut(text + note.rjust(self.width - cell_len(text)), self.width)]

    def nothing(self, reason: str) -> str:
        """The title and a sentence, where there is nothing to draw."""
        lines = [self._cut(self.text(text), self.width) for text in (self.title, reason) if text]
        return self.joined(lines[-self.height :])

    def joined(self, lines: Iterable[str]) -> str:
        """The plot as one string."""
        text = "\n".join(line.rstrip(" ") for line in lines)
        return text if self.unicode else text.translate(_TO_ASCII)

    def _cut(self, text: str, width: int) -> str:
        if cell_len(text) <= width:
            return text
        end = "…" if self.unicode else "~"
        return set_cell_size(text, width - 1) + end if width > 0 else ""


def frame(columns: int, rows: int, x: Axis, y: Axis, draw: Callable[[Any], None] | None = None) -> list[str]:
    """A canvas with a y axis at its left and an x axis below; ticks are in cells from the lower left.

    `draw` gets the plotext figure, whose coordinates are cells as well. The canvas takes the first `rows`
    lines, each from column `y.label_width() + 1`.
    """
    import plotext

    # A figure and a terminal of our own: the global ones stay as they are, and no terminal limits the size.
    terminal = type(plotext.terminal)().limit(False, False)
    figure = type(plotext.figure)(parent=terminal).theme("colorless")
    figure.plot_size(columns + y.label_width() + 1, rows + 2)
    figure.axes(False, axis="x", side="upper").axes(False, axis="y", side="right")
    for name, ticks, size in (("x", x.ticks, columns), ("y", y.ticks, rows)):
        at = {min(int(place), size - 1): text for place, text in ticks}  # one tick per cell
        ruler = figure.ruler(name).lim(0, size).alignment(lim="edge")
        ruler.ticks([cell + 0.5 for cell in at], list(at.values()))
    if draw:
        draw(figure)
    lines: list[str] = figure.build().string(colorless=True).splitlines()
    return lines
