"""Rows of the tree, made when they are looked at: of a million children that are listed few are ever seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from h5s3.browse.places.children import Children, Page
from h5s3.browse.places.items import Item
from h5s3.browse.places.lazy import Lazy
from h5s3.browse.places.members import Members

MORE = "… more"  # children that were not fetched
WAITING = "…"
EMPTY = "(empty)"
MADE = 5000  # rows below one that are kept though nothing was opened
State = Literal["closed", "waiting", "open"]


class Row:
    """One line: an item, or a word about what is missing below an item (`note`)."""

    __slots__ = (
        "ahead", "children", "depth", "fetched", "height", "item", "note", "number", "parent", "rows",
        "state",
    )  # fmt: skip

    def __init__(self, item: Item, parent: Row | None = None, number: int = 0, note: str = "") -> None:
        self.item, self.parent, self.number, self.note = item, parent, number, note
        self.depth: int = parent.depth + 1 if parent else 0
        self.state: State = "closed"
        self.rows: Rows = Rows(self) if not note else _NONE  # below it, the last one may be a note
        self.height = 0  # rows that are shown below it, while it is not closed
        self.children: Children | None = None  # where more of them come from
        self.fetched = False  # some of them
        self.ahead: tuple[Children, Page] | None = None  # the first ones, read before it was opened

    @property
    def opens(self) -> bool:
        """Whether it can be opened."""
        return not self.note and self.item.opens

    @property
    def failed(self) -> bool:
        """Whether its last word says why its children could not be had."""
        note = self.rows.note.note if self.rows.note is not None else ""
        return bool(note) and note not in (MORE, WAITING, EMPTY)

    @property
    def more(self) -> bool:
        """Whether it stands for children that were not fetched."""
        return bool(self.note) and self.parent is not None and self.parent.children is not None

    @property
    def shown_below(self) -> int:
        """Rows that are shown below it."""
        return 0 if self.state == "closed" else self.height

    def measure(self) -> None:
        """Count the rows that are shown below it, and so for all that hold it."""
        row: Row | None = self
        while row is not None:
            row.height = len(row.rows) + sum(one.shown_below for one in row.rows.kept.values())
            row = row.parent


class Rows(Lazy[Row]):
    """The rows directly below one. `kept` are those that were opened, by their numbers."""

    def __init__(self, above: Row | None) -> None:
        self._above = above
        self.members: Members | None = None
        self.note: Row | None = None
        self.kept: dict[int, Row] = {}
        self._made: dict[int, Row] = {}  # the latest ones last

    def __len__(self) -> int:
        return self.total + (self.note is not None)

    @property
    def total(self) -> int:
        """Those that are no notes."""
        return 0 if self.members is None else len(self.members)

    def at(self, number: int) -> Row:
        """A row: of those of items, or the note."""
        if self.note is not None and number == self.total:
            return self.note
        assert self.members is not None
        row = self.kept.get(number) or self._made.pop(number, None)
        if row is None:
            row = Row(self.members[number], self._above, number)
        if number not in self.kept:
            self._made[number] = row
            self._forget()
        return row

    def _forget(self) -> None:
        if len(self._made) > MADE:
            for number in list(self._made)[: MADE // 2]:
                del self._made[number]

    def keep(self, row: Row) -> None:
        """Have a row stay, as it was opened."""
        self.kept[row.number] = row
        self._made.pop(row.number, None)

    def renew(self, numbers: Iterable[int] | None = None) -> None:
        """More was told of some items, or of all."""
        assert self.members is not None
        for number in [*self.kept, *self._made] if numbers is None else numbers:
            row = self.kept.get(number) or self._made.get(number)
            if row is not None:
                row.item = self.members[number]

    def take(self, page: Page) -> None:
        """Add children; what is said of others follows by `say`."""
        if self.members is None:
            assert self._above is not None
            self.members = Members(self._above.item)
        if page.names is not None:
            self.members.take_names(*page.names)
            for rows in (self.kept, self._made):
                for number in [number for number in rows if number >= len(self.members)]:
                    del rows[number]
            self.renew()
        self.members.add(page.items)

    def say(self, text: str) -> None:
        """Have a last row with a word about what is missing; none where there is no text."""
        above = self._above
        assert above is not None
        self.note = Row(above.item, above, self.total, text) if text else None

    def forget(self) -> None:
        """There are none any more."""
        self.members, self.note = None, None
        self.kept.clear()
        self._made.clear()


_NONE = Rows(None)


class Shown(Lazy[Row]):
    """The rows below one, and it, as they are opened."""

    def __init__(self, top: Row) -> None:
        self._top = top

    def __len__(self) -> int:
        return 1 + self._top.shown_below

    def at(self, number: int) -> Row:
        """The row at a place."""
        row, left = self._top, number
        while left:
            row, left = _below(row, left - 1)
        return row

    def place(self, row: Row) -> int | None:
        """The number of a row; None where it is not shown."""
        place = 0
        while (above := row.parent) is not None:
            rows = above.rows
            if above.state == "closed" or row.number >= len(rows) or (row.note and row is not rows.note):
                return None
            before = (one.shown_below for number, one in rows.kept.items() if number < row.number)
            place += 1 + row.number + sum(before)
            row = above
        return place if row is self._top else None


def _below(above: Row, place: int) -> tuple[Row, int]:
    """The row directly below one at which, or below which, a place is; and the place from there on."""
    inserted = 0  # rows below those that come before
    for number, row in opened(above):
        if place <= number + inserted:
            break
        if place <= number + inserted + row.shown_below:
            return row, place - number - inserted
        inserted += row.shown_below
    return above.rows[place - inserted], 0


def opened(above: Row) -> Iterator[tuple[int, Row]]:
    """The rows directly below one under which others are shown, in their order."""
    return iter(sorted((number, row) for number, row in above.rows.kept.items() if row.shown_below))


class Chosen(Lazy[Row]):
    """Some rows, by their numbers below the rows that hold them."""

    def __init__(self, places: list[tuple[Row | None, int]], top: Row) -> None:
        self._places, self._top = places, top

    def __len__(self) -> int:
        return len(self._places)

    def at(self, number: int) -> Row:
        """One of them."""
        above, number = self._places[number]
        return self._top if above is None else above.rows[number]

    def place(self, row: Row) -> int | None:
        """The number of a row; None where it is not shown."""
        try:
            return self._places.index((row.parent, row.number))
        except ValueError:
            return None
