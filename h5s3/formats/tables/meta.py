"""A table in full, or one of its columns."""

from __future__ import annotations

from statistics import median_low

from h5s3.errors import NotFoundError, NoValuesError, UsageError
from h5s3.formats.names import nearest, shown_by
from h5s3.formats.requests import MetaRequest
from h5s3.formats.tables.arrow import info_of, width_of
from h5s3.formats.tables.attributes import attributes_of
from h5s3.formats.tables.json_values import json_of
from h5s3.formats.tables.table import Column, DataFile, Table, is_struct
from h5s3.formats.tables.tree import column_at
from h5s3.records import UNSET, Meta, TableColumn, TableFacts, TableFile
from h5s3.storage.base import ObjectInfo

MOST_FILES = 100  # that are told of, unless more are asked for


def read_meta(table: Table, info: ObjectInfo, asked: MetaRequest) -> Meta:
    """What is at a path. Raises `NotFoundError` for a column or a property that is not there."""
    if asked.chunks:
        raise NoValuesError("a table has no chunks", hint="--files tells of its files, or row groups")
    column = column_at(table.columns, asked.path)
    document = Meta(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        path=asked.path,
        name=column.name if column else "/",
        kind="dataset" if column is not None and not is_struct(column) else "group",
        attributes=[],
        num_attributes=0,
    )
    if column is None:
        _add_table(document, table, asked)
    else:
        _add_column(document, table, column, asked)
    return document


def _add_table(document: Meta, table: Table, asked: MetaRequest) -> None:
    if asked.attribute is not None:
        if asked.attribute not in table.properties:
            meant = nearest(asked.attribute, table.properties)
            hint = f"did you mean {meant}?" if meant else shown_by(asked.path)
            raise NotFoundError(f"the table has no property {asked.attribute}", hint=hint)
        properties = {asked.attribute: table.properties[asked.attribute]}
    else:
        properties = dict(table.properties)
    document.attributes = attributes_of(properties)
    document.num_attributes = len(table.properties)
    document.num_children = len(table.columns)
    document.table = facts_of(table)
    if asked.history:
        history = table.history()
        document.history = history[: asked.versions] if asked.versions else history
        document.history_truncated = len(document.history) < len(history)
    if asked.files is not None:
        table.read_statistics()
        shown = table.files[: asked.files] if asked.files else table.files
        document.files = [file_of(one) for one in shown]
        document.files_truncated = len(shown) < len(table.files)
        document.row_groups = table.row_groups(asked.files)


def facts_of(table: Table) -> TableFacts:
    """What holds for the whole of it."""
    sizes = [one.size for one in table.files if one.size is not None]
    whole = len(sizes) == len(table.files)
    return TableFacts(
        format=table.format,
        format_version=table.format_version or UNSET,
        table_type=table.table_type or UNSET,
        id=table.id or UNSET,
        table_name=table.name or UNSET,
        description=table.description or UNSET,
        version=table.version,
        time=table.time,
        columns=[_column("", one) for one in table.columns],
        partitioning=list(table.partitioning),
        sort_order=list(table.sort_order) or UNSET,
        properties=dict(table.properties),
        features=list(table.features),
        refused=table.refused or UNSET,
        rows=table.rows,
        num_files=len(table.files),
        bytes=sum(sizes) if whole else None,
        smallest=min(sizes) if whole and sizes else None,
        median=median_low(sizes) if whole and sizes else None,
        largest=max(sizes) if whole and sizes else None,
        num_delete_files=table.num_delete_files,
        num_deletion_vectors=table.num_deletion_vectors,
        num_log_files=sum(len(one.logs) for one in table.files),
        written_by=table.written_by or UNSET,
        moved_from=table.moved_from or UNSET,
        notes=list(table.notes),
    )


def _column(above: str, column: Column) -> TableColumn:
    path = f"{above}/{column.name}"
    return TableColumn(
        name=column.name,
        path=path,
        type=column.type,
        arrow=None if column.arrow is None else str(column.arrow),
        nullable=column.nullable,
        field_id=UNSET if column.field_id is None else column.field_id,
        comment=column.comment or UNSET,
        default=UNSET if column.default is UNSET else json_of(column.default),
        write_default=UNSET if column.write_default is UNSET else json_of(column.write_default),
        key=column.key or UNSET,
        children=[_column(path, one) for one in column.children] or UNSET,
    )


def file_of(file: DataFile) -> TableFile:
    """A data file as a record."""
    return TableFile(
        path=file.path,
        size=file.size,
        rows=file.rows,
        rows_deleted=file.deleted or UNSET,
        partition={name: json_of(value) for name, value in file.partition.items()} or UNSET,
        deletes=[str(one) for one in file.deletes] or UNSET,
        logs=list(file.logs) or UNSET,
        format=file.format,
        statistics=dict(file.statistics) if file.statistics else UNSET,
        elsewhere=file.elsewhere or UNSET,
    )


def _add_column(document: Meta, table: Table, column: Column, asked: MetaRequest) -> None:
    if asked.attribute is not None or asked.history or asked.files is not None:
        raise UsageError("--attr, --history and --files are about the table", hint="leave PATH out")
    above = asked.path.rstrip("/").removesuffix(f"/{column.name}")
    document.column = _column(above, column)
    document.dtype = column.type if column.arrow is None else str(column.arrow)
    document.type, document.raw_type = info_of(column.arrow), column.type
    stored, logical = table.known_bytes().get(asked.path.rstrip("/"), (None, None))
    document.storage_size = stored
    if is_struct(column):
        document.num_children = len(column.children)
        return
    rows, width = table.rows, width_of(column.arrow)
    document.shape = None if rows is None else [rows]
    document.size, document.ndim = rows or 0, 1
    document.layout = "columns"
    if logical is not None or width is not None:
        document.nbytes = logical if logical is not None else (rows or 0) * (width or 0)
    if stored and logical:
        document.compression_ratio = round(logical / stored, 4)
