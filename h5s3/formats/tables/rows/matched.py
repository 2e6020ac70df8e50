"""Which columns of a Parquet file are those of a table, and their values in the types of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.parquet.nodes import Node, is_list
from h5s3.formats.tables.rows.columns import kind_of
from h5s3.formats.tables.table import VARIANT, Column
from h5s3.records import UNSET

if TYPE_CHECKING:
    import pyarrow as pa

FoundBy = Literal["name", "id"]


@dataclass(frozen=True)
class Matched:
    """A column of a table in a file. `node`: None where the file does not have it."""

    column: Column
    node: Node | None
    leaves: tuple[int, ...]
    inner: tuple[Matched, ...] = ()


def match(columns: Sequence[Column], nodes: Sequence[Node], by: FoundBy) -> list[Matched]:
    """Each column in a file. Raises `RefusedError` where it is not certain which one it is."""
    return [_match(column, nodes, by) for column in columns]


def _match(column: Column, nodes: Sequence[Node], by: FoundBy) -> Matched:
    import pyarrow as pa

    node = _node(column, nodes, by)
    if node is None:
        return Matched(column, None, ())
    _refuse_shredded(column, node)
    if not column.children or not node.children:
        return Matched(column, node, tuple(node.leaves))
    if not pa.types.is_struct(node.field.type):  # items of lists and maps have no names that count
        if len(column.children) != len(node.children):
            raise DamagedError(
                f"{column.name} is of type {node.field.type} in a file, of {column.type} in the table"
            )
        inner = tuple(
            _under(child, below, by) for child, below in zip(column.children, node.children, strict=True)
        )
        return Matched(column, node, tuple(node.leaves), inner)
    inner = tuple(_match(child, node.children, by) for child in column.children)
    leaves = tuple(leaf for one in inner for leaf in one.leaves)
    return Matched(column, node, leaves or (node.leaves[0],), inner)


def _refuse_shredded(column: Column, node: Node) -> None:
    """Raise `RefusedError` for variants of which parts stand in columns of their own."""
    if column.type == VARIANT and any(one.field.name == "typed_value" for one in node.children):
        raise RefusedError(f"values of {column.name} are shredded (variantShredding), which is not read here")


def _under(column: Column, node: Node, by: FoundBy) -> Matched:
    """A column whose place is known. All of it is read."""
    import pyarrow as pa

    _refuse_shredded(column, node)
    if not column.children or not node.children:
        return Matched(column, node, tuple(node.leaves))
    if pa.types.is_struct(node.field.type):
        inner = tuple(_match(child, node.children, by) for child in column.children)
    else:
        pairs = zip(column.children, node.children, strict=False)
        inner = tuple(_under(child, below, by) for child, below in pairs)
    return Matched(column, node, tuple(node.leaves), inner)


def _node(column: Column, nodes: Sequence[Node], by: FoundBy) -> Node | None:
    if by == "id" and column.field_id is not None:
        numbered = [one for one in nodes if one.field_id is not None]
        if numbered or not nodes:
            return _only(column, [one for one in numbered if one.field_id == column.field_id])
        if column.mapped is not None:
            return _only(column, [one for one in nodes if one.field.name in column.mapped])
        if column.physical is None:
            raise RefusedError("columns are found by field ids, and a file of the table has none")
    name = column.physical or column.name
    found = [one for one in nodes if one.field.name == name]
    if not found:  # engines differ in whether case counts: it never tells two columns apart
        found = [one for one in nodes if one.field.name.casefold() == name.casefold()]
    return _only(column, found)


def _only(column: Column, found: list[Node]) -> Node | None:
    if len(found) > 1:
        raise RefusedError(f"{len(found)} columns of a file may be {column.name}")
    return found[0] if found else None


def adapted(array: pa.Array, matched: Matched) -> pa.Array:
    """Values of a file in the type of the table. Raises `DamagedError` for those that it cannot hold."""
    import pyarrow as pa

    column, node = matched.column, matched.node
    kind = kind_of(column)
    if node is None:
        return constant(column, len(array))
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, _leaf(_storage(array), kind.storage_type, column))
    array = _storage(array)
    if not matched.inner:
        return _leaf(array, kind, column)
    if array.offset:
        array = pa.concat_arrays([array.slice(0, 0), array])
    types = pa.types
    if types.is_struct(array.type) and types.is_struct(kind):
        return _struct(array, kind, matched)
    if types.is_map(array.type) and types.is_map(kind):
        keys, items = (
            adapted(part, one) for part, one in zip((array.keys, array.items), matched.inner, strict=True)
        )
        return pa.MapArray.from_arrays(array.offsets, keys, items, kind, mask=_nulls(array))
    if is_list(array.type) and is_list(kind):
        return _list(array, kind, matched)
    raise _disagreement(column, array.type)


def _struct(array: Any, kind: Any, matched: Matched) -> Any:
    import pyarrow as pa

    children = []
    for one in matched.inner:
        if one.node is None:
            children.append(constant(one.column, len(array)))
            continue
        number = array.type.get_field_index(one.node.field.name)
        if number < 0:
            raise DamagedError(f"it is not certain which field {one.column.name} is")
        children.append(adapted(array.field(number), one))
    if not children:
        return pa.array([None] * len(array), kind)
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=_nulls(array))


def _list(array: Any, kind: Any, matched: Matched) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    large, types = pa.types.is_large_list(kind), pa.types
    if types.is_fixed_size_list(kind):
        if array.type == kind:
            return array
        raise _disagreement(matched.column, array.type)
    make = pa.large_list if large else pa.list_
    wanted = make(array.type.value_field)
    if array.type != wanted:
        array = pc.cast(array, wanted)
    inner = adapted(array.values, matched.inner[0])
    build = pa.LargeListArray if large else pa.ListArray
    return build.from_arrays(array.offsets, inner, type=kind, mask=_nulls(array))


def _nulls(array: Any) -> Any:
    return array.is_null() if array.null_count else None


def _storage(array: Any) -> Any:
    import pyarrow as pa

    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _leaf(array: Any, kind: pa.DataType, column: Column) -> Any:
    if array.type == kind:
        return array
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    texts = column.from_numbers and pa.types.is_integer(array.type) and pa.types.is_string(kind)
    if not texts and not is_promoted(array.type, kind):
        raise _disagreement(column, array.type)
    try:
        if pa.types.is_timestamp(array.type) and pa.types.is_timestamp(kind) and array.type.tz != kind.tz:
            array = pc.cast(pc.cast(array, pa.int64()), pa.timestamp(array.type.unit, kind.tz))
        return pc.cast(array, kind)
    except pa.ArrowException:
        raise DamagedError(
            f"values of the column {column.name} are {array.type} in a file, and do not fit {kind}"
        ) from None


def is_promoted(found: pa.DataType, kind: pa.DataType) -> bool:
    """Whether all values, or all that fit, mean the same in another type."""
    import pyarrow as pa

    types = pa.types
    if found == kind or types.is_null(found):
        return True
    if types.is_dictionary(kind):
        return is_promoted(found, kind.value_type)
    if types.is_floating(found):
        return bool(types.is_floating(kind) and kind.bit_width >= found.bit_width)
    if is_of_bytes(found):
        return is_of_bytes(kind) and not types.is_fixed_size_binary(kind)
    wider: tuple[tuple[Any, tuple[Any, ...]], ...] = (
        (types.is_integer, (types.is_integer, types.is_float64, types.is_decimal)),
        (types.is_decimal, (types.is_decimal,)),
        (types.is_date, (types.is_date, types.is_timestamp)),
        (types.is_timestamp, (types.is_timestamp,)),
        (types.is_time, (types.is_time,)),
    )
    return any(is_kind(found) and any(may(kind) for may in others) for is_kind, others in wider)


def is_of_bytes(kind: pa.DataType) -> bool:
    """Whether values are texts or bytes."""
    import pyarrow as pa

    types = pa.types
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    plain = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(of_kind(kind) for of_kind in (*texts, *plain))


def _disagreement(column: Column, found: pa.DataType) -> DamagedError:
    return DamagedError(
        f"the column {column.name} is of type {found} in a file, of {column.arrow} in the table"
    )


def constant(column: Column, rows: int, value: Any = UNSET) -> pa.Array:
    """A column that a file does not have: a value, the default or null in all rows."""
    import pyarrow as pa

    kind = kind_of(column)
    if value is UNSET:
        value = None if column.default is UNSET else column.default
    if value is None:
        return pa.nulls(rows, kind)
    if isinstance(value, UUID):
        value = value.bytes
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    try:
        try:
            scalar = pa.scalar(value, storage)
        except (pa.ArrowException, TypeError, ValueError):
            scalar = pa.scalar(str(value)).cast(storage)
    except (pa.ArrowException, TypeError, ValueError):
        raise DamagedError(
            f"{value!r} is no value of the column {column.name}, of type {kind}"[:300]
        ) from None
    found = pa.repeat(scalar, rows)
    return pa.ExtensionArray.from_storage(kind, found) if storage is not kind else found


def all_leaves(matched: Sequence[Matched]) -> Iterator[int]:
    """The column chunks that are read."""
    for one in matched:
        yield from one.leaves
