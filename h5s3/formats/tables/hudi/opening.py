"""Which documents of a table are read: after a LIST, its properties and what instants say, in one round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from h5s3.errors import ChangedError, DamagedError, NotFoundError, RefusedError
from h5s3.formats.tables.hudi.commits import Commit, commit_of, document_of
from h5s3.formats.tables.hudi.properties import clock_of, number, parse_properties
from h5s3.formats.tables.hudi.slices import Group, read_groups
from h5s3.formats.tables.hudi.timeline import FOLDER, WRITING, Instant, Timeline, read_timeline
from h5s3.formats.tables.place import Place
from h5s3.sizes import MIB

PROPERTIES = (f"{FOLDER}/hoodie.properties", f"{FOLDER}/hoodie.properties.backup")
NEWEST = 3  # commits that are looked at for the schema
MOST_REPLACING = 5_000  # commits that replace file groups
MOST_WRITING = 100  # commits that are looked at for the rows of the files that they wrote
MOST_CLEANS = 100  # that are looked at for what they removed since a version
MOST_FETCHED = 512 * MIB


@dataclass
class Opened:
    """What was read of a table. `commits`: what instants say, by their paths."""

    properties: dict[str, str]
    timeline: Timeline
    groups: Sequence[Group]
    instant: Instant | None  # the version
    commits: dict[str, Commit]
    clock: str  # how far that of the writer was from UTC
    cleans: list[dict[str, Any]]  # what those say that removed files since the version

    @property
    def until(self) -> str:
        """The time that files and commits may have at most."""
        return self.instant.time if self.instant else ""

    @property
    def replaced(self) -> set[tuple[str, str]]:
        """File groups that are gone: partitions and file ids."""
        return {
            group
            for one in self.timeline.commits
            if one.action == "replacecommit" and one.time <= self.until
            for group in self.commits[one.path].replaced
        }


def read_opened(place: Place, version: str | None) -> Opened:
    """What there is to know of a version. Raises `NotFoundError`, `DamagedError`, `RefusedError`."""
    listed = list(place.below())
    sizes = dict(listed)
    named = next((path for path in PROPERTIES if path in sizes), None)
    if named is None:
        raise DamagedError("it has no .hoodie/hoodie.properties, which every table of Hudi has")
    groups = read_groups(listed)
    where = _guess(sizes)
    timeline = read_timeline(listed, *where)
    wanted: list[Instant] = []
    with suppress(NotFoundError):
        wanted = _wanted(timeline, version, groups)
    documents = fetched(place, wanted, [(named, sizes[named])])
    text = documents.pop(named)
    properties = parse_properties(text)
    if (actual := _where(properties)) != where:
        timeline = read_timeline(listed, *actual)
        wanted = _wanted(timeline, version, groups)
        documents = fetched(place, wanted)
    read = {one.path: document_of(documents[one.path], one.path) for one in wanted if one.path in documents}
    commits = {
        one.path: commit_of(read[one.path], one.path)
        for one in wanted
        if one.action in WRITING and one.path in read
    }
    cleans = [read[one.path] for one in wanted if one.action == "clean" and one.path in read]
    local = properties.get("hoodie.table.timeline.timezone", "LOCAL").upper() != "UTC"
    clock = clock_of(text) if local else ""
    return Opened(properties, timeline, groups, timeline.as_of(version), commits, clock, cleans)


def fetched(
    place: Place, wanted: Sequence[Instant], more: Sequence[tuple[str, int]] = ()
) -> dict[str, bytes]:
    """Documents by their paths, in one round. Raises `ChangedError` for one that is gone, `RefusedError`."""
    sizes = {**{one.path: one.size for one in wanted}, **dict(more)}
    if sum(sizes.values()) > MOST_FETCHED:
        raise RefusedError(f"what its timeline says is of more than {MOST_FETCHED // MIB} MiB")
    found = place.documents(list(sizes))
    gone = [path for path in sizes if path not in found]
    if gone:
        raise ChangedError(f"{gone[0]} went while the table was read", hint="run it again")
    return found


def _wanted(timeline: Timeline, version: str | None, groups: Iterable[Group]) -> list[Instant]:
    """Instants whose documents are needed for a version."""
    instant = timeline.as_of(version)
    if instant is None:
        return []
    commits = [one for one in timeline.commits if one.time <= instant.time]
    replacing = [one for one in commits if one.action == "replacecommit"]
    if len(replacing) > MOST_REPLACING:
        raise RefusedError(f"more than {MOST_REPLACING:,} commits replaced files of it")
    newest = (
        max((base.instant for base in group.bases if base.instant <= instant.time), default="")
        for group in groups
    )
    writing = set(newest)
    written = [one for one in commits if one.time in writing]
    cleans = [one for one in timeline.completed if one.action == "clean" and one.time > instant.time]
    chosen = [*commits[-NEWEST:], *replacing, *written[-MOST_WRITING:], *cleans[-MOST_CLEANS:]]
    return list(dict.fromkeys(chosen))


def _guess(paths: Iterable[str]) -> tuple[str, int]:
    """Where instants are, and the layout of the timeline, before properties tell."""
    folder = f"{FOLDER}/timeline"
    return (folder, 2) if any(path.startswith(f"{folder}/") for path in paths) else (FOLDER, 1)


def _where(properties: dict[str, str]) -> tuple[str, int]:
    """Where instants are, and the layout of the timeline. Raises `DamagedError`, `RefusedError`."""
    layout = number(properties, "hoodie.timeline.layout.version")
    if layout is None:
        layout = 2 if (number(properties, "hoodie.table.version") or 0) >= 8 else 1
    if layout > 2:
        raise RefusedError(f"the timeline is of layout {layout}, which is not known here")
    if layout < 2:
        return FOLDER, 1
    below = properties.get("hoodie.timeline.path", "timeline").strip("/")
    return f"{FOLDER}/{below}", 2
