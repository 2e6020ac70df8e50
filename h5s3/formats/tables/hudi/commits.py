"""What an instant of the timeline says: JSON before version 8 of tables, Avro since.

Source: `HoodieCommitMetadata` and its kin in Hudi's schemas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from h5s3.errors import DamagedError
from h5s3.formats.tables.avro import MAGIC, Decoder


@dataclass(frozen=True)
class WriteStat:
    """What a commit wrote to a file. `rows`: in the file, `inserts`: of them, new ones."""

    path: str
    file_id: str
    rows: int | None
    inserts: int | None
    updates: int | None
    deletes: int | None
    size: int | None

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Commit:
    """What a commit did."""

    operation: str | None = None
    stats: tuple[WriteStat, ...] = ()
    replaced: frozenset[tuple[str, str]] = frozenset()  # file groups that are gone: partition, file id
    extra: Mapping[str, str] = field(default_factory=dict)


def document_of(data: bytes, named: str) -> dict[str, Any]:
    """A document as it is. Raises `DamagedError`; one without content says nothing."""
    if not data:
        return {}
    if data[:4] == MAGIC:
        found: Any = next(Decoder().read(data, named).records, {})
    else:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise DamagedError(f"{named} is neither JSON nor Avro") from None
    if not isinstance(found, dict):
        raise DamagedError(f"{named} is no document of a timeline")
    return found


def commit_of(document: Mapping[str, Any], named: str) -> Commit:
    """What a commit says. Raises `DamagedError`."""
    stats = [
        _stat(_mapping(one, named), named)
        for several in _mapping(document.get("partitionToWriteStats"), named).values()
        for one in _sequence(several, named)
    ]
    replaced = frozenset(
        (str(partition), str(one))
        for partition, several in _mapping(document.get("partitionToReplaceFileIds"), named).items()
        for one in _sequence(several, named)
    )
    extra = _mapping(document.get("extraMetadata"), named)
    operation = document.get("operationType")
    return Commit(
        operation.lower() if isinstance(operation, str) else None,
        tuple(stats),
        replaced,
        {str(name): value for name, value in extra.items() if isinstance(value, str)},
    )


def _stat(found: Mapping[str, Any], named: str) -> WriteStat:
    path, file_id = found.get("path"), found.get("fileId")
    if not isinstance(path, str | None) or not isinstance(file_id, str | None):
        raise DamagedError(f"{named} does not say what was written")
    return WriteStat(
        path or "",
        file_id or "",
        *(
            whole(found.get(name))
            for name in ("numWrites", "numInserts", "numUpdateWrites", "numDeletes", "fileSizeInBytes")
        ),
    )


def whole(value: Any) -> int | None:
    """A count; None where there is none that makes sense."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63
    return value if good else None


def _mapping(value: Any, named: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DamagedError(f"{named} is no document of a timeline")
    return value


def _sequence(value: Any, named: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DamagedError(f"{named} is no document of a timeline")
    return value
