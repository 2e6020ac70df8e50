"""Values as JSON holds them, exactly or with a word on what was lost.

Integers stay exact, NaN and infinities become null (and are counted), complex numbers become `[re, im]`,
bytes that are not UTF-8 an escaped text beside base64, opaque values base64.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from h5s3.formats.dtypes import DURATIONS, duration_text
from h5s3.formats.names import field_text, text_of
from h5s3.records import Json


@dataclass(kw_only=True)
class JsonValues:
    """Turns NumPy values into JSON values, counting what JSON cannot hold."""

    nans: int = 0
    infs: int = 0
    raw: list[bytes] = field(default_factory=list)  # byte strings that are not UTF-8
    most: int = 0  # elements of one value that are shown, and 16 times as many characters (0: all)
    cut: int = 0  # values of which not all is shown
    sequences: int | None = None  # elements of all sequences together that are shown
    words: bool = False  # NaN and infinities as texts
    exact: bool = False  # byte strings that are not UTF-8 as `{"b64": …}`, not as escaped text

    def array(self, values: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> Json:
        """An array of any dimension as nested lists, `dtype` being h5py's with its metadata."""
        if self.most and values.size > self.most:
            self.cut += 1
            side = max(1, int(self.most ** (1 / values.ndim)))
            values = values[(slice(side),) * values.ndim]
        if values.ndim == 0:
            return self.value(values[()], dtype)
        if values.ndim == 1:
            return [self.value(item, dtype) for item in values]
        return [self.array(row, dtype) for row in values]

    def value(self, value: Any, dtype: np.dtype[Any]) -> Json:
        """One element."""
        kind = dtype.kind
        if dtype.subdtype is not None:
            return self.array(np.asarray(value), dtype.subdtype[0])
        if dtype.names is not None:
            return {
                field_text(name): self.value(value[name], dtype.fields[name][0])  # type: ignore[index]
                for name in dtype.names
            }
        if kind in "iu":
            return self._integer(value, dtype)
        if kind == "f":
            return self._float(value)
        if kind == "c":
            return [self._float(value.real), self._float(value.imag)]
        if kind == "b":
            return bool(value)
        if kind == "S":
            return self._bytes(bytes(value))
        if kind == "m":
            return duration_text(value) if np.datetime_data(dtype)[0] in DURATIONS else str(value)
        if kind == "V":
            return base64.b64encode(self._opaque(bytes(value))).decode()
        return self.of_object(value, dtype)

    def _integer(self, value: Any, dtype: np.dtype[Any]) -> Json:
        return int(value)

    def _float(self, value: Any) -> Json:
        number = float(value)
        if math.isnan(number):
            self.nans += 1
            return "NaN" if self.words else None
        if math.isinf(number):
            self.infs += 1
            return ("Infinity" if number > 0 else "-Infinity") if self.words else None
        return number

    def _bytes(self, value: bytes) -> Json:
        if self.most and len(value) > 16 * self.most:
            self.cut += 1
            value = value[: 16 * self.most].decode("utf-8", "ignore").encode() or value[: 16 * self.most]
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            if self.exact:
                return {"b64": base64.b64encode(value).decode()}
            self.raw.append(value)
            return text_of(value)

    def _opaque(self, value: bytes) -> bytes:
        if not self.most or len(value) <= 16 * self.most:
            return value
        self.cut += 1
        return value[: 16 * self.most]

    def of_object(self, value: Any, dtype: np.dtype[Any]) -> Json:
        """A string, or a sequence: those of variable length."""
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, str):
            return self._bytes(value.encode("utf-8", "surrogateescape"))
        metadata: Mapping[str, Any] = dtype.metadata or {}
        base = metadata.get("vlen")
        if isinstance(value, np.ndarray):
            value = self._begun(value)
            return self.array(value, np.dtype(base) if base is not None else value.dtype)
        return [] if value is None or value == 0 else str(value)

    def _begun(self, sequence: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """As much of a sequence as may still be shown: one alone can have millions of elements."""
        if self.sequences is None:
            return sequence
        self.cut += sequence.size > self.sequences
        sequence = sequence[: self.sequences]
        self.sequences -= sequence.size
        return sequence
