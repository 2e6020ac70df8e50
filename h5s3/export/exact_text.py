"""Values as text that says exactly which value it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from h5py import h5t

from h5s3.errors import RefusedError
from h5s3.export.base import Array
from h5s3.formats.hdf5.objects.values import raw_name

Texts = Callable[[Array], list[str]]  # of a one-dimensional array


def texts_of(dtype: np.dtype[Any], quoted: Callable[[str], str]) -> Texts:
    """How values of a type are written: floats by their shortest digits that give the same value again.

    Enums go by their names; a value that has none by its number, as do all where a name could be mistaken
    for a number. Complex numbers are written as Python and NumPy read them: `1.5-2.0j`.
    """
    names = h5t.check_enum_dtype(dtype) if dtype.kind in "iu" else None
    if names and not any(_is_number(name) for name in names):
        named = {int(number): quoted(_decoded(name)) for name, number in reversed(names.items())}
        return lambda values: [named.get(number, str(number)) for number in values.tolist()]
    found = _TEXTS.get(dtype.kind)
    if found is not None:
        return found
    return lambda values: [quoted(_string(value)) for value in values.tolist()]


def _is_number(text: str | bytes) -> bool:
    return raw_name(text).decode("utf-8", "replace").strip().lstrip("+-").isdecimal()


def _decoded(name: str | bytes) -> str:
    return _string(raw_name(name))


def _string(value: Any) -> str:
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError(
            "a string is not UTF-8, which this format cannot hold", hint="use --format npy, json or h5"
        ) from None


def _floats(values: Array) -> list[str]:
    """Shortest digits in the type's own width: `0.1` of a float32 is no double."""
    if values.dtype.itemsize == 8:
        return [repr(value) for value in values.tolist()]
    return [str(value) for value in values]


def _complex(values: Array) -> list[str]:
    pairs = zip(_floats(values.real), _floats(values.imag), strict=True)
    return [f"{real}{imag if imag.startswith('-') else '+' + imag}j" for real, imag in pairs]


_TEXTS: dict[str, Texts] = {
    "i": lambda values: list(map(str, values.tolist())),
    "u": lambda values: list(map(str, values.tolist())),
    "b": lambda values: ["true" if value else "false" for value in values.tolist()],
    "f": _floats,
    "c": _complex,
    "M": lambda values: [str(value) for value in values],
    "m": lambda values: [str(value.astype("i8")) for value in values],
}
