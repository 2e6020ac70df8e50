"""The columns of a table as aligned lines, fields of structs, items of lists and maps below them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from h5s3.records import UNSET, TableColumn
from h5s3.render.columns import Cell, Line, Row, align_with_tails
from h5s3.render.text import safe
from h5s3.render.value_text import cell_text

RIGHT = (False, False, False, True)  # type, Arrow's type, whether it is required, the id
SPARE = (3, 2, 1, 0)  # columns that give way to a long name
SCARCE = (1, 3, 2)  # those that give way to comments
LONGEST_NAME = 200
LONGEST_TYPE, LEAST_TYPE = 40, 24


def schema_lines(columns: Sequence[TableColumn], width: int) -> Iterator[Line]:
    """One line for each column, field and item."""
    longest = max(LEAST_TYPE, min(width // 3, LONGEST_TYPE))
    yield from align_with_tails(list(_rows(columns, 1, longest)), width, RIGHT, SPARE, SCARCE)


def _rows(columns: Sequence[TableColumn], depth: int, longest: int) -> Iterator[tuple[Row, Cell]]:
    for one in columns:
        nested = one.children is not UNSET
        number = "" if one.field_id is UNSET else f"#{one.field_id}"
        cells: list[Cell] = [
            (type_text(one, longest), "dtype"),
            (arrow_text(one, longest), "faint"),
            ("" if one.nullable else "required", ""),
            (number, "faint"),
        ]
        name = ("  " * depth + safe(one.name, LONGEST_NAME), "group" if nested else "dataset")
        yield ([name], cells), (remarks(one), "faint")
        if one.children is not UNSET:
            yield from _rows(one.children, depth + 1, longest)


def type_text(one: TableColumn, most: int = LONGEST_TYPE) -> str:
    """The type in the words of the format: of a nested one its first word: the rest stands below."""
    if one.children is UNSET:
        return safe(one.type, most)
    head = re.match(r"[\w ]+", one.type)
    return safe(head[0] if head else one.type, most)


def arrow_text(one: TableColumn, most: int = LONGEST_TYPE) -> str:
    """The type in which values are read, where it says more than the format's."""
    if one.arrow is None:
        return "not read here"
    if one.children is not UNSET or one.arrow.casefold() == one.type.casefold():
        return ""
    return safe(one.arrow, most)


def remarks(one: TableColumn) -> str:
    """What else is known of a column."""
    words = ["key"] if one.key is True else []
    if one.default is not UNSET:
        words.append(f"default {cell_text(one.default)}")
    if one.write_default is not UNSET and one.write_default != one.default:
        words.append(f"default of new rows {cell_text(one.write_default)}")
    if one.comment is not UNSET:
        words.append(safe(one.comment))
    return "; ".join(words)
