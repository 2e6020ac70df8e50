"""Values as the bytes of Zarr chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numcodecs
import numpy as np

from h5s3.formats.dtypes import flat_type
from h5s3.records import Json

Values = np.ndarray[Any, Any]
Bits = {1: "u1", 2: "u2", 4: "u4", 8: "u8"}


class Encoder:
    """Encodes the chunks of one array. Its methods may be called by several threads."""

    def __init__(self, chunks: Sequence[int], codecs: Sequence[Json], fill: Any) -> None:
        """`fill`: an array of no dimension, of the type of the values (texts: `str`)."""
        self._chunks = tuple(chunks)
        self._codecs = [numcodecs.get_codec(dict(codec)) for codec in codecs]
        self._fill = fill
        self._text = isinstance(fill, str)
        self._texts = numcodecs.VLenUTF8()

    def encode(self, values: Values) -> bytes | None:
        """The bytes of a chunk; None for one that is the fill value throughout. At edges values may be fewer
        than the chunk has."""
        if self._is_empty(values):
            return None
        return self.encoded(values)

    def encoded(self, values: Values) -> bytes:
        """The same for a chunk that is written in any case."""
        if values.shape != self._chunks:
            whole = np.full(self._chunks, self._fill, dtype=object if self._text else values.dtype)
            whole[tuple(slice(n) for n in values.shape)] = values
            values = whole
        data: Any = np.ascontiguousarray(values).reshape(-1)
        if self._text:
            data = self._texts.encode(data)
        else:  # blosc shuffles by the size of an element
            data = data.view(Bits.get(values.dtype.itemsize, "u1"))
        for codec in self._codecs:
            data = codec.encode(data)
        return data if isinstance(data, bytes) else bytes(memoryview(data).cast("B"))

    def _is_empty(self, values: Values) -> bool:
        if self._text:
            return all(value == self._fill for value in values.reshape(-1))
        bits = Bits.get(values.dtype.itemsize)
        if bits is None or values.dtype.names is not None:
            return False
        flat, fill = np.ascontiguousarray(values).reshape(-1).view(bits), self._fill.view(bits)
        return bool(flat.size and flat[0] == fill and (flat == fill).all())


def as_stored(values: Values, made: np.dtype[Any]) -> Values:
    """Values of h5py's type as values of Zarr's: arrays in a compound become a field for each element."""
    if made.names is None:
        if values.dtype.itemsize == made.itemsize and values.dtype.str == made.str:
            return np.ascontiguousarray(values).reshape(values.shape).view(made)
        return values.astype(made)
    found = np.zeros(values.shape, dtype=made)
    _fill_fields(iter(_leaves(found)), values)
    return found


def _leaves(values: Values) -> Iterator[Values]:
    """The fields of compounds, and of compounds in them, in order."""
    for name in values.dtype.names or ():
        part = values[name]
        if part.dtype.names is None:
            yield part
        else:
            yield from _leaves(part)


def _fill_fields(targets: Iterator[Values], values: Values) -> None:
    """Copy the fields of h5py's compounds, arrays in them element by element."""
    for name in values.dtype.names or ():
        _, inner = flat_type(values.dtype.fields[name][0])
        part = values[name]
        for at in np.ndindex(*inner):
            one = part[(..., *at)]
            if one.dtype.names is None:
                next(targets)[...] = one
            else:
                _fill_fields(targets, one)


def text_maker(
    path_of: Callable[[Any], str | None] | None, strange: Callable[[], None]
) -> Callable[[Any], str]:
    """What makes a value a text: `path_of` names the object of a reference; of bytes that are not UTF-8
    `strange` is told."""

    def make(value: Any) -> str:
        if path_of is not None:
            return path_of(value) or ""
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogateescape")
        try:
            return bytes(value or b"").decode("utf-8")
        except UnicodeDecodeError:
            strange()
            return bytes(value).decode("utf-8", "backslashreplace")

    return make
