"""Snapshots: which one is meant, and what they did.

Source: the Iceberg specification, "Snapshots" (summaries: "Appendix F"), "Snapshot References".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from h5s3.errors import NotFoundError
from h5s3.formats.tables.iceberg.metadata import Metadata, Snapshot
from h5s3.records import UNSET, Json, TableVersion, UnsetType

MOST_NAMED = 10  # versions that an error tells of
MOST_DETAIL = 500  # characters of a value of a summary
COUNTED = {
    "added-records": "rows_added",
    "deleted-records": "rows_removed",
    "added-data-files": "files_added",
    "deleted-data-files": "files_removed",
    "added-files-size": "bytes_added",
}


def time_of(milliseconds: int) -> str | None:
    """A time in ISO 8601; None for one that is none."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None


def chosen(metadata: Metadata, version: str) -> tuple[Snapshot | None, bool]:
    """The snapshot that a version names: a branch or a tag, an id, a time; and whether it is a branch.

    Raises `NotFoundError`, which names what there is.
    """
    if metadata.refs and version in metadata.refs:
        ref = metadata.refs[version]
        return _known(metadata, ref.snapshot_id, version), ref.type == "branch"
    if version.isdigit():
        return _known(metadata, int(version), version), False
    try:
        moment = datetime.fromisoformat(version)
    except ValueError:
        raise NotFoundError(f"the table has no version {version}", hint=there_is(metadata)) from None
    wanted = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    log = [(one.timestamp_ms, one.snapshot_id) for one in metadata.snapshot_log or ()]
    log = log or [(one.timestamp_ms, one.snapshot_id) for one in metadata.snapshots or ()]
    before = [number for time, number in sorted(log, key=lambda one: one[0]) if time <= wanted]
    if not before:
        raise NotFoundError(f"the table had no snapshot at {version}", hint=there_is(metadata))
    return _known(metadata, before[-1], version), False


def _known(metadata: Metadata, number: int, version: str) -> Snapshot:
    found = metadata.snapshot(number)
    if found is None:
        gone = "" if str(number) == version else f" ({number}, which has expired)"
        raise NotFoundError(f"the table has no snapshot {version}{gone}", hint=there_is(metadata))
    return found


def there_is(metadata: Metadata) -> str:
    """The versions of a table, in words."""
    snapshots = sorted(metadata.snapshots or (), key=lambda one: -one.timestamp_ms)
    if not snapshots:
        return "it has no snapshots"
    shown = [f"{one.snapshot_id} of {time_of(one.timestamp_ms)}" for one in snapshots[:MOST_NAMED]]
    more = len(snapshots) - len(shown)
    refs = [name for name in metadata.refs or {} if name != "main"][:MOST_NAMED]
    return (
        f"there is {', '.join(shown)}"
        + (f" and {more} more" if more > 0 else "")
        + (f"; branches and tags: {', '.join(refs)}" if refs else "")
    )


def history_of(metadata: Metadata) -> list[TableVersion]:
    """All snapshots, and the changes of metadata without one, the newest first."""
    ancestors = _ancestors(metadata)
    snapshots = metadata.snapshots or []
    times = {one.timestamp_ms for one in snapshots}
    found = [(one.timestamp_ms, one.sequence_number, _version(one, metadata, ancestors)) for one in snapshots]
    for earlier in metadata.metadata_log or ():
        if earlier.timestamp_ms not in times:
            name = earlier.metadata_file.rpartition("/")[2]
            change = TableVersion(
                version=name.partition(".")[0].partition("-")[0],
                time=time_of(earlier.timestamp_ms),
                operation="metadata",
                detail={"document": name},
            )
            found.append((earlier.timestamp_ms, 0, change))
    return [one for _, _, one in sorted(found, key=lambda one: one[:2], reverse=True)]


def _ancestors(metadata: Metadata) -> set[int]:
    """The snapshots that led to the current one, and that one."""
    snapshots = {one.snapshot_id: one for one in metadata.snapshots or ()}
    found: set[int] = set()
    number = metadata.current
    while number is not None and number in snapshots and number not in found:
        found.add(number)
        number = snapshots[number].parent_snapshot_id
    return found


def _version(one: Snapshot, metadata: Metadata, ancestors: set[int]) -> TableVersion:
    summary = {key: str(value) for key, value in (one.summary or {}).items()}
    counted = {field: _number(summary.pop(key, None)) for key, field in COUNTED.items()}
    detail: dict[str, Json] = {"ancestor": one.snapshot_id in ancestors}
    names = [name for name, ref in (metadata.refs or {}).items() if ref.snapshot_id == one.snapshot_id]
    if names:
        detail["refs"] = [*names]
    if one.schema_id is not None:
        detail["schema_id"] = one.schema_id
    if one.sequence_number:
        detail["sequence_number"] = one.sequence_number
    operation = summary.pop("operation", "unknown")
    by = written_by(summary)
    return TableVersion(
        version=str(one.snapshot_id),
        time=time_of(one.timestamp_ms),
        operation=operation,
        parent=UNSET if one.parent_snapshot_id is None else str(one.parent_snapshot_id),
        **counted,
        by=by or UNSET,
        current=one.snapshot_id == metadata.current,
        detail=detail | {key: value[:MOST_DETAIL] for key, value in summary.items()},
    )


def _number(text: str | None) -> int | UnsetType:
    return int(text) if text is not None and text.isdigit() and len(text) < 19 else UNSET


def written_by(summary: Mapping[str, Any] | None) -> str | None:
    """The program that made a snapshot."""
    told = {key: str(value) for key, value in (summary or {}).items()}
    words = " ".join(told[key] for key in ("engine-name", "engine-version") if key in told)
    return words or told.get("iceberg-version", "").partition(" (commit")[0] or None
