"""Actions: what commits are made of, a line of JSON each, and what they add up to.

Source: Delta Transaction Log Protocol, "Actions", "Action Reconciliation".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.encoding.documents import Fields, is_plain, lines_of, parsed, text_of
from h5s3.formats.tables.delta.statistics import rows_of
from h5s3.formats.tables.delta.vectors import Vector, vector_of

MOST_ACTIONS = 5_000_000
INT64 = 1 << 63
NO_VALUES: Mapping[str, str | None] = {}


class Add(NamedTuple):
    """A file that is part of the table. `stats`: JSON, or what a checkpoint has of them."""

    path: str  # as the log has it: a URI
    size: int | None
    values: Mapping[str, str | None]  # of the partition columns, by physical name
    stats: Any
    rows: int | None
    vector: Vector | None

    @property
    def key(self) -> tuple[str, str | None]:
        """What tells it from others."""
        return self.path, None if self.vector is None else self.vector.id


@dataclass
class State:
    """What actions add up to, in the order in which they came."""

    protocol: Fields | None = None
    metadata: Fields | None = None
    domains: dict[str, str] = field(default_factory=dict)  # their configuration
    sidecars: list[str] = field(default_factory=list)  # of a checkpoint
    adds: dict[tuple[str, str | None], Add] = field(default_factory=dict)
    removed: set[tuple[str, str | None]] = field(default_factory=set)

    def take(self, name: str, action: Fields) -> None:
        """One more action."""
        if name == "add":
            add = add_of(action)
            self.adds[add.key] = add
            self.removed.discard(add.key)
        elif name == "remove":
            key = (text(action, "path"), id_of(action))
            self.adds.pop(key, None)
            self.removed.add(key)
        elif name == "metaData":
            self.metadata = action
        elif name == "protocol":
            self.protocol = action
        elif name == "domainMetadata":
            self._domain(action)
        elif name == "sidecar":
            self.sidecars.append(text(action, "path"))

    def _domain(self, action: Fields) -> None:
        domain = text(action, "domain")
        if action.get("removed"):
            self.domains.pop(domain, None)
        else:
            self.domains[domain] = str(action.get("configuration") or "")


def actions_of(data: bytes, name: str) -> Iterator[tuple[str, Fields]]:
    """The actions in a file of the log: their names, and what is in them. Raises `DamagedError`."""
    whole = text_of(data, name)
    plain = is_plain(whole)
    for number, line in enumerate(lines_of(whole), 1):
        if number > MOST_ACTIONS:
            raise RefusedError(f"{name} has more than {MOST_ACTIONS:,} actions")
        for kind, action in parsed(line, f"line {number} of {name}", plain).items():
            if isinstance(action, dict):
                yield kind, action
            elif action is not None:
                raise DamagedError(f"line {number} of {name}: {kind} is not an object")


def add_of(action: Fields) -> Add:
    """An `add` action. Raises `DamagedError`."""
    stats = action.get("stats")
    told = stats if isinstance(stats, str) and stats else None
    return Add(
        text(action, "path"),
        number(action, "size"),
        values_of(action.get("partitionValues")),
        told,
        rows_of(told),
        vector_of(action.get("deletionVector")),
    )


def id_of(action: Fields) -> str | None:
    """What tells the deletion vector of an action from others; None where it has none."""
    vector = vector_of(action.get("deletionVector"))
    return None if vector is None else vector.id


def values_of(values: Any) -> Mapping[str, str | None]:
    """Partition values, as text. Raises `DamagedError`."""
    if not values:
        return NO_VALUES
    if not isinstance(values, dict) or not all(
        one is None or isinstance(one, str) for one in values.values()
    ):
        raise DamagedError("a file of its log has partition values that are not text")
    return values


def text(action: Fields, name: str) -> str:
    """A text that must be there. Raises `DamagedError`."""
    found = action.get(name)
    if not isinstance(found, str):
        raise DamagedError(f"an action of its log has no {name}")
    return found


def number(action: Fields, name: str) -> int | None:
    """A count of 63 bits. Raises `DamagedError` for what is none."""
    found = action.get(name)
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < INT64:
        raise DamagedError(f"an action of its log has a {name} that is no number of bytes or rows")
    return found
