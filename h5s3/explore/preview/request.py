"""What a preview is asked for: the options of the command, the arguments in Python, and the cache key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from h5s3.errors import UsageError
from h5s3.formats.requests import Request
from h5s3.sizes import MIB

LARGEST_PLOT = 512  # points along one axis
MAX_BYTES = 16 * MIB
ComplexPart = Literal["abs", "real", "imag", "phase"]
ROWS = 10  # of a table
DRAWING = ("log", "vmin", "vmax")  # how to draw: no part of what is read


@dataclass(frozen=True)
class PreviewRequest(Request):
    """A preview within `max_bytes` of stored bytes, of a whole array or a `selection` in NumPy's syntax.

    `labels` choose by coordinates (`time=2023-06-01:2023-06-30,lat=~48.2`).

    The last two dimensions are drawn, or `display_dims`; the others at their middle, or at `fixed` (pairs of
    dimension and index). Values are decoded by the CF conventions, unless `raw`. `column`: the field of a
    compound to draw; `part` of complex numbers. `rows`: of the
    table, at most. `log`, `vmin` and `vmax` say how to draw.
    """

    selection: str | None = None
    labels: str | None = None
    display_dims: tuple[int, int] | None = None
    fixed: tuple[tuple[int, int], ...] = ()
    max_size: int = 256
    max_bytes: int = MAX_BYTES
    raw: bool = False
    column: str | None = None
    part: ComplexPart = "abs"
    rows: int = ROWS
    log: bool = False
    vmin: float | None = None
    vmax: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.max_size <= LARGEST_PLOT:
            raise UsageError(f"--max-size is between 1 and {LARGEST_PLOT}")
        if self.part not in get_args(ComplexPart):
            raise UsageError(f"--part is one of {', '.join(get_args(ComplexPart))}")

    def key(self) -> dict[str, Any]:
        """Without how to draw: that is applied to the answer."""
        left_out = DRAWING if self.rows != ROWS else (*DRAWING, "rows")
        return {name: value for name, value in asdict(self).items() if name not in left_out}
