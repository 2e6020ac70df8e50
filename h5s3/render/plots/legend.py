"""The last line of a heatmap: what its colours or characters stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from rich.cells import cell_len

from h5s3.render.plots.axes import shown, shown_apart
from h5s3.render.plots.colors import GRAY, STEPS, colored, joined, shade
from h5s3.render.plots.glyphs import block, missing_mark, ramp, swatch
from h5s3.render.plots.plot_layout import Page
from h5s3.render.plots.value_scale import Meaning

_LONGEST_BAR = 32
_SHORTEST_BAR = 5
_NAME_LENGTHS = (40, 30, 24, 20, 16, 12, 10, 8)
ROBUST = "2-98 % of the values"


def bar(page: Page, meaning: Meaning, known: Sequence[float], missing: str) -> str:
    """The colours from the lowest to the highest value, their units, and how missing values look, if any."""
    low, high = meaning.limits(known)
    first, last = _ends(page, meaning, low, high, known)
    middle = _middle(low, high) if meaning.log else ""
    around = len(first) + len(last) + len(middle) + (2 if page.color else 4) + (4 if middle else 0)
    if around + _SHORTEST_BAR > page.width:
        return page.text(f"{low:.3g}..{high:.3g}")[: page.width]
    room = page.width - around - _SHORTEST_BAR
    units = " " + page.text(meaning.units) if meaning.units else ""
    units = units if cell_len(units) <= room else ""
    notes = _fitting(_notes(meaning, missing), room - cell_len(units))
    taken = cell_len(units) + sum(len(text) + 3 for text in notes) + (2 if notes else 0)
    length = min(_LONGEST_BAR, room + _SHORTEST_BAR - taken)
    drawn = _drawn(page, low, high, length, middle)
    ends = f"{drawn} {last}" if low == high else f"{first} {drawn} {last}"
    return ends + units + "".join("   " + _marked(page, text, missing) for text in notes)


def names(page: Page, meaning: Meaning, missing: str) -> str:
    """The categories with their colours or characters, as many as have room."""
    noted = bool(missing) and len(missing) + 25 < page.width
    end = "…" if page.unicode else "..."
    room = page.width - (len(missing) + 5 if noted else 0)
    texts, count = [page.text(name) for name, _ in meaning.categories], len(meaning.categories)
    around = 5 if page.color else 4  # cells of a swatch and of the blanks
    for longest in _NAME_LENGTHS:
        cut = [page.cut(text, longest) for text in texts]
        if sum(cell_len(text) + around for text in cut) - 2 <= room:
            break
    else:
        ends = list(accumulate(cell_len(text) + around for text in cut))
        cut = [text for text, at in zip(cut, ends, strict=True) if at + len(end) <= room]
    parts = [f"{swatch(index, count, page)} {text}" for index, text in enumerate(cut)]
    parts += [end] if len(cut) < count and room >= len(end) else []
    if noted:
        mark = missing_mark(unicode=page.unicode)
        parts.append(f" {colored(page.color, GRAY, mark)} {missing}")
    return "  ".join(parts)


def _ends(page: Page, meaning: Meaning, low: float, high: float, known: Sequence[float]) -> tuple[str, str]:
    """The two limits; marked where values beyond them take the last colour."""
    first, last = meaning.dates or limit_texts(meaning, low, high)
    first, last = page.text(first), page.text(last)
    if low != high:
        first = page.text("≤" + first) if min(known) < low else first
        last = page.text("≥" + last) if max(known) > high else last
    return first, last


def limit_texts(meaning: Meaning, low: float, high: float) -> tuple[str, str]:
    """The limits as numbers; percentiles not more exactly than they mean something."""
    if meaning.robust:
        first, last = (
            f"{round(v)}" if 1e4 <= abs(v) < 1e7 else shown(float(f"{v:.4g}")) for v in (low, high)
        )
        if first != last:
            return first, last
    return shown_apart(low, high)


def _notes(meaning: Meaning, missing: str) -> list[str]:
    """What is to be said of the scale, the most important first."""
    notes = [missing, ROBUST if meaning.robust else "", "logarithmic" if meaning.log else ""]
    return [note for note in notes if note]


def _fitting(notes: Sequence[str], room: int) -> list[str]:
    """The notes that have room; a note on missing values has their mark before it."""
    chosen: list[str] = []
    for note in notes:
        need = len(note) + (3 if chosen else 5)
        if need <= room:
            chosen.append(note)
            room -= need
    return chosen[::-1]  # the missing values, which have a mark, are last


def _marked(page: Page, note: str, missing: str) -> str:
    if note != missing:
        return note
    return f"{colored(page.color, GRAY, missing_mark(unicode=page.unicode))} {note}"


def _middle(low: float, high: float) -> str:
    """The decade in the middle of the limits, if it is between them."""
    exponent = round((math.log10(low) + math.log10(high)) / 2)
    decade = 10**exponent if exponent >= 0 else float(f"1e{exponent}")
    inside = low * 2 < decade < high / 2
    return (shown(decade) if abs(exponent) <= 5 else f"1e{exponent}") if inside else ""


def _drawn(page: Page, low: float, high: float, length: int, middle: str) -> str:
    """The bar itself; with the middle decade written where it belongs."""
    if low == high:
        return _cells(page, [0.5] * _SHORTEST_BAR)
    all_levels = [i / (length - 1) for i in range(length)]
    if not middle:
        return _cells(page, all_levels)
    share = (math.log10(float(middle)) - math.log10(low)) / (math.log10(high) - math.log10(low))
    cut = min(length - 1, max(1, round(share * length)))
    return f"{_cells(page, all_levels[:cut])} {middle} {_cells(page, all_levels[cut:])}"


def _cells(page: Page, levels: Sequence[float]) -> str:
    if page.color:
        return joined([block(page.color, shade(round(level * (STEPS - 1)))) for level in levels])
    chars = ramp(page)
    return "[" + "".join(chars[min(int(level * len(chars)), len(chars) - 1)] for level in levels) + "]"
