"""What `hoodie.properties` says: Java properties.

Source: the documentation of `java.util.Properties.load`; keys are those of Hudi's `HoodieTableConfig`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from h5s3.errors import DamagedError, RefusedError
from h5s3.sizes import MIB

MOST = 4 * MIB
MOST_PROPERTIES = 10_000
SEPARATOR = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
WRITTEN = re.compile(  # by Hudi, and by Java's Properties.store
    r"#[A-Z][a-z ]{1,30} (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[.\d]*Z\s+"
    r"#\w{3} (\w{3} \d\d \d\d:\d\d:\d\d) \S+ (\d{4})"
)
PLAIN = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def clock_of(data: bytes) -> str:
    """How far the clock of the writer was from UTC: `06:00 behind`; empty where it was not, or is not told.

    The first lines tell the same moment twice: in UTC, and on the writer's clock.
    """
    found = WRITTEN.match(data[:200].decode("ascii", "replace"))
    if found is None:
        return ""
    try:
        moment = datetime.datetime.fromisoformat(found[1])
        there = datetime.datetime.strptime(f"{found[2]} {found[3]}", "%b %d %H:%M:%S %Y")
    except ValueError:
        return ""
    minutes = round((there - moment).total_seconds() / 60)
    if not minutes or abs(minutes) > 18 * 60:
        return ""
    return f"{abs(minutes) // 60:02}:{abs(minutes) % 60:02} {'behind' if minutes < 0 else 'ahead of'}"


def parse_properties(data: bytes) -> dict[str, str]:
    """Names and values. Raises `RefusedError` for more than any table has, `DamagedError`."""
    if len(data) > MOST:
        raise RefusedError(f"its hoodie.properties is of {len(data)} bytes, more than {MOST}")
    found: dict[str, str] = {}
    for line in _lines(data.decode("utf-8", "replace")):
        match = SEPARATOR.fullmatch(line)
        if match is not None:
            found[_plain(match[1])] = _plain(match[2])
        if len(found) > MOST_PROPERTIES:
            raise RefusedError(f"its hoodie.properties has more than {MOST_PROPERTIES:,} of them")
    return found


def flag(properties: dict[str, str], name: str, otherwise: bool = False) -> bool:
    """A property that is true or false."""
    return properties.get(name, str(otherwise)).strip().lower() == "true"


def number(properties: dict[str, str], name: str) -> int | None:
    """A property that is a small number; None where it is not there. Raises `DamagedError`."""
    text = properties.get(name, "").strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        raise DamagedError(f"{name} is no number: {text[:40]}")
    return int(text)


def words(properties: dict[str, str], name: str) -> list[str]:
    """A property that lists names."""
    return [word.strip() for word in properties.get(name, "").split(",") if word.strip()]


def _lines(text: str) -> Iterator[str]:
    """Logical lines: joined where one ends in a backslash, without comments."""
    parts: list[str] = []
    for natural in re.split(r"\r\n|\r|\n", text):
        line = natural.lstrip(" \t\f")
        if not parts and (not line or line[0] in "#!"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        parts.append(line[:-1] if backslashes % 2 else line)
        if not backslashes % 2:
            yield "".join(parts)
            parts = []
    if parts:
        yield "".join(parts)


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return ESCAPE.sub(lambda found: _character(found[1]), text)


def _character(escape: str) -> str:
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    return PLAIN.get(escape, escape)
