"""The scale of the values of a plot: name, limits, categories; and how many values cannot be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from h5s3.records import UNSET, Plot, UnsetType
from h5s3.render.plots.axes import LONGEST_LABEL, distinct_labels, finite_number, number_label
from h5s3.render.text import safe, titled
from h5s3.render.value_text import shorten_dates

ROBUST = "2-98 % of the values"


@dataclass(frozen=True)
class ValueScale:
    """How values become places, colours or characters."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    robust: bool = False
    label: str = ""
    units: str = ""
    categories: tuple[tuple[str, int], ...] = ()  # names and values, in the order of their values
    dates: tuple[str, str] | None = None  # what `low` and `high` are
    absent: str = "missing"  # what values are that are not there

    @classmethod
    def of(cls, plot: Plot) -> ValueScale:
        """The scale that a record describes."""
        names = {} if plot.categories is UNSET else plot.categories
        by_value = {value: name for name, value in names.items()}  # one name for each value
        texts = [] if plot.texts is UNSET else plot.texts
        dates, common = shorten_dates([safe(text, LONGEST_LABEL) for text in texts])
        units = common if dates else _text(plot.units)
        return cls(
            low=plot.vmin,
            high=plot.vmax,
            log=plot.log,
            robust=plot.limits == "robust",
            label=_text(plot.label),
            units=units,
            categories=tuple((safe(by_value[value], LONGEST_LABEL), value) for value in sorted(by_value)),
            dates=(dates[0], dates[1]) if len(dates) == 2 else None,
        )

    @property
    def title(self) -> str:
        """Name and units."""
        return titled(self.label, self.units)

    def shows(self, value: float) -> bool:
        """Whether a value has a place on the scale."""
        return not self.log or value > 0

    def limits(self, known: Sequence[float]) -> tuple[float, float]:
        """The lowest and the highest value of the scale: as wanted, else of the values."""
        lowest, highest = finite_number(self.low), finite_number(self.high)
        low = min(known) if lowest is None or not self.shows(lowest) else lowest
        high = max(known) if highest is None or not self.shows(highest) else highest
        return (low, high) if low <= high else (high, low)

    def limit_texts(self, low: float, high: float) -> tuple[str, str]:
        """The limits as dates or numbers; percentiles with no more digits than they are exact to."""
        if self.dates:
            return self.dates
        if self.robust:
            first, last = (
                f"{round(v)}" if 1e4 <= abs(v) < 1e7 else number_label(float(f"{v:.4g}")) for v in (low, high)
            )
            if first != last:
                return first, last
        return distinct_labels(low, high)


@dataclass(frozen=True)
class KnownValues:
    """Values with None for what cannot be drawn, and words for how many those are."""

    grid: list[list[float | None]]
    flat: list[float]  # those that can be drawn
    note: str

    @classmethod
    def of(cls, rows: Iterable[Iterable[object]], scale: ValueScale) -> KnownValues:
        """Sort out the values that have a place on the scale."""
        given = [list(row) for row in rows]
        values = [[finite_number(value) for value in row] for row in given]
        finite = sum(value is not None for row in values for value in row)
        if scale.log:
            values = [[v if v is not None and v > 0 else None for v in row] for row in values]
        flat = [value for row in values for value in row if value is not None]
        count = sum(map(len, given))
        infinite = any(value in (float("inf"), float("-inf")) for row in given for value in row)
        words = []
        if finite < count:
            words.append(f"{count - finite} of {count} {scale.absent}{' or infinite' * infinite}")
        if len(flat) < finite:
            words.append(f"{finite - len(flat)} of {count} not above 0")
        return cls(values, flat, ", ".join(words))


def _text(text: str | UnsetType) -> str:
    return "" if text is UNSET else safe(text, LONGEST_LABEL)
