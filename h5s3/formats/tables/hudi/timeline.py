"""The timeline: what was done with a table, by the names of its instants.

Source: Hudi's technical specification, "Timeline"; since version 8 of tables, names of completed instants
hold the time at which they were requested and the one at which they were completed.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from h5s3.errors import NotFoundError

FOLDER = ".hoodie"
NAME = re.compile(r"(\d{1,20})(?:_(\d{1,20}))?\.(?:([a-z]{1,20})(?:\.(requested|inflight))?)")
ARCHIVE = re.compile(r"\.commits_\.archive\.\d+.*|\d+_\d+_\d+\.parquet|manifest_\d{1,9}")
WRITING = ("commit", "deltacommit", "replacecommit")  # what changes rows
COMPACTING = ("compaction", "logcompaction")
DIGITS = re.compile(r"\d{14}(\d{3})?")


@dataclass(frozen=True)
class Instant:
    """Something that was done. `time`: when it was requested, which is its name."""

    time: str
    action: str
    path: str
    size: int
    completed: str | None = None  # when; None: the names of this timeline do not tell


@dataclass
class Timeline:
    """Instants that are not archived, the oldest first."""

    completed: Sequence[Instant]
    pending: dict[str, str] = field(default_factory=dict)  # actions by time
    archived: Sequence[tuple[str, int]] = ()  # files with older ones
    layout: int = 1

    def __post_init__(self) -> None:
        self.commits = [one for one in self.completed if one.action in WRITING]
        self._completion = {one.time: one.completed or one.time for one in self.commits}
        self.start = self._start()

    def completion(self, time: str) -> str | None:
        """When a commit was completed; itself where it is older than the timeline; None: it was not."""
        found = self._completion.get(time)
        return time if found is None and time < self.start else found

    def as_of(self, version: str | None) -> Instant | None:
        """The last commit, or that which was the last at an instant or a time; None: there are none.

        Raises `NotFoundError`. As in Hudi's readers, what counts is when commits were requested.
        """
        if version is None:
            return self.commits[-1] if self.commits else None
        known = {one.time for one in self.completed}
        until = version if version in known else instant_of(version)
        earlier = [one for one in self.commits if until is not None and one.time <= until]
        if not earlier:
            raise NotFoundError(f"the table has no version {version}", hint=self._range())
        return earlier[-1]

    def _range(self) -> str:
        if not self.commits:
            return "nothing was committed to it"
        return f"its instants are {self.commits[0].time} to {self.commits[-1].time}; --history lists them"

    def _start(self) -> str:
        """The time before which instants are archived, which was committed then.

        Savepoints stay when what follows them is archived: they do not count.
        """
        held = {one.time for one in self.completed if one.action == "savepoint"}
        compacting = {time for time, action in self.pending.items() if action in COMPACTING}
        times = {one.time for one in self.commits} | compacting
        return min(times - held or times, default="")


def read_timeline(listed: Iterable[tuple[str, int]], folder: str, layout: int) -> Timeline:
    """The timeline of objects below a table, of which those directly in `folder` are instants."""
    completed: dict[tuple[str, str], Instant] = {}
    pending: dict[str, str] = {}
    archived: list[tuple[str, int]] = []
    for path, size in listed:
        above, _, name = path.rpartition("/")
        if above in (f"{folder}/history", f"{folder}/archived") and ARCHIVE.fullmatch(name):
            archived.append((path, size))
        if above != folder:
            continue
        match = NAME.fullmatch(name)
        if match is None:
            continue
        time, done, action, state = match.groups()
        if state or action == "inflight":
            pending[time] = "commit" if action == "inflight" else action
        elif (done is not None) == (layout == 2):
            completed[time, action] = Instant(time, action, path, size, done)
    times = {time for time, _ in completed}
    return Timeline(
        sorted(completed.values(), key=lambda one: (one.time, one.action)),
        {time: action for time, action in sorted(pending.items()) if time not in times},
        archived,
        layout,
    )


def time_of(instant: str) -> str | None:
    """An instant as a time in ISO 8601; None where it is none. Its clock is taken to be UTC."""
    if not DIGITS.fullmatch(instant):
        return None
    try:
        moment = datetime.datetime.fromisoformat(f"{instant[:8]}T{instant[8:14]}")
    except ValueError:
        return None
    text = moment.isoformat()
    return f"{text}.{instant[14:]}Z" if instant[14:] else f"{text}Z"


def instant_of(text: str) -> str | None:
    """What an instant at a time would be called: `2024-05-01T12:00:00Z`, a date, or digits as in names."""
    if DIGITS.fullmatch(text):
        return text if len(text) == 17 else text + "999"
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None
    return re.sub(r"\D", "", moment.replace(tzinfo=None).isoformat(timespec="milliseconds"))
