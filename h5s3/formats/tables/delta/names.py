"""The names in a log, and which of them a version is made of.

Source: Delta Transaction Log Protocol, "Delta Log Entries", "Checkpoints", "Log Compaction Files",
"Catalog-managed tables".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from h5s3.errors import DamagedError, NotFoundError

LOG = "_delta_log"
SIDECARS = f"{LOG}/_sidecars"
COMMIT = re.compile(r"([0-9]{20})\.json")
COMPACTED = re.compile(r"([0-9]{20})\.([0-9]{20})\.compacted\.json")
CHECKPOINT = re.compile(r"([0-9]{20})\.checkpoint(?:\.([0-9a-zA-Z-]{36}))?\.(parquet|json)")
PART = re.compile(r"([0-9]{20})\.checkpoint\.([0-9]{10})\.([0-9]{10})\.parquet")
STAGED = re.compile(r"(?:_staged_commits|_commits)/([0-9]{20})\.[^/]+\.json")
MOST_PARTS = 100_000


@dataclass
class LogNames:
    """What is in a log, by version. Names are paths below the table."""

    commits: dict[int, str] = field(default_factory=dict)
    compacted: dict[int, tuple[int, str]] = field(
        default_factory=dict
    )  # by its first version: the last, the name
    checkpoints: dict[int, list[list[str]]] = field(default_factory=dict)  # the parts of each
    staged: set[int] = field(default_factory=set)  # commits that are not part of the log yet
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def latest(self) -> int:
        """The newest version. Raises `NotFoundError` where there is none."""
        known = [max(one) for one in (self.commits, self.checkpoints) if one]
        if not known:
            raise NotFoundError(f"its {LOG} holds neither a commit nor a checkpoint")
        return max(known)

    @property
    def oldest(self) -> int:
        """The oldest version that the log can still tell."""
        bases = [*self.checkpoints, *([0] if 0 in self.commits else [])]
        return min(bases) if bases else min(self.commits)


@dataclass(frozen=True)
class Plan:
    """How a version is read: a checkpoint, if there is one, and what came after it, in order."""

    version: int
    base: int | None
    checkpoint: list[str]
    after: list[str]  # commits, and files that hold several of them


def read_names(listed: Iterable[tuple[str, int]]) -> LogNames:
    """Sort what a listing of the log has."""
    found = LogNames()
    parts: dict[tuple[int, int], dict[int, str]] = {}
    for path, size in listed:
        name = path.removeprefix(f"{LOG}/")
        found.sizes[path] = size
        if match := COMMIT.fullmatch(name):
            found.commits[int(match[1])] = path
        elif match := PART.fullmatch(name):
            parts.setdefault((int(match[1]), int(match[3])), {})[int(match[2])] = path
        elif match := STAGED.fullmatch(name):
            found.staged.add(int(match[1]))
        else:
            _take_others(found, name, path)
    for (version, count), pieces in parts.items():
        if 0 < count <= MOST_PARTS and set(pieces) == set(
            range(1, count + 1)
        ):  # else: not written to its end
            found.checkpoints.setdefault(version, []).append([pieces[number] for number in sorted(pieces)])
    return found


def _take_others(found: LogNames, name: str, path: str) -> None:
    """Checkpoints in one file, and commits that were put together."""
    if match := CHECKPOINT.fullmatch(name):
        if found.sizes[path] and (match[2] or match[3] == "parquet"):
            found.checkpoints.setdefault(int(match[1]), []).append([path])
    elif match := COMPACTED.fullmatch(name):
        first, last = int(match[1]), int(match[2])
        if last > max(first, found.compacted.get(first, (0, ""))[0]):
            found.compacted[first] = (last, path)


def plans(log: LogNames, version: int) -> Iterator[Plan]:
    """The ways to read a version, the shortest first.

    Raises `NotFoundError` for a version that is not there, or no longer, and `DamagedError` where commits are
    missing.
    """
    if not log.oldest <= version <= log.latest:
        raise NotFoundError(
            f"there is no version {version}; the log has versions {log.oldest} to {log.latest}"
        )
    missing: int | None = None
    for base in [*sorted((one for one in log.checkpoints if one <= version), reverse=True), None]:
        try:
            after = _after(log, base, version)
        except _MissingError as error:
            missing = error.version if missing is None else missing
            continue
        for checkpoint in log.checkpoints[base] if base is not None else [[]]:
            yield Plan(version, base, checkpoint, after)
    if missing is not None:
        raise DamagedError(
            f"version {version} cannot be read: the commit of version {missing} is missing in its log"
        )


def _after(log: LogNames, base: int | None, version: int) -> list[str]:
    """What holds all commits after a checkpoint, up to a version."""
    found = []
    number = 0 if base is None else base + 1
    while number <= version:
        last, name = log.compacted.get(number, (number, ""))
        if not name or last > version:
            last, name = number, log.commits.get(number, "")
        if not name:
            raise _MissingError(number)
        found.append(name)
        number = last + 1
    return found


class _MissingError(Exception):
    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version
