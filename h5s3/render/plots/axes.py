"""What line plots and heatmaps share: numbers, scales, and ticks at round numbers.

plotext draws ticks, but where they go and what they say is found here, with exact arithmetic: plotext
computes in 32 or 64 bits depending on its version, labels ticks at numbers that are not round, and cannot
tell apart values that are close compared with their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from rich.cells import cell_len

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


def log_scale(low: float, high: float) -> Callable[[float], float]:
    """The same for positive numbers, in powers: the middle of 1 and 100 is 10. NaN for others."""
    place = scale(math.log10(low), math.log10(high))
    return lambda value: place(math.log10(value)) if value > 0 else math.nan


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
        return max((cell_len(text) for _, text in self.ticks), default=0)

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


def log_axis(low: float, high: float, *, count: int) -> Axis:
    """Ticks at powers of ten (between them at 2 and 5 times a power, where there are few), from low..high."""
    place = log_scale(low, high)
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    if len(powers) >= 2:
        every = -(-len(powers) // max(2, count + 1))
        return Axis([(_within(place(float(f"1e{n}"))), _power(n, powers)) for n in powers[::every]])
    first = math.floor(math.log10(low))
    steps = [float(f"{digit}e{n}") for n in range(first, first + 3) for digit in (1, 2, 5)]
    steps = [step for step in steps if low <= step <= high]
    if len(steps) >= 2:
        return Axis([(place(step), shown(step)) for step in steps])
    ends = shown_apart(low, high)
    return Axis([(0.5, ends[0])]) if low == high else Axis([(0.0, ends[0]), (1.0, ends[1])])


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))


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
