"""What lies along the axes of a plot: indices, coordinates, dates or names, and where their ticks go."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from rich.cells import cell_len

from h5s3.records import UNSET
from h5s3.records import Axis as AxisRecord
from h5s3.render.plots.axes import Axis, axis, number, shown
from h5s3.render.plots.plot_layout import Page
from h5s3.render.text import safe

LONGEST_LABEL = 60
_LONGEST_TICK = 24
_FEWEST = 3  # ticks, where they are at round dates
_DAY = re.compile(r"-?\d{4,}-\d\d-\d\d( |\Z)")
_DATE = re.compile(r"(-?\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|[+-]\d\d:?\d\d)?\Z")


@dataclass(frozen=True)
class Along:
    """The places of what is drawn along one axis, rising or falling, and texts for them, if any."""

    values: Sequence[int | float]
    texts: Sequence[str] = ()
    label: str = ""

    @classmethod
    def of(cls, record: AxisRecord | None, count: int) -> Along:
        """What a record says; indices where its coordinates are of no use for an axis."""
        if record is None:
            return cls(range(count))
        name = safe(record.label, LONGEST_LABEL) if record.label is not UNSET and record.label else ""
        values = [] if record.values is UNSET else [number(value) for value in record.values]
        texts = [] if record.texts is UNSET else [safe(text, LONGEST_LABEL) for text in record.texts]
        known = [value for value in values if value is not None]
        if len(known) == len(values) == count and in_order(known):
            units = "" if texts or record.units is UNSET else record.units
            places: Sequence[int | float] = known
        elif texts and len(texts) == count and not values:
            units, places = "", range(count)
        else:
            units, texts, places = "", [], [record.start + i * record.step for i in range(count)]
            name = f"{name}, index" if name and values else name
        if len(texts) != count:
            texts = []
        texts, common = shortened(texts)
        label = titled(name or f"dimension {record.dimension}", safe(units, 40) or common)
        return cls(places, texts, label)

    def evenly(self, cells: int) -> bool:
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

    def cell_axis(self, page: Page, cells: int, *, upright: bool = False) -> Axis:
        """Ticks where every value has a cell of the same size; places from 0 to 1."""
        count = len(self.values)
        if self.texts or not self.evenly(cells):
            return self._tick_texts(page, [(i + 0.5) / count for i in range(count)], cells, upright)
        first, last = self.values[0], self.values[-1]
        gap = abs(Fraction(str(last)) - Fraction(str(first))) / max(1, count - 1)
        ticks = cells // 3 if upright else cells // 10
        made = axis(min(first, last), max(first, last), count=ticks, least_step=gap)
        if first > last:
            made = made.moved(lambda share: 1 - share)
        return made if count == 1 else made.moved(lambda share: (share * (count - 1) + 0.5) / count)

    def point_axis(self, page: Page, cells: int, across: Callable[[float], float]) -> Axis:
        """Ticks where every value has a place of its own, which `across` gives from 0 to 1."""
        if self.texts:
            return self._tick_texts(page, [across(value) for value in self.values], cells, False)
        low, high = sorted((self.values[0], self.values[-1]))
        whole = all(float(value).is_integer() for value in self.values)
        made = axis(low, high, count=cells // 12, least_step=int(whole))
        return made.moved(lambda share: 1 - share) if self.values[0] > self.values[-1] else made

    def _tick_texts(self, page: Page, places: Sequence[float], cells: int, upright: bool) -> Axis:
        """Texts at as many of the places as have room, regularly spaced if possible."""
        texts = [page.text(text) for text in self.texts] or [shown(value) for value in self.values]
        texts = [page.cut(text, min(_LONGEST_TICK, max(6, page.width // 4))) for text in texts]
        at = [place * cells for place in places]
        need = 3.0 if upright else max(map(cell_len, texts)) + 3.0
        chosen = _calendar(texts, at, need) or _regular(at, need) or _greedy(at, need)
        kept, common = shortened([texts[i] for i in chosen])  # every tick may be at midnight
        return Axis([(places[i], texts[i] if common else text) for i, text in zip(chosen, kept, strict=True)])


def in_order(values: Sequence[float]) -> bool:
    """Whether values only rise or only fall."""
    pairs = list(pairwise(values))
    return all(a < b for a, b in pairs) or all(a > b for a, b in pairs)


def titled(name: str, units: str) -> str:
    """A name with its units."""
    return f"{name} [{units}]" if name and units else name or (f"[{units}]" if units else "")


def shortened(texts: Sequence[str]) -> tuple[list[str], str]:
    """Dates without what all of them share, and what that is if it is needed: the day of times."""
    matches = [_DATE.match(text) for text in texts]
    found = [match for match in matches if match]
    if not found or len(found) < len(texts):
        return list(texts), ""
    dates, times = [match[1] for match in found], [match[2] for match in found]
    times = _short_times(times)
    if len(set(dates)) == 1 and len(dates) > 1:
        return times, dates[0]
    if set(times) == {"00:00"}:
        return _short_dates(dates), ""
    return [f"{date} {time}" for date, time in zip(dates, times, strict=True)], ""


def _short_times(times: Sequence[str]) -> list[str]:
    """Without seconds where all are full minutes."""
    return [time[:5] for time in times] if all(time[5:].strip(":.0") == "" for time in times) else list(times)


def _short_dates(dates: Sequence[str]) -> list[str]:
    """Months or years, where every date is the first of one."""
    for end in ("-01-01", "-01"):
        if len(dates) > 1 and all(date.endswith(end) for date in dates):
            return [date.removesuffix(end) for date in dates]
    return list(dates)


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
    chosen = [0] if at else []
    for i in range(1, len(at)):
        if abs(at[i] - at[chosen[-1]]) >= need:
            chosen.append(i)
    return chosen
