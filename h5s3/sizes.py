"""Sizes in bytes: as text, and read from text."""

from __future__ import annotations

import re
from collections.abc import Callable

from h5s3.errors import UsageError

MIB = 1 << 20
GIB = 1 << 30


def size_text(count: int | None) -> str:
    """Bytes in powers of 1000, as in a listing: `6.3 MB`."""
    if count is None:
        return "?"
    return _scaled(count, 1000, ("kB", "MB", "GB", "TB", "PB", "EB"), "{:,.1f}".format)


def binary_text(count: int) -> str:
    """Bytes in powers of 1024, for sizes that programs choose: `64 KiB`."""
    units = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    return _scaled(count, 1024, units, lambda value: f"{value:.{3 if value < 1000 else 4}g}")


def option_text(count: int) -> str:
    """The smallest size that `parse_size` reads in few digits and that is not below so many bytes."""
    for power, unit in ((20, "M"), (10, "K")):
        if count >= 1 << power:
            return f"{-(-count // (1 << power))}{unit}"
    return str(count)


def parse_size(text: str) -> int:
    """`64K`, `1.5MiB`, `4096` as bytes, in powers of 1024. Raises `UsageError`."""
    match = re.fullmatch(r"\s*([0-9]{1,18})(?:\.([0-9]{1,18}))?\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if match is None:
        raise UsageError(f"{text!r} is not a size", hint="write 4096, 64K, 8M or 2G")
    whole, part, unit = match[1], match[2] or "", match[3].upper()
    size: int = int(whole + part) * (1 << 10 * " KMGT".index(unit or " ")) // 10 ** len(part)
    return min(size, (1 << 63) - 1)


def _scaled(count: int, base: int, units: tuple[str, ...], digits: Callable[[float], str]) -> str:
    if count < base:
        return f"{count} B"
    power = 1
    while power < len(units) and count >= base ** (power + 1):
        power += 1
    return f"{digits(count / base**power)} {units[power - 1]}"
