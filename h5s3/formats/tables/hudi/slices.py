"""File groups and their slices, by the names of files.

Source: Hudi's technical specification, "File layout": `<file id>_<write token>_<instant>.<extension>`, and
`.<file id>_<instant>.log.<number>_<write token>`, where the instant is the base file's, and since version 8
of tables that of the commit that wrote the log.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from h5s3.formats.tables.hudi.timeline import FOLDER, Timeline

BASE = re.compile(r"([^_./]+)_([^_./]+)_(\d{1,20})\.([a-z]{1,10})")
LOG = re.compile(r"\.(.+)_(\d{1,20})\.log\.(\d{1,9})(?:_(\d+-\d+-\d+))?(\.cdc|-cdc)?")
FORMATS = ("parquet", "orc", "hfile", "lance")


class Base(NamedTuple):
    """A base file."""

    path: str
    size: int
    instant: str
    format: str


class Log(NamedTuple):
    """A log file. `instant`: as in its name."""

    path: str
    size: int
    instant: str
    number: int
    token: str


@dataclass
class Group:
    """A file group, before it is known which of its files count."""

    partition: str
    file_id: str
    bases: list[Base] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)


@dataclass(frozen=True)
class Slice:
    """What a file group is at a version. `base`: None where there are logs alone."""

    partition: str
    file_id: str
    base: Base | None
    logs: Sequence[Log] = ()
    doubtful: bool = False  # there are several base files of one instant


def read_groups(listed: Iterable[tuple[str, int]]) -> list[Group]:
    """All file groups, in the order of their partitions and names; other files are passed over."""
    found: dict[tuple[str, str], Group] = {}
    for path, size in listed:
        partition, _, name = path.rpartition("/")
        if partition == FOLDER or partition.startswith(f"{FOLDER}/"):
            continue
        base, log = BASE.fullmatch(name), LOG.fullmatch(name)
        if base is not None and base[4] in FORMATS:
            group = found.setdefault((partition, base[1]), Group(partition, base[1]))
            group.bases.append(Base(path, size, base[3], base[4]))
        elif log is not None and not log[5]:
            group = found.setdefault((partition, log[1]), Group(partition, log[1]))
            group.logs.append(Log(path, size, log[2], int(log[3]), log[4] or ""))
    return [found[key] for key in sorted(found)]


def slices_at(
    groups: Iterable[Group],
    timeline: Timeline,
    until: str,
    replaced: Iterable[tuple[str, str]],
    written: Mapping[str, object],
) -> list[Slice]:
    """The slices that a reader gets at an instant.

    `replaced`: groups that are gone. `written`: paths that commits tell of, which decide between base files
    of one instant, of which a failed task left one.
    """
    gone = frozenset(replaced)
    found = (
        _slice(group, timeline, until, written)
        for group in groups
        if (group.partition, group.file_id) not in gone
    )
    return [one for one in found if one is not None]


def _slice(group: Group, timeline: Timeline, until: str, written: Mapping[str, object]) -> Slice | None:
    bases: dict[str, list[Base]] = defaultdict(list)
    for base in group.bases:
        if timeline.completion(base.instant) is not None:
            bases[base.instant].append(base)
    begin = max((instant for instant in bases if instant <= until), default=None)
    logs = _logs(group, timeline, until, sorted(bases), begin)
    if begin is None:
        return Slice(group.partition, group.file_id, None, logs) if logs else None
    several = bases[begin]
    kept = [base for base in several if base.path in written] or several
    return Slice(group.partition, group.file_id, kept[0], logs, len(kept) > 1)


def _logs(
    group: Group, timeline: Timeline, until: str, instants: Sequence[str], begin: str | None
) -> list[Log]:
    """The logs of the slice that begins with a base file, in the order in which they were written."""
    found: list[tuple[str, int, str, Log]] = []
    for log in group.logs:
        done: str | None = log.instant  # of its base file
        if timeline.layout == 2:
            done = timeline.completion(log.instant)
        if done is None or log.instant > until:
            continue
        place = bisect_right(instants, done)
        if (instants[place - 1] if place else None) == begin:
            found.append((done, log.number, log.token, log))
    return [log for *_, log in sorted(found)]
