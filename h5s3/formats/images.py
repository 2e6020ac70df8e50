"""Pictures in colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Picture:
    """Where the colours of a picture are: a dimension of channels, or a palette that values point into."""

    channels: int | None = None  # dimension
    palette: Array | None = None  # (colours, 3), 0 to 255

    def plane(self, ndim: int) -> tuple[int, int]:
        """The two dimensions that are drawn, rows first."""
        rest = [number for number in range(ndim) if number != self.channels]
        return rest[-2], rest[-1]

    def colors(self, values: Array) -> Array:
        """Values of (rows, columns, channels), or of (rows, columns) with a palette, as 0 to 255 of RGB."""
        if self.palette is not None:
            chosen: Array = self.palette[np.clip(values, 0, len(self.palette) - 1)]
            return chosen
        if values.dtype.itemsize > 1:  # of 16 bits and more: the upper eight of them
            values = values >> (8 * (values.dtype.itemsize - 1))
        return values[..., :3]
