"""Floats with the digits that mean something."""

from __future__ import annotations


def float_text(value: float, digits: str = "") -> str:
    """The shortest text that gives the number again: of the type that `digits` names (`float32`), or of a
    double. Packed values have 15 digits: those behind them come of the multiplication."""
    if digits == "packed":
        return repr(float(f"{value:.15g}"))
    if digits:
        import numpy as np

        return str({"float16": np.float16, "float32": np.float32}[digits](value))
    return repr(value)
