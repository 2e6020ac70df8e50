"""Axes of plots: ticks at round numbers or dates, and the coordinates along an axis.

plotext draws ticks, but where they go and what they say is found here, with exact arithmetic: plotext
computes in 32 or 64 bits depending on its version, labels ticks at numbers that are not round, and cannot
tell apart values that are close compared with their size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from rich.cells import cell_len, set_cell_size

from h5s3.records import UNSET, Axis, UnsetType
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.render.text import safe, titled
from h5s3.render.value_text import shorten_dates

_MOST_DIGITS = 6  # of a tick label, before the part common to all moves to the label of the axis
_LONGEST_PLAIN = 8  # tick label, before powers of ten are used
LONGEST_LABEL = 60
_LONGEST_TICK = 24
_FEWEST = 3  # ticks, where they are at round dates
_DAY = re.compile(r"-?\d{4,}-\d\d-\d\d( |\Z)")


def finite_number(value: object) -> int | float | None:
    """The value as a plain Python number; None when it is missing, NaN or infinite."""
    if isinstance(value, int):
        return int(value)
    if value is None:
        return None
    real = float(value)  # type: ignore[arg-type]
    return real if math.isfinite(real) else None


def linear_scale(low: float, high: float) -> Callable[[float], float]:
    """A function that maps low..high to 0..1 without overflow, and to the middle if both are equal."""
    if low == high:
        return lambda value: 0.5
    if math.isinf(float(high) - float(low)):
        return lambda value: (value / 2 - low / 2) / (high / 2 - low / 2)
    return lambda value: (value - low) / (high - low)


def log_scale(low: float, high: float) -> Callable[[float], float]:
    """The same for positive numbers, in powers: the middle of 1 and 100 is 10. NaN for others."""
    place = linear_scale(math.log10(low), math.log10(high))
    return lambda value: place(math.log10(value)) if value > 0 else math.nan


def number_label(value: float) -> str:
    """A number for people: whole numbers in full, others with six digits."""
    if isinstance(value, int) and len(str(value)) <= 20:
        return str(value)
    return _short(f"{value:.6g}")


def distinct_labels(low: float, high: float) -> tuple[str, str]:
    """Two numbers, with as many digits as it takes to see which one is larger."""
    texts = number_label(low), number_label(high)
    digits = 7
    while texts[0] == texts[1] and low != high and digits <= 17:
        texts = _short(f"{low:.{digits}g}"), _short(f"{high:.{digits}g}")
        digits += 1
    return texts


@dataclass(frozen=True)
class AxisTicks:
    """The ticks of an axis, each a place (from 0 to 1, or in cells) and a text, and what to add to each."""

    ticks: list[tuple[float, str]]
    offset: str = ""

    def titled(self, label: str) -> str:
        """The label of the axis, with the offset if there is one."""
        return f"{label} ({self.offset})".lstrip() if self.offset else label

    def label_width(self) -> int:
        """The width of the widest label."""
        return max((cell_len(text) for _, text in self.ticks), default=0)

    def moved(self, place: Callable[[float], float]) -> AxisTicks:
        """The same labels at other places."""
        return replace(self, ticks=[(place(at), text) for at, text in self.ticks])


def linear_ticks(low: float, high: float, *, count: int, least_step: Fraction | int = 0) -> AxisTicks:
    """About `count` intervals with ticks at round numbers, from the range low..high."""
    start, end = Fraction(str(low)), Fraction(str(high))  # 0.1 as the number that people see
    if start == end:
        text = number_label(low)
        return AxisTicks([(0.5, text)]) if len(text) <= 10 else AxisTicks([(0.5, "+0")], _signed(text))
    wholes, exponent = _round_numbers(start, end, max((end - start) / max(1, count), Fraction(least_step)))
    places = [float((whole * Fraction(10) ** exponent - start) / (end - start)) for whole in wholes]
    if len(str(max(abs(wholes[0]), abs(wholes[-1])))) <= _MOST_DIGITS:
        return AxisTicks(list(zip(places, _texts(wholes, exponent), strict=True)))
    texts = _texts([whole - wholes[0] for whole in wholes], exponent)
    ticks = [(place, f"+{text}") for place, text in zip(places, texts, strict=True)]
    return AxisTicks(ticks, _signed(_exact(Decimal(wholes[0]).scaleb(exponent))))


def log_ticks(low: float, high: float, *, count: int) -> AxisTicks:
    """Ticks at powers of ten (between them at 2 and 5 times a power, where there are few), from low..high."""
    place = log_scale(low, high)
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    if len(powers) >= 2:
        every = -(-len(powers) // max(2, count + 1))
        places = [min(1.0, max(0.0, place(float(f"1e{n}")))) for n in powers]
        return AxisTicks([(at, _power(n, powers)) for at, n in zip(places, powers, strict=True)][::every])
    first = math.floor(math.log10(low))
    steps = [float(f"{digit}e{n}") for n in range(first, first + 3) for digit in (1, 2, 5)]
    steps = [step for step in steps if low <= step <= high]
    if len(steps) >= 2:
        return AxisTicks([(place(step), number_label(step)) for step in steps])
    ends = distinct_labels(low, high)
    return AxisTicks([(0.5, ends[0])]) if low == high else AxisTicks([(0.0, ends[0]), (1.0, ends[1])])


def _power(exponent: int, powers: Sequence[int]) -> str:
    """A power of ten in the form of its neighbours: plain if all of them are short."""
    if -4 <= powers[0] and powers[-1] <= 5:
        return f"{10**exponent}" if exponent >= 0 else f"{10.0**exponent:.{-exponent}f}"
    return f"1e{exponent}"


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
class Coordinates:
    """The places of what is drawn along one axis, rising or falling, and texts for them, if any.

    `known`: they are coordinates, not indices.
    """

    values: Sequence[int | float]
    texts: Sequence[str] = ()
    label: str = ""
    known: bool = False

    @classmethod
    def of(cls, record: Axis | UnsetType, count: int) -> Coordinates:
        """What a record says; indices where its coordinates are of no use for an axis."""
        if record is UNSET:
            return cls(range(count))
        name = safe(record.label, LONGEST_LABEL) if record.label is not UNSET and record.label else ""
        values = [] if record.values is UNSET else [finite_number(value) for value in record.values]
        texts = [] if record.texts is UNSET else [safe(text, LONGEST_LABEL) for text in record.texts]
        known = [value for value in values if value is not None]
        meant = len(known) == len(values) == count and in_order(known)
        if meant:
            units = "" if texts or record.units is UNSET else record.units
            places: Sequence[int | float] = known
        elif texts and len(texts) == count and not values:
            units, places = "", range(count)
        else:
            units, texts, places = "", [], [record.start + i * record.step for i in range(count)]
            name = f"{name}, index" if name and values else name
        if len(texts) != count:
            texts = []
        texts, common = shorten_dates(texts)
        label = titled(name or f"dimension {record.dimension}", safe(units, 40) or common)
        return cls(places, texts, label, meant)

    @property
    def upward(self) -> bool:
        """Whether coordinates rise, which on an upright axis they do from the bottom."""
        return self.known and len(self.values) > 1 and self.values[0] < self.values[-1]

    def turned(self) -> Coordinates:
        """The same from the last to the first."""
        return replace(self, values=self.values[::-1], texts=self.texts[::-1])

    def evenly_spaced(self, cells: int) -> bool:
        """Whether the places are evenly spaced, to half a cell where so many show them all."""
        first, last, steps = self.values[0], self.values[-1], len(self.values) - 1
        if isinstance(self.values, range) or steps < 2:
            return True
        if not math.isfinite(last - first):
            return False
        most = abs(last - first) / cells / 2
        return all(
            abs(value - first - (last - first) * i / steps) <= most for i, value in enumerate(self.values)
        )

    def cell_ticks(self, layout: PlotLayout, cells: int, *, upright: bool = False) -> AxisTicks:
        """Ticks where every value has a cell of the same size; places from 0 to 1."""
        count = len(self.values)
        if self.texts or not self.evenly_spaced(cells):
            return self._tick_texts(layout, [(i + 0.5) / count for i in range(count)], cells, upright)
        first, last = self.values[0], self.values[-1]
        gap = abs(Fraction(str(last)) - Fraction(str(first))) / max(1, count - 1)
        ticks = cells // 3 if upright else cells // 10
        made = linear_ticks(min(first, last), max(first, last), count=ticks, least_step=gap)
        if first > last:
            made = made.moved(lambda share: 1 - share)
        return made if count == 1 else made.moved(lambda share: (share * (count - 1) + 0.5) / count)

    def point_ticks(self, layout: PlotLayout, cells: int, across: Callable[[float], float]) -> AxisTicks:
        """Ticks where every value has a place of its own, which `across` gives from 0 to 1."""
        if self.texts:
            return self._tick_texts(layout, [across(value) for value in self.values], cells, False)
        low, high = sorted((self.values[0], self.values[-1]))
        whole = all(float(value).is_integer() for value in self.values)
        made = linear_ticks(low, high, count=cells // 12, least_step=int(whole))
        return made.moved(lambda share: 1 - share) if self.values[0] > self.values[-1] else made

    def _tick_texts(
        self, layout: PlotLayout, places: Sequence[float], cells: int, upright: bool
    ) -> AxisTicks:
        """Texts at as many of the places as have room, regularly spaced if possible."""
        texts = [layout.text(text) for text in self.texts] or [number_label(value) for value in self.values]
        texts = [layout.cut(text, min(_LONGEST_TICK, max(6, layout.width // 4))) for text in texts]
        at = [place * cells for place in places]
        need = 3.0 if upright else max(map(cell_len, texts)) + 3.0
        chosen = _calendar(texts, at, need) or _regular(at, need) or _greedy(at, need)
        kept, common = shorten_dates([texts[i] for i in chosen])  # every tick may be at midnight
        return AxisTicks(
            [(places[i], texts[i] if common else text) for i, text in zip(chosen, kept, strict=True)]
        )


def in_order(values: Sequence[float]) -> bool:
    """Whether values only rise or only fall."""
    pairs = list(pairwise(values))
    return all(a < b for a, b in pairs) or all(a > b for a, b in pairs)


def _calendar(texts: Sequence[str], at: Sequence[float], need: float) -> list[int]:
    """Places of dates: all, or midnights, or the first of months or of years; nothing for other texts."""
    ends = ("", " 00:00", "-01", "-01 00:00", "-01-01", "-01-01 00:00")
    if not all(_DAY.match(text) for text in texts):
        return []
    sets = [[i for i, text in enumerate(texts) if text.endswith(end)] for end in ends]
    thinned = [chosen[::every] for chosen in sets[1:] for every in (2, 5, 10, 20)]
    for chosen in (*sets, *thinned):
        if len(chosen) >= _FEWEST and all(abs(at[b] - at[a]) >= need for a, b in pairwise(chosen)):
            return chosen
    return []


def _regular(at: Sequence[float], need: float) -> list[int]:
    """Every n-th place, n a round number, so that neighbours are so far apart; nothing if too few are."""
    for power in range(6):
        for digit in (1, 2, 5):
            chosen = list(range(0, len(at), digit * 10**power))
            if all(abs(at[b] - at[a]) >= need for a, b in pairwise(chosen)):
                return chosen if len(chosen) > 2 or len(at) <= 2 else []
    return []


def _greedy(at: Sequence[float], need: float) -> list[int]:
    """Places so far apart, from the first on."""
    chosen: list[int] = []
    for i, place in enumerate(at):
        if not chosen or abs(place - at[chosen[-1]]) >= need:
            chosen.append(i)
    return chosen


def load() -> None:
    """Import what draws frames."""
    import plotext  # noqa: F401


def frame(
    columns: int, rows: int, x: AxisTicks, y: AxisTicks, draw: Callable[[Any], None] | None = None
) -> list[str]:
    """A canvas with a y axis at its left and an x axis below; ticks are in cells from the lower left.

    `draw` gets the plotext figure, whose coordinates are cells as well. The canvas takes the first `rows`
    lines, each from column `y.label_width() + 1`.
    """
    import plotext

    # A figure and a terminal of our own: the global ones stay as they are, and no terminal limits the size.
    terminal = type(plotext.terminal)().limit(False, False)
    figure = type(plotext.figure)(parent=terminal).theme("colorless")
    width = columns + y.label_width() + 1
    figure.plot_size(width, rows + 2)
    figure.axes(False, axis="x", side="upper").axes(False, axis="y", side="right")
    for name, ticks, size in (("x", x.ticks, columns), ("y", y.ticks, rows)):
        at = {min(int(place), size - 1): text for place, text in ticks}  # one tick per cell
        ruler = figure.ruler(name).lim(0, size).alignment(lim="edge")
        ruler.ticks([cell + 0.5 for cell in at], list(at.values()))
    if draw:
        draw(figure)
    lines: list[str] = figure.build().string(colorless=True).splitlines()
    # a character of two cells in a tick's text at the edge is one too many for plotext
    return [set_cell_size(line, width) if cell_len(line) > width else line for line in lines]
