"""What was done with a table, as its timeline tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from h5s3.formats.tables.hudi.archive import read_archive
from h5s3.formats.tables.hudi.commits import Commit, commit_of, document_of, whole
from h5s3.formats.tables.hudi.opening import Opened, fetched
from h5s3.formats.tables.hudi.slices import BASE
from h5s3.formats.tables.hudi.timeline import WRITING, Instant, time_of
from h5s3.formats.tables.place import Place
from h5s3.records import UNSET, Json, TableVersion, UnsetType

MOST = 2_000  # instants whose documents are read: the newest
REWRITING = ("compact", "log_compact", "cluster")  # operations that leave the rows as they are
COUNTS = {  # of documents that are no commits, by their names in them
    "totalFilesDeleted": "files_deleted",
    "earliestCommitToRetain": "earliest_kept",
    "commitsRollback": "rolled_back",
    "instantsToRollback": "rolled_back",
    "savepointedBy": "by",
    "comments": "comments",
}


def read_history(place: Place, opened: Opened) -> list[TableVersion]:
    """All completed instants, the newest first. Of very old ones only the names are told."""
    instants = list(opened.timeline.completed)
    documents = fetched(place, instants[-MOST:])
    told = _Told(opened)
    found = [told.version(one, said) for one, said in read_archive(place, opened.timeline)]
    for one in instants:
        said = document_of(documents[one.path], one.path) if one.path in documents else {}
        found.append(told.version(one, said))
    return found[::-1]


class _Told:
    """Follows the file groups from instant to instant, so that replaced rows can be counted."""

    def __init__(self, opened: Opened) -> None:
        self._current = opened.instant
        self._rows: dict[tuple[str, str], int | None] = {}  # of file groups, by partition and file id
        kind = opened.properties.get("hoodie.table.type", "COPY_ON_WRITE").upper()
        self._whole = kind == "COPY_ON_WRITE"  # base files hold all rows

    def version(self, instant: Instant, document: Mapping[str, Any]) -> TableVersion:
        made = TableVersion(
            version=instant.time,
            time=time_of(instant.time),
            operation=instant.action,
            current=instant == self._current,
        )
        detail: dict[str, Json] = {"action": instant.action}
        if instant.completed is not None:
            detail["completed"] = time_of(instant.completed)
        if instant.action in WRITING and document:
            self._add(made, detail, commit_of(document, instant.path))
        else:
            for name, word in COUNTS.items():
                if (value := _told(document.get(name))) is not None:
                    detail[word] = value
        made.detail = detail
        return made

    def _add(self, made: TableVersion, detail: dict[str, Json], commit: Commit) -> None:
        made.operation = commit.operation or made.operation
        gone = [self._rows.pop(group, None) for group in commit.replaced]
        if commit.operation in REWRITING:
            made.rows_added = made.rows_removed = 0
        else:
            made.rows_added = _sum(one.inserts for one in commit.stats)
            made.rows_removed = _sum([*(one.deletes for one in commit.stats), *(gone if self._whole else [])])
            if gone and not self._whole:
                made.rows_removed = UNSET
            if updates := _sum(one.updates for one in commit.stats):
                detail["rows_updated"] = updates
        made.files_added = len(commit.stats)
        made.files_removed = self._take(commit) + len(gone)
        made.bytes_added = _sum(one.size for one in commit.stats)

    def _take(self, commit: Commit) -> int:
        """Note what was written; how many base files it supersedes."""
        superseded = 0
        for stat in commit.stats:
            match = BASE.fullmatch(stat.name)
            if match is None:
                continue
            group = (stat.path.rpartition("/")[0], match[1])
            superseded += group in self._rows
            self._rows[group] = stat.rows
        return superseded


def _sum(counts: Any) -> int | UnsetType:
    total = 0
    for count in counts:
        if count is None:
            return UNSET
        total += count
    return total


def _told(value: Any) -> Json:
    """A value of a document, if it is short."""
    if isinstance(value, str) and value:
        return value[:200]
    if isinstance(value, list):
        names = [one.get("commitTime") if isinstance(one, dict) else one for one in value[:100]]
        return [str(name)[:40] for name in names]
    return whole(value)
