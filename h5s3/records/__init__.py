"""The records every command returns: the JSON contract, and what the renderers draw.

Field names follow the JSON section of the README. A field that is `UNSET` is absent from the JSON.
Sizes are bytes, times are seconds, dates are ISO 8601 in UTC. Text is exact: `render` makes it safe.
Names that are not UTF-8 carry their bytes in base64 beside an escaped form (`name_b64`).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from h5s3.records.attribute import Attribute, Member, TypeInfo
from h5s3.records.base import (
    Document,
    Followed,
    Json,
    Record,
    Shape,
    from_json,
    from_json_list,
    from_json_value,
    json_text,
    replaced,
    to_json,
    to_json_lines,
    to_json_value,
)
from h5s3.records.bench import Against, Bench, Check, Failure, Named, Ratio, Samples, Series, Strategy
from h5s3.records.cache import CacheClear, CacheFinding, CacheInfo, CachePath, CacheVerify
from h5s3.records.convention import Convention, Item
from h5s3.records.doctor import Costs, Doctor, Extent, FileLayout, Finding
from h5s3.records.du import DiskUsage, Usage
from h5s3.records.get import Get, GetStructure
from h5s3.records.ls import Arriving, Entry, Listing
from h5s3.records.many.catalog import (
    CatalogBuild,
    CatalogCheck,
    CatalogColumn,
    CatalogGroup,
    CatalogManifest,
    CatalogPart,
    CatalogQuery,
    CatalogTable,
    Difference,
)
from h5s3.records.many.diff import (
    Changed,
    DataFiles,
    Diff,
    DiffSide,
    NotCompared,
    OnOneSide,
    Renamed,
    TableDiff,
    TableSide,
)
from h5s3.records.many.find import (
    FileFailure,
    Find,
    FoundFile,
    FoundName,
    Match,
    NamedNode,
    Names,
    Presence,
    Searched,
    match,
)
from h5s3.records.many.outline import (
    Outline,
    OutlinedDataset,
    OutlinedFile,
    OutlinedObject,
    OutlinedTable,
    OutlinedType,
    OutlinedValue,
)
from h5s3.records.meta import (
    Codec,
    Dimension,
    ExternalFile,
    FileFacts,
    Filter,
    LinkCounts,
    LinkInfo,
    Meta,
    StoredChunk,
    StoreFacts,
    VirtualSource,
)
from h5s3.records.preview import (
    Axis,
    Coding,
    ColumnStats,
    Extreme,
    Plot,
    Point,
    PointAxis,
    Preview,
    Sampling,
    Stats,
    Table,
    Window,
)
from h5s3.records.refs import (
    ArrayReferences,
    FileReferences,
    GroupReferences,
    LeftOut,
    Refs,
    RefsCheck,
    RefsSource,
    StaleSource,
)
from h5s3.records.stats import Spent, Statistics
from h5s3.records.tables.table import (
    ColumnChunk,
    ColumnRange,
    Feature,
    Partition,
    PartitionField,
    RowGroup,
    TableColumn,
    TableFacts,
    TableFile,
    TableVersion,
)
from h5s3.records.tree import (
    AttributedNode,
    ChildNames,
    DatasetNode,
    DatatypeNode,
    ExternalLinkNode,
    GroupNode,
    Node,
    SoftLinkNode,
    Tree,
    TreeNode,
    UnresolvedNode,
    and_followed,
    kind_of,
    nodes_of,
)
from h5s3.records.zarr.convert import (
    ConversionFailure,
    ConversionPlan,
    Convert,
    ConvertMany,
    NotConverted,
    PlannedArray,
    PlannedOverview,
)
from h5s3.records.zarr.serve import Serve

DOCUMENTS: dict[str, type[Document]] = {
    "ls": Listing,
    "tree": Tree,
    "meta": Meta,
    "preview": Preview,
    "get": Get,
    "convert": Convert,
    "convert-many": ConvertMany,
    "du": DiskUsage,
    "diff": Diff,
    "find": Find,
    "catalog-build": CatalogBuild,
    "catalog-query": CatalogQuery,
    "catalog-check": CatalogCheck,
    "refs": Refs,
    "refs-check": RefsCheck,
    "serve": Serve,
    "bench": Bench,
    "doctor": Doctor,
    "cache": CacheInfo,
    "cache-verify": CacheVerify,
    "cache-clear": CacheClear,
    "cache-path": CachePath,
    "stats": Statistics,
}


def json_schema(command: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a command's document. Raises `KeyError` for an unknown command."""
    schema = msgspec.json.schema(DOCUMENTS[command])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
