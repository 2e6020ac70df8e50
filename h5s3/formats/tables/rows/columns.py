"""Columns of a table as they are asked for: by their names, or those of fields inside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from h5s3.errors import NotFoundError, RefusedError, UsageError
from h5s3.formats.names import nearest
from h5s3.formats.tables.rows.predicate import Name, Value
from h5s3.formats.tables.rows.typed import typed
from h5s3.formats.tables.table import Column, is_struct, named

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Bound:
    """A column, or a field inside one, that was found: with all that are around it."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """From the top."""
        return tuple(column.name for column in self.columns)

    @property
    def label(self) -> str:
        """What it is called where it stands alone."""
        return ".".join(self.names)

    @property
    def path(self) -> str:
        """As the tree has it."""
        return "/" + "/".join(self.names)

    @property
    def kind(self) -> pa.DataType:
        """The type of its values. Raises `RefusedError` for one that cannot be read."""
        return kind_of(self.columns[-1])

    def value_of(self, value: Value) -> Any:
        """A value of a condition, as it is compared with those of the column. Raises `UsageError`."""
        return typed(self.label, self.kind, value)


def kind_of(column: Column) -> pa.DataType:
    """The type of its values. Raises `RefusedError` for one that cannot be read."""
    if column.arrow is None:
        raise RefusedError(f"the column {column.name} is of type {column.type}, which cannot be read here")
    return column.arrow


def bind(columns: Sequence[Column], name: Name) -> Bound:
    """The column that a name in a condition means: whole names come before fields inside columns."""
    if name.plain:
        return find(columns, ".".join(name.parts))
    found = _inside(columns, name.parts)
    if found is None:
        raise _unknown(columns, ".".join(name.parts))
    return Bound(found)


def find(columns: Sequence[Column], text: str) -> Bound:
    """The column `a`, the field `b.c` or `/b/c`. Raises `NotFoundError` with the nearest name."""
    there = named(columns, text[1:], "/") if text.startswith("/") else None
    there = there or named(columns, text, ".")
    found = _inside(columns, tuple(one.name for one in there)) if there is not None else None
    if found is None:
        raise _unknown(columns, text)
    return Bound(found)


def _inside(columns: Sequence[Column], parts: tuple[str, ...]) -> tuple[Column, ...] | None:
    found: list[Column] = []
    for part in parts:
        inside = [one for one in columns if one.name == part]
        if len(inside) > 1:
            raise RefusedError(f"{len(inside)} columns are called {part}")
        if not inside or (found and not is_struct(found[-1])):
            return None
        found.append(inside[0])
        columns = inside[0].children
    return tuple(found) or None


def _unknown(columns: Sequence[Column], text: str) -> NotFoundError:
    dotted = named(columns, text[1:], ".") if text.startswith("/") else None
    meant = Bound(dotted).path if dotted is not None else nearest(text, [one.name for one in columns])
    names = ", ".join(one.name for one in columns[:20])
    return NotFoundError(f"no column {text}", hint=f"did you mean {meant}?" if meant else f"columns: {names}")


def narrowed(columns: Sequence[Column], wanted: Iterable[Bound]) -> list[Column]:
    """The columns with no more fields inside than are wanted, in the order of the table."""
    paths = {one.names for one in wanted}
    return [found for one in columns if (found := _narrowed(one, (one.name,), paths)) is not None]


def _narrowed(column: Column, names: tuple[str, ...], paths: set[tuple[str, ...]]) -> Column | None:
    if names in paths:
        return column
    if not is_struct(column) or not any(path[: len(names)] == names for path in paths):
        return None
    import pyarrow as pa

    inside = (_narrowed(one, (*names, one.name), paths) for one in column.children)
    children = tuple(one for one in inside if one is not None)
    kind = pa.struct([pa.field(one.name, kind_of(one), one.nullable) for one in children])
    return replace(column, children=children, arrow=kind)


def chosen(columns: Sequence[Column], names: Sequence[str] | None) -> list[Bound]:
    """The columns that are asked for; None: all. Raises `UsageError` for one that is asked for twice."""
    if names is None:
        if len(counts := Counter(column.name for column in columns)) < len(columns):
            _inside(columns, counts.most_common(1)[0][:1])
        return [Bound((column,)) for column in columns]
    found = [find(columns, name) for name in names]
    labels = [one.label for one in found]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"the column {label} is asked for twice")
    if not found:
        raise UsageError("no columns are named")
    return found
