"""The door to pyarrow, and its types in the words of the records."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError, H5s3Error
from h5s3.formats.tables.table import Column
from h5s3.records import Member, TypeInfo

if TYPE_CHECKING:
    import pyarrow as pa

DEEPEST = 100  # levels of a nested type
MOST_COLUMNS = 100_000


def require_pyarrow() -> Any:
    """The package. Raises `H5s3Error` with the way to get it."""
    try:
        import pyarrow
    except ImportError:
        raise H5s3Error("tables need the package pyarrow", hint="pip install 'h5s3[tables]'") from None
    return pyarrow


def import_early() -> None:
    """Begin to import what reads Parquet: it takes as long as a round, and one is waited for."""
    if "pyarrow.parquet" not in sys.modules:
        threading.Thread(target=_import).start()


def _import() -> None:
    with suppress(ImportError):  # it is told by who needs it
        import_module("pyarrow.parquet")
        import_module("pyarrow.compute")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Errors of pyarrow within are `DamagedError`s: what it reads was written by somebody else."""
    pa = require_pyarrow()
    try:
        yield
    except MemoryError:
        raise MemoryError from None  # Arrow has one of its own
    except (pa.ArrowException, OSError, ValueError, OverflowError, IndexError, KeyError) as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise DamagedError(f"{what} cannot be read: {first}") from None


def info_of(kind: pa.DataType | None) -> TypeInfo:
    """A type in the words that the records have for HDF5's."""
    pa = require_pyarrow()
    if kind is None:
        return TypeInfo(class_="unknown")
    types = pa.types
    if types.is_boolean(kind):
        return TypeInfo(class_="boolean")
    if types.is_integer(kind):
        return TypeInfo(
            class_="integer",
            size=kind.bit_width // 8,
            signed=types.is_signed_integer(kind),
            endianness="little-endian",
        )
    if types.is_floating(kind):
        return TypeInfo(class_="float", size=kind.bit_width // 8, endianness="little-endian")
    if types.is_string(kind) or types.is_large_string(kind):
        return TypeInfo(class_="string", variable=True, charset="UTF-8")
    if types.is_struct(kind):
        members = [Member(name=field.name, offset=0, type=info_of(field.type)) for field in kind]
        return TypeInfo(class_="compound", members=members)
    if types.is_list(kind) or types.is_large_list(kind):
        return TypeInfo(class_="vlen", base=info_of(kind.value_type))
    return TypeInfo(class_="opaque", tag=str(kind))


def width_of(kind: pa.DataType | None) -> int | None:
    """Bytes of one value; None where they have no length of their own."""
    if kind is None:
        return None
    try:
        return -(-int(kind.bit_width) // 8)
    except ValueError:
        return None


def column_of(field: Any, type_of: Any = None, path: str = "") -> Column:
    """A field of an Arrow schema as a column. `type_of`: gives the type of a path in the format's words."""
    pa = require_pyarrow()
    inside = f"{path}/{field.name}"
    if inside.count("/") > DEEPEST:
        raise DamagedError(f"types are nested more than {DEEPEST} deep")
    metadata = field.metadata or {}
    number = metadata.get(b"PARQUET:field_id")
    types, kind = pa.types, field.type
    inner: Sequence[Any] = ()
    if types.is_struct(kind):
        inner = list(kind)
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = [kind.value_field.with_name("element")]
    elif types.is_map(kind):
        inner = [kind.key_field.with_name("key"), kind.item_field.with_name("value")]
    word = type_of(inside) if type_of is not None and not inner else None
    return Column(
        field.name,
        word or str(kind),
        kind,
        field.nullable,
        int(number) if number is not None else None,
        comment=metadata.get(b"comment", b"").decode("utf-8", "replace"),
        children=tuple(column_of(one, type_of, inside) for one in inner),
    )
