"""Lists of manifests, and manifests: which files a snapshot is made of.

Source: the Iceberg specification, "Manifests" and "Snapshots" (manifest lists, sequence number inheritance).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.avro import Decoder, Named
from h5s3.formats.tables.iceberg.metadata import Spec
from h5s3.formats.tables.iceberg.values import word_of
from h5s3.sizes import GIB

DATA, POSITION, EQUALITY = 0, 1, 2  # contents of files
EXISTING, ADDED, DELETED = 0, 1, 2  # states of entries
MOST_MANIFESTS = 100_000
MOST_ENTRIES = 2_000_000
MOST_PACKED = 2 * GIB  # bytes of all manifests of a snapshot
Types = tuple[tuple[int, str | None], ...]  # ids of the fields of partitions, types as they were written
IDS = {  # of fields, by their names, for files that do not say them
    **{"manifest_path": 500, "manifest_length": 501, "partition_spec_id": 502, "content": 517},
    **{"sequence_number": 515, "added_snapshot_id": 503, "key_metadata": 519},
    **{"added_files_count": 504, "existing_files_count": 505, "deleted_files_count": 506},
    **{"added_data_files_count": 504, "existing_data_files_count": 505, "deleted_data_files_count": 506},
}
ENTRY = {"status": 0, "snapshot_id": 1, "data_file": 2, "sequence_number": 3, "file_sequence_number": 4}
FILE = {
    **{
        "file_path": 100,
        "file_format": 101,
        "partition": 102,
        "record_count": 103,
        "file_size_in_bytes": 104,
    },
    **{"column_sizes": 108, "null_value_counts": 110, "lower_bounds": 125, "upper_bounds": 128},
    **{"key_metadata": 131, "content": 134, "equality_ids": 135, "referenced_data_file": 143},
    **{"content_offset": 144, "content_size_in_bytes": 145},
}


@dataclass(frozen=True)
class Manifest:
    """One line of a list. `path`: as the list has it."""

    path: str
    spec_id: int | None  # None: the manifest tells
    content: int = DATA  # of the manifest: 0 data, 1 deletes
    sequence_number: int = 0
    live: bool = True  # whether there may be files in it that are not deleted
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a snapshot, as a manifest has it."""

    path: str
    content: int
    format: str
    rows: int
    size: int
    sequence_number: int
    spec_id: int
    partition: tuple[Any, ...]  # values without their logical types
    partition_types: Types
    column_sizes: Sequence[Mapping[str, Any]] | None
    nulls: Sequence[Mapping[str, Any]] | None
    lower: Sequence[Mapping[str, Any]] | None
    upper: Sequence[Mapping[str, Any]] | None
    equality_ids: tuple[int, ...]
    referenced: str | None  # the only data file that a file of deletes is about
    offset: int | None  # of a deletion vector in its Puffin file
    length: int | None
    encrypted: bool


def list_of(data: bytes, what: str) -> list[Manifest]:
    """The manifests of a snapshot. Raises `DamagedError`, `RefusedError`."""
    found: list[Manifest] = []
    for one in Decoder(_named(IDS)).read(data, what).records:
        if len(found) >= MOST_MANIFESTS:
            raise RefusedError(f"{what} has more than {MOST_MANIFESTS:,} manifests")
        path = one.get("_500")
        if not isinstance(path, str):
            raise DamagedError(f"{what} has a manifest without a path")
        counts = one.get("_504"), one.get("_505")
        found.append(
            Manifest(
                path,
                one.get("_502"),
                one.get("_517") or 0,
                one.get("_515") or 0,
                live=None in counts or counts != (0, 0),
                encrypted=one.get("_519") is not None,
            )
        )
    return found


class Entries:
    """Reads manifests, most of which have the same schema."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self._names = {
            one.name: one.field_id for spec in specs for one in spec.fields if one.field_id is not None
        }
        self._decoder = Decoder(_named(ENTRY, FILE, self._names))
        self._types: dict[int, Types] = {}
        self._count = 0

    def read(self, manifest: Manifest, data: bytes) -> Iterator[Entry]:
        """The files that are there. Raises `DamagedError`, `RefusedError`."""
        container = self._decoder.read(data, manifest.path)
        spec_id = manifest.spec_id
        if spec_id is None:
            text = container.metadata.get("partition-spec-id", b"0").decode("ascii", "replace")
            spec_id = int(text) if text.isdigit() else 0
        types = self._types.get(id(container.schema))
        if types is None:
            types = self._types[id(container.schema)] = partition_types(container.schema, self._names)
        for one in container.records:
            if one.get("_0") != DELETED:
                self._count += 1
                if self._count > MOST_ENTRIES:
                    raise RefusedError(f"the table has more than {MOST_ENTRIES:,} files")
                yield _entry(one, manifest, spec_id, types)


def _entry(one: Mapping[str, Any], manifest: Manifest, spec_id: int, types: Types) -> Entry:
    file = one.get("_2")
    if not isinstance(file, dict) or not isinstance(file.get("_100"), str):
        raise DamagedError(f"{manifest.path} has an entry without a file")
    sequence = one.get("_3")
    if sequence is None:
        if one.get("_0") != ADDED and manifest.sequence_number:
            raise DamagedError(f"{manifest.path} has an entry without a sequence number")
        sequence = manifest.sequence_number
    partition = file.get("_102") or {}
    content = file.get("_134")
    return Entry(
        file["_100"],
        content if content is not None else DATA,
        str(file.get("_101", "")).lower(),
        _count(file.get("_103"), manifest),
        _count(file.get("_104"), manifest),
        sequence,
        spec_id,
        tuple(partition.get(f"_{number}") for number, _ in types),
        types,
        file.get("_108"),
        file.get("_110"),
        file.get("_125"),
        file.get("_128"),
        tuple(file.get("_135") or ()),
        file.get("_143"),
        file.get("_144"),
        file.get("_145"),
        file.get("_131") is not None,
    )


def _count(value: Any, manifest: Manifest) -> int:
    if not isinstance(value, int) or value < 0:
        raise DamagedError(f"{manifest.path} has a file without a size or a number of rows")
    return value


def _named(*levels: Mapping[str, int]) -> Named:
    """Fields by their ids, at each level of records; where they have none, by the ids of these names.

    Deeper ones are the keys and values of maps.
    """

    def name(field: dict[str, Any], depth: int) -> str:
        word = str(field["name"])
        if depth >= len(levels):
            return word if word in ("key", "value") else ""
        number = field.get("field-id", levels[depth].get(word))
        return f"_{number}" if isinstance(number, int) else ""

    return name


def partition_types(schema: Any, names: Mapping[str, int]) -> Types:
    """Ids and types of the fields of partitions, as they were written, in the order of the ids."""
    file = _inside(schema, "data_file", 2)
    partition = _inside(file, "partition", 102)
    found = [(one.get("field-id", names.get(str(one["name"]))), one["type"]) for one in _fields(partition)]
    return tuple(sorted((number, word_of(kind)) for number, kind in found if isinstance(number, int)))


def _inside(schema: Any, name: str, number: int) -> Any:
    """The type of a field of a record."""
    for one in _fields(schema):
        if one.get("field-id", number if one["name"] == name else None) == number:
            return one["type"]
    return None


def _fields(schema: Any) -> list[dict[str, Any]]:
    while isinstance(schema, dict) and isinstance(schema.get("type"), dict):
        schema = schema["type"]
    fields = schema.get("fields") if isinstance(schema, dict) else None
    return fields if isinstance(fields, list) else []
