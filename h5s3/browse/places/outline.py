"""The rows of the tree that are shown: what was opened, as far as it was fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from h5s3.browse.places.children import Children, Page
from h5s3.browse.places.items import Item
from h5s3.browse.places.rows import EMPTY, MORE, WAITING, Chosen, Row, Shown
from h5s3.storage.location import Location

MOST_CHOSEN = 10_000  # rows that a filter shows


class Outline:
    """All rows below one item. `shown` are those to be drawn, in their order."""

    def __init__(self, top: Item) -> None:
        self.top = Row(top)
        self.filter = ""
        self.found: list[Row] | None = None  # in place of all others
        self._whole = Shown(self.top)
        self._chosen: Chosen | None = None

    @property
    def shown(self) -> Sequence[Row]:
        """The rows to be drawn."""
        if self.found is not None:
            return self.found
        return self._whole if self._chosen is None else self._chosen

    @property
    def loaded(self) -> int:
        """Names that were fetched, which are all that a filter looks at."""
        return sum(row.rows.total for row in self._holding())

    def place(self, row: Row) -> int | None:
        """The number of a row among those that are shown."""
        if self.found is not None:
            return self.found.index(row) if row in self.found else None
        return (self._whole if self._chosen is None else self._chosen).place(row)

    def begin(self, row: Row) -> Children | None:
        """Open a row. Gives where its children are to come from, if they are not here."""
        if row.parent is not None:
            row.parent.rows.keep(row)
        if row.fetched:
            row.state = "open"
            self._changed(row)
            return None
        if row.ahead is not None:
            (row.children, page), row.ahead = row.ahead, None
            row.state = "open"
            self.add(row, page)
            return None
        row.state, row.children = "waiting", Children(row.item)
        row.rows.say(WAITING)
        self._changed(row)
        return row.children

    def close(self, row: Row) -> None:
        """Close a row; what was fetched is kept."""
        row.state = "closed"
        self._changed(row)

    def add(self, row: Row, page: Page) -> None:
        """Take a page of children."""
        if page.itself is not None and row.parent is not None:  # it is no group
            row.item, row.state, row.children = row.item.named(page.itself), "closed", None
            row.rows.forget()
            return self._changed(row)
        row.rows.take(page)
        row.rows.say(MORE if page.more else page.cut or ("" if row.rows.total else EMPTY))
        if not page.more:
            row.children = None
        row.fetched = True
        if row.state != "closed":
            row.state = "open"
        self._changed(row)

    def fail(self, row: Row, cause: str) -> None:
        """Say why the children of a row cannot be had."""
        row.rows.say(cause)
        if row.state != "closed":
            row.state = "open"
        self._changed(row)

    def reset(self, location: Location) -> Row | None:
        """Forget what is in the file at a location: it is another one by now. Its row, if it was opened."""
        for row in self._holding():
            if row.item.inside and row.item.location == location:
                row.item = replace(row.item, entry=None)  # which was listed of the one before
                self.forget(row)
                return row
        return None

    def forget(self, row: Row) -> None:
        """Close a row, and fetch what is below it when it is opened again."""
        row.state, row.children, row.fetched, row.ahead = "closed", None, False, None
        row.rows.forget()
        self._changed(row)

    def note(self, row: Row, text: str) -> None:
        """Change the word about what is missing below a row."""
        if row.rows.note is not None:
            row.rows.note.note = text

    def below(self, row: Row, name: str, leads: Callable[[Item], bool]) -> Row | None:
        """The row directly below one that has a name and leads somewhere, if it was fetched."""
        if row.rows.members is None:
            return None
        numbers = row.rows.members.called(name)
        return next((row.rows[number] for number in numbers if leads(row.rows[number].item)), None)

    def wanting(self, first: int, last: int) -> Row | None:
        """The first row among these places, of those that are shown, which stands for more children."""
        for row in self._holding():
            note = row.rows.note
            if row.children is not None and row.state == "open" and note is not None and note.note == MORE:
                place = self.place(note)
                if place is not None and first <= place < last:
                    return note
        return None

    def refresh(self) -> None:
        """Find out what is shown, for another filter."""
        self._chosen = self._filtered(self.filter) if self.filter else None

    def _changed(self, row: Row) -> None:
        row.measure()
        if self.filter:
            self.refresh()

    def _holding(self) -> Iterator[Row]:
        """Every row that was opened, before those below it."""
        stack = [self.top]
        while stack:
            row = stack.pop()
            yield row
            stack.extend(row.rows.kept.values())

    def _filtered(self, text: str) -> Chosen:
        """The rows whose names have a text, and those above them."""
        left = MOST_CHOSEN
        matching: dict[Row, list[int]] = {}
        leading = {self.top}
        for row in self._holding():
            numbers = row.rows.members.matching(text, left) if row.rows.members is not None else []
            left -= len(numbers)
            matching[row] = numbers
            above: Row | None = row if numbers else None
            while above is not None and above not in leading:
                leading.add(above)
                above = above.parent
        places: list[tuple[Row | None, int]] = []
        stack: list[tuple[Row | None, int]] = [(None, 0)]
        while stack:
            parent, number = stack.pop()
            places.append((parent, number))
            row = self.top if parent is None else parent.rows.kept.get(number, self.top)
            if row in leading and (row is not self.top or parent is None):
                through = [one.number for one in row.rows.kept.values() if one in leading]
                stack += [(row, one) for one in sorted({*matching[row], *through}, reverse=True)]
        return Chosen(places, self.top)
