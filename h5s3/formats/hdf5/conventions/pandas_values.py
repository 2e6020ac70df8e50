"""What pandas and PyTables say of the values they store: names, and what numbers stand for.

Lists and names are stored as pickles. They are read as text, and nothing is unpickled: what is more than
strings, numbers and lists of them counts as absent.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]
Meaning = tuple[np.dtype[Any], Callable[[Values], Values]]  # of the values, and how to come to them
STRINGS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "SHORT_BINSTRING"}
NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"}
SHAPE = {
    "MARK", "LIST", "EMPTY_LIST", "APPEND", "APPENDS", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "PUT", "BINPUT",
    "MEMOIZE", "PROTO", "FRAME", "STOP",
}  # fmt: skip
LONGEST_LIST = 1 << 20  # characters of a pickled list
NOT_A_TIME = np.iinfo("i8").min
TIME = re.compile(r"(datetime64|timedelta64)(?:\[(s|ms|us|ns)\b.*)?")
FIRST_DAY = 719_163  # 1970-01-01 as Python counts days


def listed(value: Any) -> list[str]:
    """The strings and numbers of a pickled list, as text; nothing where there is anything else in it."""
    if not isinstance(value, str) or not value.startswith(("(", "\x80", "]")):
        return []
    return _parts(value) or []


def named(value: Any) -> str:
    """A name: text as it is, or a pickled string or number; nothing where it is pickled None.

    As in PyTables, text that ends in a full stop is a pickle if it can be one.
    """
    if not isinstance(value, str):
        return "" if value is None else str(value)
    if not value.endswith("."):
        return value
    found = _parts(value)
    return value if found is None and value != "N." else " ".join(found or [])


def _parts(value: str) -> list[str] | None:
    """The strings and numbers in a pickle; None where it is none, or has anything else in it."""
    if len(value) > LONGEST_LIST:
        return None
    found = []
    try:
        for code, argument, _ in pickletools.genops(value.encode("latin-1")):
            if code.name in STRINGS or code.name in NUMBERS:
                found.append(str(argument))
            elif code.name not in SHAPE:
                return None
    except (ValueError, UnicodeError, IndexError, KeyError):
        return None
    return found


def times(kind: str, stored: np.dtype[Any]) -> Meaning | None:
    """Integers that are times or durations: `datetime64[us]`, `timedelta64[ns]`; without a unit nanoseconds.

    Times of a zone are in UTC. None for other kinds.
    """
    found = TIME.fullmatch(kind)
    if found is None or stored.kind != "i" or stored.itemsize != 8:
        return None
    dtype = np.dtype(f"{'M8' if found[1] == 'datetime64' else 'm8'}[{found[2] or 'ns'}]")
    return dtype, lambda values: np.ma.MaskedArray(values.astype("<i8").view(dtype), values == NOT_A_TIME)


def truths(values: Values) -> Values:
    """Bytes as truth values."""
    return values.astype("?")


def days(values: Values) -> Values:
    """Days as Python counts them, as dates."""
    return (values.astype("i8") - FIRST_DAY).view("M8[D]")


def without(gap: bytes) -> Callable[[Values], Values]:
    """Texts of which those that are `gap` are missing."""
    return lambda values: np.ma.MaskedArray(values, values == gap)


def plain(values: Values) -> Values:
    """Values that mean what they are."""
    return values
