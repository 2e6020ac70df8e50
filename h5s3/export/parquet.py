"""Parquet: a column of scalars, a column of lists for two and more dimensions, a column a field of compounds.

Byte order becomes the machine's, values stay as they are. Enums are their integers, with the names as JSON in
the metadata of the column (`h5s3.enum`).
"""

from __future__ import annotations

import json
from math import prod
from typing import Any, BinaryIO

import numpy as np
from h5py import h5t

from h5s3.errors import H5s3Error, RefusedError
from h5s3.export.base import Array, Job, Writer, utf8_text
from h5s3.formats.boxes import Box
from h5s3.sizes import MIB

LARGEST_ROW = 32 * MIB  # bytes of the values of one row
MISSING = "Parquet needs the package pyarrow"


def require_pyarrow() -> Any:
    """The package. Raises `H5s3Error` with the way to get it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise H5s3Error(MISSING, hint="pip install 'h5s3[parquet]'") from None
    return pyarrow


class ParquetWriter(Writer):
    """In C order, a group of rows a box; rows that come in parts are put together first."""

    def __init__(self, job: Job, stream: BinaryIO, path: str | None) -> None:
        pa = require_pyarrow()
        self._type, self._name = job.element, job.name
        self._gaps = job.masked
        self._inner = job.shape[1:]
        self._row = prod(self._inner)
        if self._row * self._type.itemsize > LARGEST_ROW:
            raise RefusedError("its rows are too long for parquet", hint="take a part with --slice")
        self._rest = np.empty(0, dtype=self._type)
        self._schema = pa.schema(self._fields(pa))
        self._parquet = pa.parquet.ParquetWriter(
            stream, self._schema, compression="zstd", use_dictionary=False, store_schema=True
        )

    def _fields(self, pa: Any) -> list[Any]:
        if self._type.names is None or self._inner:
            return [_field(pa, self._name, np.dtype((self._type, self._inner)), self._gaps)]
        fields: Any = self._type.fields
        return [_field(pa, utf8_text(name), fields[name][0], self._gaps) for name in self._type.names]

    def write(self, box: Box, values: Array) -> None:
        """The whole rows that are there by now."""
        flat = values.reshape(-1)
        if self._rest.size:
            join: Any = np.ma.concatenate if self._gaps else np.concatenate
            flat = join([self._rest, flat])
        whole = flat.size - flat.size % self._row if self._row else 0
        self._rest = flat[whole:]
        if whole:
            self._put(flat[:whole])

    def _put(self, flat: Array) -> None:
        import pyarrow as pa

        parts = [flat.reshape(-1, *self._inner)]
        if self._type.names is not None and not self._inner:
            parts = [flat[name] for name in self._type.names]
        kinds = [field.type for field in self._schema]
        columns = [_column(pa, part, kind) for part, kind in zip(parts, kinds, strict=True)]
        self._parquet.write_table(pa.Table.from_arrays(columns, schema=self._schema))

    def finish(self) -> None:
        self._parquet.close()

    abandon = finish


def _field(pa: Any, name: str, dtype: np.dtype[Any], gaps: bool = False) -> Any:
    names = h5t.check_enum_dtype(dtype) if dtype.kind in "iu" else None
    metadata = {"h5s3.enum": json.dumps({utf8_text(k): int(v) for k, v in names.items()})} if names else None
    return pa.field(name, _kind(pa, dtype), nullable=gaps, metadata=metadata)


def _kind(pa: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        kind = _kind(pa, base)
        for size in reversed(shape):
            kind = pa.list_(kind, size)
        return kind
    if dtype.names is not None:
        fields: Any = dtype.fields
        return pa.struct([_field(pa, utf8_text(name), fields[name][0]) for name in dtype.names])
    if dtype.kind in "SO":
        return pa.string()
    if dtype.kind == "V":
        return pa.binary(dtype.itemsize)
    return pa.from_numpy_dtype(dtype.newbyteorder("="))


def _column(pa: Any, values: Array, kind: Any) -> Any:
    """An Arrow array of the first dimension."""
    if pa.types.is_fixed_size_list(kind):
        inner = _column(pa, values.reshape(-1, *values.shape[2:]), kind.value_type)
        return pa.FixedSizeListArray.from_arrays(inner, type=kind)
    if pa.types.is_struct(kind):
        names = values.dtype.names or ()
        parts = [_column(pa, values[name], kind.field(number).type) for number, name in enumerate(names)]
        return pa.StructArray.from_arrays(parts, fields=list(kind))
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    values = np.ma.getdata(values)
    if pa.types.is_string(kind):
        return pa.array([utf8_text(value) for value in values.tolist()], type=kind, mask=mask)
    if pa.types.is_fixed_size_binary(kind):
        data = pa.py_buffer(np.ascontiguousarray(values).tobytes())
        return pa.FixedSizeBinaryArray.from_buffers(kind, len(values), [None, data])
    native = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False))
    return pa.array(
        np.asarray(native, dtype=np.dtype(native.dtype.str)), type=kind, mask=mask, from_pandas=False
    )
