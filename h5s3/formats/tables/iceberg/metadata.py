"""The document of metadata: all that it says of a table, as it says it.

Source: the Iceberg specification, "Table Metadata" and "Appendix C: JSON serialization".
"""

from __future__ import annotations

from typing import Any

import msgspec

from h5s3.decoders import converted, json_decoder
from h5s3.errors import DamagedError
from h5s3.formats.tables.avro import inflated
from h5s3.sizes import MIB

KNOWN = (1, 2, 3)  # versions of the format
MOST_UNPACKED = 256 * MIB
FIRST_PARTITION_ID = 1000
GZIP = b"\x1f\x8b"


class _Part(msgspec.Struct, rename="kebab", kw_only=True):
    pass


class Field(_Part):
    """A field of a struct. `type` is a word, or an object where it is nested."""

    id: int
    name: str
    type: Any
    required: bool = False
    doc: str = ""
    initial_default: Any = msgspec.UNSET
    write_default: Any = msgspec.UNSET


class Schema(_Part):
    """The columns, as they were at a time."""

    fields: list[Field]
    schema_id: int = 0
    identifier_field_ids: list[int] = []


class SpecField(_Part):
    """What files are partitioned by."""

    name: str
    transform: str
    source_id: int | None = None
    source_ids: list[int] = []  # of transforms of several columns
    field_id: int | None = None

    @property
    def sources(self) -> list[int]:
        """The columns that it is made of."""
        return [self.source_id] if self.source_id is not None else self.source_ids


class Spec(_Part):
    """A partitioning, as it was at a time."""

    fields: list[SpecField]
    spec_id: int = 0


class SortField(_Part):
    """One key of a sort order."""

    transform: str
    direction: str = "asc"
    null_order: str = ""
    source_id: int | None = None
    source_ids: list[int] = []


class SortOrder(_Part):
    """How rows were sorted when they were written."""

    fields: list[SortField]
    order_id: int = 0


class Snapshot(_Part):
    """A version of the data."""

    snapshot_id: int
    timestamp_ms: int
    parent_snapshot_id: int | None = None
    sequence_number: int = 0
    manifest_list: str | None = None
    manifests: list[str] = []  # of version 1, in place of a list
    summary: dict[str, Any] | None = None
    schema_id: int | None = None
    key_id: str | None = None  # of the key that its list is encrypted with


class Ref(_Part):
    """A name of a snapshot."""

    snapshot_id: int
    type: str = "branch"


class SnapshotLog(_Part):
    """When a snapshot became the current one."""

    snapshot_id: int
    timestamp_ms: int


class MetadataLog(_Part):
    """An earlier document."""

    metadata_file: str
    timestamp_ms: int


class Metadata(_Part):
    """The document."""

    format_version: int
    location: str
    last_updated_ms: int = 0
    table_uuid: str | None = None
    schema: Schema | None = None  # of version 1
    schemas: list[Schema] = []
    current_schema_id: int | None = None
    partition_spec: list[SpecField] = []  # of version 1
    partition_specs: list[Spec] = []
    default_spec_id: int | None = None
    sort_orders: list[SortOrder] = []
    default_sort_order_id: int = 0
    properties: dict[str, Any] | None = None
    current_snapshot_id: int | None = None
    snapshots: list[Snapshot] | None = None
    snapshot_log: list[SnapshotLog] | None = None
    metadata_log: list[MetadataLog] | None = None
    refs: dict[str, Ref] | None = None
    encryption_keys: list[Any] | None = None

    def all_schemas(self) -> list[Schema]:
        """Those that are listed; of version 1 also the only one."""
        return self.schemas or ([self.schema] if self.schema else [])

    def schema_of(self, number: int | None) -> Schema:
        """A schema by its number (None: the current one). Raises `DamagedError`."""
        wanted = self.current_schema_id if number is None else number
        listed = self.all_schemas()
        found = next((one for one in listed if one.schema_id == wanted), None)
        if found is None and wanted is None and listed:
            found = self.schema or listed[-1]
        if found is None:
            raise DamagedError(f"the metadata of the table has no schema {wanted}")
        return found

    def specs(self) -> list[Spec]:
        """All partitionings, in the order in which they were used."""
        listed = self.partition_specs or [Spec(fields=self.partition_spec)]
        for spec in listed:
            for number, one in enumerate(spec.fields):
                if one.field_id is None:  # version 1 counts them
                    one.field_id = FIRST_PARTITION_ID + number
        return sorted(listed, key=lambda spec: spec.spec_id)

    def snapshot(self, number: int | None) -> Snapshot | None:
        """A snapshot by its id."""
        return next((one for one in self.snapshots or () if one.snapshot_id == number), None)

    @property
    def current(self) -> int | None:
        """The id of the current snapshot. Writers have said -1 for none."""
        return None if self.current_snapshot_id in (None, -1) else self.current_snapshot_id


def parse(data: bytes, what: str) -> Metadata:
    """The document from its bytes. Raises `DamagedError`, `RefusedError`."""
    if data[:2] == GZIP:
        from h5s3.errors import RefusedError

        data = inflated(data, 31, MOST_UNPACKED, what)
        if len(data) > MOST_UNPACKED:
            raise RefusedError(f"{what} unpacks to more than {MOST_UNPACKED // MIB} MiB")
    try:
        found: Metadata = json_decoder(Metadata).decode(data)
        return found
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DamagedError(f"{what} is no metadata of Iceberg: {error}") from None


def nested(kind: Any) -> Any:
    """A nested type with its parts checked. Raises `DamagedError`."""
    try:
        return converted(kind, StructType | ListType | MapType)
    except msgspec.ValidationError as error:
        raise DamagedError(f"a type in the schema cannot be read: {error}") from None


class StructType(_Part, tag="struct", tag_field="type"):
    """Fields."""

    fields: list[Field]


class ListType(_Part, tag="list", tag_field="type"):
    """Items of one type."""

    element_id: int
    element: Any
    element_required: bool = False


class MapType(_Part, tag="map", tag_field="type"):
    """Keys and values."""

    key_id: int
    key: Any
    value_id: int
    value: Any
    value_required: bool = False
