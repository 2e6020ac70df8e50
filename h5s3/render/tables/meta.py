"""A table in full, or one of its columns, for people."""

from __future__ import annotations

from h5s3.records import UNSET, Meta, TableFacts
from h5s3.render.columns import Line, Row, align
from h5s3.render.tables.lists import file_lines, history_lines, row_group_lines
from h5s3.render.tables.schema import arrow_text, remarks, schema_lines
from h5s3.render.tables.words import (
    count_text,
    files_text,
    format_text,
    hiding_text,
    partitioning_text,
    rows_text,
    time_text,
)
from h5s3.render.text import plural, safe
from h5s3.render.value_text import attribute_text
from h5s3.sizes import size_text


def table_lines(meta: Meta, width: int, attributes_alone: bool = False) -> list[Line]:
    """The lines of a table: what holds for it, its columns, its properties; or the versions or files that
    were asked for."""
    if meta.table is UNSET:
        return _column_lines(meta, width)
    facts = meta.table
    lists = [meta.history, meta.files, meta.row_groups]
    if any(one is not UNSET for one in lists):
        lines = [_heading(meta, _short(facts))]
        if meta.history is not UNSET:
            lines += history_lines(meta.history, meta.history_truncated is True, width)
        if meta.files is not UNSET and meta.row_groups is UNSET:
            lines += file_lines(meta.files, facts.num_files)
        if meta.row_groups is not UNSET:
            lines += row_group_lines(meta.row_groups, width)
        return lines
    lines = [_heading(meta, "table")]
    if not attributes_alone:
        lines += _labelled(fact_words(meta))
        lines.append([("columns", "key"), (f" ({len(facts.columns):,})", "faint")])
        lines += schema_lines(facts.columns, width)
    if meta.attributes:
        lines.append([("properties", "key"), (f" ({meta.num_attributes:,})", "faint")])
        rows: list[Row] = [
            ([(f"  {safe(one.name, 200)}", "")], [(attribute_text(one, max(200, width)), "")])
            for one in meta.attributes
        ]
        lines += align(rows, width, [False], least=width * 3 // 5, spare=())
    return lines


def fact_words(meta: Meta) -> list[tuple[str, str]]:
    """What holds for a table, or a column, but what is in it: labels and safe texts."""
    if meta.table is not UNSET:
        found = _facts(meta.table)
    else:
        found = _column_facts(meta)
    return [(label, text) for label, text in found if text]


def _heading(meta: Meta, what: str) -> Line:
    return [(safe(meta.location, 1000), "key"), (f"  {safe(meta.path)}", "group"), (f"  {what}", "faint")]


def _labelled(facts: list[tuple[str, str]]) -> list[Line]:
    wide = max((len(label) for label, _ in facts), default=0)
    return [[(f"  {label.ljust(wide)}  ", "faint"), (text, _style(label))] for label, text in facts]


def _style(label: str) -> str:
    return "bad" if label == "refused" else "target" if label == "note" else ""


def _short(facts: TableFacts) -> str:
    version = "" if facts.version is None else f" version {safe(facts.version, 60)},"
    rows, files = rows_text(facts.rows), files_text(facts, sizes=False)
    return f"{format_text(facts.format)}{version or ','} {rows}, {files}"


def _facts(facts: TableFacts) -> list[tuple[str, str]]:
    sort_order = [] if facts.sort_order is UNSET else facts.sort_order
    return [
        ("format", _format(facts)),
        ("name", _set(facts.table_name)),
        ("about", _set(facts.description)),
        ("version", _version(facts)),
        ("rows", count_text(facts.rows) + _unknown(facts)),
        ("files", files_text(facts)),
        ("deletes", hiding_text(facts)),
        ("partitions", partitioning_text(facts.partitioning)),
        ("sorted by", safe(", ".join(sort_order))),
        ("features", _features(facts)),
        ("refused", f"rows are not read: {safe(facts.refused)}" if facts.refused is not UNSET else ""),
        ("moved from", _set(facts.moved_from)),
        ("written by", _set(facts.written_by)),
        ("id", _set(facts.id)),
        *(("note", safe(note, 2000)) for note in facts.notes),
    ]


def _format(facts: TableFacts) -> str:
    said = "" if facts.format_version is UNSET else safe(facts.format_version, 60)
    more = f", version {said}" if said[:1].isdigit() else f", {said}" if said else ""
    kind = "" if facts.table_type is UNSET else f", {safe(facts.table_type, 60)}"
    return format_text(facts.format) + more + kind


def _version(facts: TableFacts) -> str:
    if facts.version is None:
        return ""
    return safe(facts.version, 60) + ("" if facts.time is None else f"  of {time_text(facts.time)}")


def _unknown(facts: TableFacts) -> str:
    return "  (the metadata does not tell it)" if facts.rows is None else ""


def _features(facts: TableFacts) -> str:
    return ", ".join(
        safe(one.name, 80) + ("" if one.known else " [not known here]") for one in facts.features
    )


def _set(text: object) -> str:
    return safe(text) if isinstance(text, str) else ""


def _column_lines(meta: Meta, width: int) -> list[Line]:
    """One column, and what is in it."""
    assert meta.column is not UNSET
    column = meta.column
    lines = [_heading(meta, "column"), *_labelled(fact_words(meta))]
    if column.children is not UNSET:
        lines.append([("inside", "key"), (f" ({plural(len(column.children), 'field')})", "faint")])
        lines += schema_lines(column.children, width)
    return lines


def _column_facts(meta: Meta) -> list[tuple[str, str]]:
    assert meta.column is not UNSET
    column = meta.column
    words = safe(column.type) + (f"  (Arrow {arrow_text(column)})" if arrow_text(column) else "")
    return [
        ("type", words),
        ("rows", count_text(meta.shape[0]) if isinstance(meta.shape, list) and meta.shape else ""),
        ("required", "" if column.nullable else "yes"),
        ("field id", "" if column.field_id is UNSET else str(column.field_id)),
        ("size", _sizes(meta)),
        ("remarks", remarks(column)),
    ]


def _sizes(meta: Meta) -> str:
    stored = meta.storage_size if isinstance(meta.storage_size, int) else None
    if stored is None:
        return ""
    logical = f" of {size_text(meta.nbytes)}" if isinstance(meta.nbytes, int) and meta.nbytes else ""
    return f"stored in {size_text(stored)}{logical}"
