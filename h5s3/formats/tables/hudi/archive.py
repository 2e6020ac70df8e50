"""Instants that were archived: what they say is kept in a few files.

Source: Hudi's technical specification, "Timeline": log files before version 8 of tables, with entries of type
`HoodieArchivedMetaEntry`; since then files of Parquet (`HoodieLSMTimelineInstant`), of which a manifest names
those that count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.arrow import reading
from h5s3.formats.tables.hudi.commits import commit_of, document_of
from h5s3.formats.tables.hudi.logs.blocks import AVRO, read_blocks, records_of
from h5s3.formats.tables.hudi.timeline import Instant, Timeline
from h5s3.formats.tables.place import Place
from h5s3.sizes import MIB

MOST = 64 * MIB  # bytes of all these files
MOST_DECODED = 256 * MIB  # of all of them
MANIFEST = re.compile(r"manifest_(\d{1,9})")
SAID = (
    "hoodieCommitMetadata",
    "hoodieReplaceCommitMetadata",
    "hoodieCleanMetadata",
    "hoodieRollbackMetadata",
    "hoodieSavePointMetadata",
)  # where entries of log files have it

Said = tuple[Instant, Mapping[str, Any]]


def read_archive(place: Place, timeline: Timeline) -> list[Said]:
    """Completed instants and what they say, the oldest first. None where that cannot be read."""
    if not timeline.archived or sum(size for _, size in timeline.archived) > MOST:
        return []
    try:
        found = list(_of_parquet(place, timeline) if timeline.layout == 2 else _of_logs(place, timeline))
        for one, said in found:
            commit_of(said, one.path)
    except (DamagedError, RefusedError):
        return []
    there = {one.time for one in timeline.completed}
    by_name = {(one.time, one.action): (one, said) for one, said in found if one.time not in there}
    return [by_name[key] for key in sorted(by_name)]


def _of_logs(place: Place, timeline: Timeline) -> Iterator[Said]:
    for path, data in place.documents([path for path, _ in timeline.archived], MOST).items():
        for block in read_blocks(data, path):
            if block.kind != AVRO:
                continue
            for entry in records_of(block)[1]:
                time, action = entry.get("commitTime"), entry.get("actionType")
                state = entry.get("actionState") or "COMPLETED"
                if isinstance(time, str) and isinstance(action, str) and state == "COMPLETED":
                    said = [entry[name] for name in SAID if isinstance(entry.get(name), dict)]
                    yield Instant(time, action, path, 0), said[0] if said else {}


def _of_parquet(place: Place, timeline: Timeline) -> Iterator[Said]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = 0
    for path, data in place.documents(_current(place, timeline), MOST).items():
        with reading(path):
            file = pq.ParquetFile(pa.BufferReader(data))
            groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
            size += sum(group.total_byte_size for group in groups)
            if size > MOST_DECODED:
                raise RefusedError(f"the archive has more than {MOST_DECODED // MIB} MiB")
            rows = file.read(["instantTime", "completionTime", "action", "metadata"], use_threads=False)
            entries = rows.to_pylist()
        for entry in entries:
            time, action = str(entry["instantTime"]), str(entry["action"])
            said = document_of(entry["metadata"] or b"", path)
            yield Instant(time, action, path, 0, entry["completionTime"]), said


def _current(place: Place, timeline: Timeline) -> list[str]:
    """The files that the newest manifest names."""
    paths = dict(timeline.archived)
    folder = next(iter(paths)).rpartition("/")[0]
    numbers = [int(match[1]) for path in paths if (match := MANIFEST.fullmatch(path.rpartition("/")[2]))]
    if not numbers:
        return []
    path = f"{folder}/manifest_{max(numbers)}"
    files = document_of(place.documents([path], MOST).get(path, b""), path).get("files")
    names = [one.get("fileName") for one in files if isinstance(one, dict)] if isinstance(files, list) else []
    return [f"{folder}/{name}" for name in names if f"{folder}/{name}" in paths]
