"""Globs in the key of a location: `*`, `?` and `[…]` within a part of it, `**` for any number of parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from h5s3.storage.location import Location

WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Glob:
    """What a location with wildcards stands for, once no key begins with it as it is."""

    place: Location  # the key up to the first wildcard: what matches begins with it
    parts: tuple[str, ...]
    folders: bool  # its key ends in a slash: objects do not match

    @property
    def deep(self) -> bool:
        """Whether it takes a listing of more than one level."""
        wild = next(at for at, part in enumerate(self.parts) if WILD.search(part))
        return wild + 1 < len(self.parts) or "**" in self.parts

    def matches(self, key: str, below: bool = False) -> bool:
        """Whether a key matches; with `below`, or lies below a prefix that does."""
        if self.folders and not ("/" in key if below else key.endswith("/")):
            return False
        name = key.rpartition("/")[0] if self.folders else key.rstrip("/")
        return _match(tuple(name.split("/")), self.parts, below)


def glob_of(location: Location) -> Glob | None:
    """The glob in the key of a location in S3; None where there is no wildcard."""
    wild = WILD.search(location.key) if location.kind == "s3" and location.bucket else None
    if wild is None:
        return None
    place = replace(location, key=location.key[: wild.start()])
    return Glob(place, tuple(location.key.rstrip("/").split("/")), location.key.endswith("/"))


def _match(parts: tuple[str, ...], pattern: tuple[str, ...], below: bool) -> bool:
    if not pattern:
        return below or not parts
    if pattern[0] == "**":
        return any(_match(parts[at:], pattern[1:], below) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _match(parts[1:], pattern[1:], below)
