"""What commits tell of themselves: when, what was done, by whom, and what it added and removed.

Source: Delta Transaction Log Protocol, "Commit Provenance Information", "In-Commit Timestamps".
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from h5s3.errors import NotFoundError, UsageError
from h5s3.formats.encoding.documents import Fields, lines_of, parsed, text_of
from h5s3.formats.tables.delta.actions import actions_of, add_of, id_of, number, text
from h5s3.formats.tables.delta.fetched import Fetched
from h5s3.formats.tables.delta.names import LogNames
from h5s3.formats.tables.delta.statistics import rows_of
from h5s3.formats.tables.place import Place
from h5s3.records import UNSET, TableVersion

PROBES = 64  # commits that are looked at in one round, to find the one of a time
TOLD = (
    "timestamp",
    "inCommitTimestamp",
    "operation",
    "engineInfo",
    "clientVersion",
    "userName",
    "userId",
    "version",
)


@dataclass
class _Files:
    """Files that a commit adds, or removes: rows of each, where they are known, and bytes."""

    rows: dict[str, int | None] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int | None] = field(default_factory=dict)


def read_history(place: Place, log: LogNames, current: int) -> list[TableVersion]:
    """All commits that are there, the newest first. Raises `DamagedError`."""
    commits = sorted(log.commits.items(), reverse=True)
    documents = Fetched(place, [name for _, name in commits], log.sizes)
    return [version_of(version, documents[name], name, current) for version, name in commits]


def version_of(version: int, data: bytes, name: str, current: int) -> TableVersion:
    """One commit."""
    info: Fields = {}
    added, removed = _Files(), _Files()
    changes = False
    for kind, action in actions_of(data, name):
        if kind == "commitInfo":
            info = action
        elif kind in ("add", "remove"):
            _take(added if kind == "add" else removed, kind, action)
            changes = changes or action.get("dataChange") is not False
    told = TableVersion(
        version=str(version),
        time=iso(time_of(info)),
        operation=str(info.get("operation") or "?"),
        current=version == current,
        by=by_of(info) or UNSET,
        detail={key: value for key, value in info.items() if key not in TOLD and value not in (None, {}, "")}
        or UNSET,
    )
    new, gone = added.sizes.keys() - removed.sizes.keys(), removed.sizes.keys() - added.sizes.keys()
    told.files_added, told.files_removed = len(new), len(gone)
    told.bytes_added = sum(added.sizes[path] or 0 for path in new)
    plus, minus = _rows(_metrics(info), added, removed, changes)
    told.rows_added = UNSET if plus is None else plus
    told.rows_removed = UNSET if minus is None else minus
    return told


def _take(files: _Files, kind: str, action: Fields) -> None:
    path = text(action, "path")
    stats = action.get("stats")
    files.rows[path] = rows_of(stats if isinstance(stats, str) else None)
    files.sizes[path] = number(action, "size")
    vector = action.get("deletionVector")
    files.hidden[path] = (
        int(vector.get("cardinality") or 0) if isinstance(vector, dict) and id_of(action) else 0
    )
    if kind == "add":
        add_of(action)  # what is damaged is told


def _metrics(info: Fields) -> dict[str, int]:
    """Counts, by names as no two programs write them."""
    told = info.get("operationMetrics")
    found = {}
    for name, value in (told if isinstance(told, dict) else {}).items():
        if isinstance(value, int) or (isinstance(value, str) and value.isascii() and value[:18].isdigit()):
            found[name.replace("_", "").lower()] = int(value)
    return found


def _rows(
    metrics: Mapping[str, int], added: _Files, removed: _Files, changes: bool
) -> tuple[int | None, int | None]:
    """Rows added and removed; an update does both. None: nothing tells."""
    if not changes:
        return 0, 0
    merged = [metrics.get(f"numtargetrows{name}") for name in ("inserted", "updated", "deleted")]
    if any(one is not None for one in merged):
        inserted, updated, deleted = (one or 0 for one in merged)
        return inserted + updated, updated + deleted
    if (updated := metrics.get("numupdatedrows", -1)) >= 0:
        return updated, updated
    if (deleted := metrics.get("numdeletedrows", -1)) >= 0:
        return 0, deleted
    plus, minus = _net(added, removed)
    written = metrics.get("numoutputrows", metrics.get("numaddedrows"))
    return (plus if written is None else written), minus


def _net(added: _Files, removed: _Files) -> tuple[int | None, int | None]:
    """By the statistics of the files: one that is added with other deletes than before counts for those."""
    plus: int | None = 0
    minus: int | None = 0
    for path in added.rows.keys() | removed.rows.keys():
        here, gone = path in added.rows, path in removed.rows
        rows = added.rows.get(path) if added.rows.get(path) is not None else removed.rows.get(path)
        change = None
        if here and gone:
            change = removed.hidden[path] - added.hidden[path]
        elif rows is not None:
            change = rows - added.hidden[path] if here else -(rows - removed.hidden[path])
        if change is None:
            plus, minus = (None, minus) if here else (plus, None)
        elif change > 0 and plus is not None:
            plus += change
        elif change < 0 and minus is not None:
            minus -= change
    return plus, minus


def info_of(data: bytes, name: str) -> Fields:
    """What a commit tells of itself."""
    for line in lines_of(text_of(data, name)):
        if '"commitInfo"' in line:
            info = parsed(line, name).get("commitInfo")
            if isinstance(info, dict):
                return info
    return {}


def time_of(info: Fields) -> int | None:
    """Milliseconds since 1970."""
    for name in ("inCommitTimestamp", "timestamp"):
        value = info.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def iso(milliseconds: int | None) -> str | None:
    """A time as text, in UTC."""
    if milliseconds is None or not 0 <= milliseconds < 253_402_300_800_000:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    whole = datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:03}Z" if rest else f"{whole}Z"


def by_of(info: Fields) -> str:
    """Who, and with what."""
    who = info.get("userName") or info.get("userId")
    what = info.get("engineInfo") or info.get("clientVersion")
    return ", ".join(str(one) for one in (who, what) if one)


def chosen(place: Place, log: LogNames, version: str | None) -> int:
    """The version that is meant: its number, or that of a time.

    Raises `UsageError` for what is neither, `NotFoundError` for a time before the first commit.
    """
    if version is None:
        return log.latest
    if version.isascii() and version.isdigit():
        return int(version[:20])
    try:
        when = datetime.datetime.fromisoformat(version)
    except ValueError:
        raise UsageError(
            f"{version!r} is no version of a Delta table",
            hint="give a number, or a time as 2024-05-01T12:00:00Z",
        ) from None
    when = when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
    milliseconds = (when - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(
        milliseconds=1
    )
    return version_at(place, log, milliseconds)


def version_at(place: Place, log: LogNames, when: int) -> int:
    """The newest version that is not younger than a time. Some commits are looked at in each round."""
    seen: dict[int, int | None] = {}

    def times(versions: Sequence[int]) -> None:
        wanted = {one: log.commits[one] for one in versions if one not in seen}
        documents = Fetched(place, list(wanted.values()), log.sizes)
        for one, name in wanted.items():
            seen[one] = time_of(info_of(documents[name], name))

    found = _newest(sorted(log.commits), lambda version: seen[version], times, when)
    if found is None:
        known = [seen[one] for one in sorted(seen) if seen[one] is not None]
        if not known:
            raise NotFoundError(
                "its commits do not tell when they were made", hint="give the number of a version"
            )
        raise NotFoundError(
            f"it has no version of that time: the oldest commit in its log is of {iso(known[0])}"
        )
    return found


def _newest(
    versions: list[int], time: Callable[[int], int | None], look: Callable[[Sequence[int]], None], when: int
) -> int | None:
    """The last of these versions, in the order of time, that is not after a time."""
    best: int | None = None
    while versions:
        step = max(1, len(versions) // PROBES)
        picked = versions[::-step][::-1]  # with the last one
        look(picked)
        late = next(
            (at for at, one in enumerate(picked) if (told := time(one)) is not None and told > when), None
        )
        early = [one for one in picked[:late] if time(one) is not None]
        best = early[-1] if early else best
        low = early[-1] if early else -1
        high = picked[late] if late is not None else None
        known = set(picked)
        versions = [
            one for one in versions if one > low and (high is None or one < high) and one not in known
        ]
    return best
