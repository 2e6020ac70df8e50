"""What a table on the screen shows, and how its nulls are called."""

from __future__ import annotations

from dataclasses import dataclass

from h5s3.formats.selection import Selection, whole
from h5s3.records import Window
from h5s3.storage.location import Location

COLUMNS = 32  # of a tile
FEW_COLUMNS = 8  # of a tile of a whole table: each is read for itself, from the beginning of its row group


@dataclass(frozen=True)
class Shown:
    """What is in the table: a slice of an array, or all of it."""

    location: Location
    path: str
    selection: Selection | None = None
    raw: bool = False  # values as stored

    def like(self, other: Shown | None, shape: tuple[int, ...] | None) -> bool:
        """Whether rows and columns are those of another one, of an array of a shape: at other indices in
        other dimensions."""
        if other is None or (self.location, self.path) != (other.location, other.path):
            return False
        every = None if shape is None else whole(shape)[-2:]
        return (self.sides or every) == (other.sides or every)

    @property
    def span(self) -> int:
        """Columns of a tile."""
        return FEW_COLUMNS if self.path == "/" else COLUMNS

    @property
    def sides(self) -> Selection | None:
        """The axes of rows and columns, where they are known."""
        return None if self.selection is None else tuple(axis for axis in self.selection if axis.keep)[-2:]


def word_of(tile: Window | None, row: int, column: int) -> str | None:
    """What a null in a tile stands for."""
    words = tile.table.null_words if tile is not None else None
    there = isinstance(words, list) and row < len(words) and column < len(words[row])
    return words[row][column] if isinstance(words, list) and there else None


def digits_at(tile: Window, column: int) -> str:
    """Which digits of the floats of a column mean something."""
    return tile.digits[min(column, len(tile.digits) - 1)] if tile.digits else ""


def names_in(known: Window | None) -> list[str]:
    """The names of the columns, where they have any."""
    names = known.table.columns if known is not None else None
    if known is None or not isinstance(names, list) or len(names) != known.num_columns:
        return []
    return [] if names[0].isdecimal() and known.dtype != "table" else names
