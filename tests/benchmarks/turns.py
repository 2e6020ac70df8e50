"""Contenders take turns: who runs again, and the time line on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

SLOW = 3  # times as long as h5s3: who takes longer runs once
_BEGAN = time.perf_counter()


def again(seconds: float, ours: float) -> bool:
    """Whether who took so long in the first turn is to run again."""
    return seconds <= SLOW * ours


def turns_told(repeat: int) -> str:
    """How often it was measured, in words."""
    if repeat == 1:
        return "one run each"
    return (
        f"medians of {repeat} interleaved runs, one run of who takes more than {SLOW} times as long as h5s3"
    )


def spread(seconds: Iterable[float]) -> str:
    """The least and the most."""
    found = sorted(seconds)
    return f"{found[0]:.2f}–{found[-1]:.2f}" if len(found) > 1 else "one run"


def tell(words: str) -> None:
    """A line of the time line, with the seconds since the start."""
    print(f"{time.perf_counter() - _BEGAN:5.0f} s  {words}", file=sys.stderr, flush=True)
