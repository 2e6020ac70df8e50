"""Whether cells are wanted, and can be had."""

from __future__ import annotations

import os
import sys

from h5s3.errors import RefusedError

CELL = "H5S3_CELL"  # 0: no cell, for debuggers and profilers; strict: none that is not locked


def wanted() -> bool:
    """Whether files are to be read in cells, and can be.

    Raises `RefusedError` where they must be, and cannot.
    """
    able = hasattr(os, "fork") and os.path.basename(sys.executable or "").startswith(("python", "pypy"))
    if strict() and not able:
        raise RefusedError(
            "no process can be started here to read files in", hint="H5S3_CELL=strict asks for it"
        )
    return able and os.environ.get(CELL) != "0"


def strict() -> bool:
    """Whether a cell that is not wholly locked is to refuse."""
    return os.environ.get(CELL) == "strict"
