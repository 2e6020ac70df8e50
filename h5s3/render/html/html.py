"""Records as HTML for notebooks: no script, and every text from files and servers escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import islice

from h5s3.records import (
    UNSET,
    Attribute,
    AttributedNode,
    Bench,
    Changed,
    DatasetNode,
    DatatypeNode,
    Diff,
    DiskUsage,
    Doctor,
    Document,
    Entry,
    ExternalLinkNode,
    Find,
    GroupNode,
    Listing,
    Match,
    Meta,
    OnOneSide,
    Preview,
    Record,
    SoftLinkNode,
    Table,
    Tree,
    TreeNode,
    UnresolvedNode,
    kind_of,
)
from h5s3.render.console import output_symbols
from h5s3.render.html.tables import data_rows, partitions_html, table_html
from h5s3.render.text import plural, safe, shape
from h5s3.render.value_text import attribute_text, cell_text, null_word, number_text, small_value_text
from h5s3.render.views.view import view_lines
from h5s3.sizes import size_text

MOST_ROWS = 200
MOST_NODES = 2000  # of a tree
DEEPEST = 50  # levels of a tree
LONGEST = 1000
PAGE = 160  # columns
PLAIN = "schema", "location", "path", "attributes", "attributes_truncated"  # no facts of their own
TOP = '<div style="font-family: monospace; text-align: left; overflow-x: auto">'


def html_of(record: Document) -> str:
    """A record as HTML."""
    body = "".join(_body(record))
    return f"{TOP}{_heading(record)}{body}</div>"


def _body(record: Document) -> Iterator[str]:
    if isinstance(record, Tree):
        return _tree(record)
    if isinstance(record, Listing):
        return _listing(record)
    if isinstance(record, Find):
        return _find(record)
    if isinstance(record, Diff):
        return _diff(record)
    if isinstance(record, Meta):
        return _meta(record)
    if isinstance(record, Preview):
        return _preview(record)
    if isinstance(record, DiskUsage):
        return _usage(record)
    if isinstance(record, Doctor):
        return _doctor(record)
    return _bench(record) if isinstance(record, Bench) else _facts(record)


def _heading(record: Document) -> str:
    parts = [getattr(record, name, UNSET) for name in ("location", "path")]
    shown = " &nbsp;".join(f"<b>{_text(part)}</b>" for part in parts if isinstance(part, str))
    return f"<div>{shown or escape(type(record).__name__)}</div>"


def _text(text: str, most: int = LONGEST) -> str:
    """Text that shows as it is, and does nothing."""
    return escape(safe(text, most))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], more: int = 0) -> Iterator[str]:
    """A table of plain texts. `more`: rows that are not in it."""
    yield "<table><thead><tr>"
    yield from (f'<th style="text-align: left">{_text(heading)}</th>' for heading in headings)
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = (f'<td style="text-align: left">{_text(cell)}</td>' for cell in row)
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table>"
    if more > 0:
        yield f"<div>… {more:,} more</div>"


# ---------------------------------------------------------------------------------------------- trees


def _tree(tree: Tree) -> Iterator[str]:
    if tree.convention is not UNSET:
        lines = ("".join(text for text, _ in line) for line in view_lines(tree, PAGE, output_symbols()))
        yield f"<pre>{escape(chr(10).join(islice(lines, MOST_NODES)))}</pre>"
    if tree.attributes is not UNSET:
        yield from _attributes(tree.attributes)
    if tree.partitions is not UNSET:
        count = len(tree.partitions) if tree.num_partitions is UNSET else tree.num_partitions
        yield from partitions_html(tree.partitions, count, _table)
        return
    nodes = tree.children if tree.node is UNSET else [tree.node]
    yield from _nodes(nodes, tree.num_children if tree.children_truncated else len(nodes))


def _nodes(top: Sequence[TreeNode], total: int) -> Iterator[str]:
    """Nested lists, without recursion: a file may nest deeper than Python's stack."""
    left = MOST_NODES
    stack = [(iter(top), total, "</ul>")]
    yield "<ul>"
    while stack:
        nodes, hidden, after = stack.pop()
        node = next(nodes, None) if left else None
        if node is None:
            yield (f"<li>… {hidden:,} more</li>" if hidden > 0 else "") + after
            continue
        left -= 1
        stack.append((nodes, hidden - 1, after))
        inside = "".join(_inside(node))
        below = node.children if isinstance(node, GroupNode) and node.children is not UNSET else []
        if isinstance(node, ExternalLinkNode) and node.node is not UNSET and len(stack) < DEEPEST:
            yield f"<li><details><summary>{_label(node)}</summary><ul>"
            stack.append((iter([node.node]), 1, "</ul></details></li>"))
        elif below and len(stack) < DEEPEST and isinstance(node, GroupNode):
            yield f"<li><details><summary>{_label(node)}</summary>{inside}<ul>"
            stack.append((iter(below), node.num_children, "</ul></details></li>"))
        elif inside:
            yield f"<li><details><summary>{_label(node)}</summary>{inside}</details></li>"
        else:
            yield f"<li>{_label(node)}</li>"


def _inside(node: TreeNode) -> Iterator[str]:
    if isinstance(node, AttributedNode) and node.attributes is not UNSET and node.attributes:
        yield from _attributes(node.attributes)


def _label(node: TreeNode) -> str:
    name = f"<b>{_text(node.name)}</b>"
    if isinstance(node, GroupNode):
        return f"{name}/ &nbsp;({plural(node.num_children, 'child', 'children')})"
    return f"{name} &nbsp;{_text(_what(node))}"


def _what(node: TreeNode) -> str:
    if isinstance(node, DatasetNode):
        value = f"  = {small_value_text(node, 60)}" if node.value is not UNSET else ""
        return f"{shape(node.shape)}  {node.dtype}  {size_text(node.nbytes)}{value}"
    if isinstance(node, DatatypeNode):
        return f"datatype {node.dtype}"
    if isinstance(node, SoftLinkNode | ExternalLinkNode):
        error = node.error if isinstance(node, ExternalLinkNode) else UNSET
        return f"→ {node.target}" + ("" if error is UNSET else f"  ({error})")
    return f"({node.reason})" if isinstance(node, UnresolvedNode) else ""


def _attributes(attributes: Sequence[Attribute]) -> Iterator[str]:
    rows = ((a.name, f"{a.dtype} {shape(a.shape)}", attribute_text(a)) for a in attributes[:MOST_ROWS])
    yield from _table(("attribute", "type", "value"), rows, len(attributes) - MOST_ROWS)


# ---------------------------------------------------------------------------------------------- the others


def _listing(found: Listing) -> Iterator[str]:
    rows = ((entry.key, _amount(entry), entry.last_modified or "") for entry in found.entries[:MOST_ROWS])
    yield from _table(("key", "size", "last modified"), rows, len(found.entries) - MOST_ROWS)
    if found.truncated:
        yield "<div>more objects exist: raise limit</div>"


def _find(found: Find) -> Iterator[str]:
    if found.files_found is not UNSET:
        files = ((one.location, f"{one.num_matches:,}") for one in found.files_found[:MOST_ROWS])
        yield from _table(("file", "matches"), files, len(found.files_found) - MOST_ROWS)
    else:
        rows = (_match(one) for one in found.matches[:MOST_ROWS])
        headings = ("file", "path", "kind", "shape", "type")
        yield from _table(headings, rows, len(found.matches) - MOST_ROWS)
    if found.failures:
        yield from _table(("not looked into", "why"), ((one.location, one.error) for one in found.failures))


def _diff(found: Diff) -> Iterator[str]:
    """What differs, by path; or that nothing does."""
    yield f"<div>{escape(safe(f'{found.a.location} → {found.b.location}', LONGEST))}</div>"
    rows = [(one.path, "+", _alone(one), "", "") for one in found.added]
    rows += [(one.path, "-", _alone(one), "", "") for one in found.removed]
    rows += [(one.a, ">", "renamed", "", one.b) for one in found.renamed]
    rows += [
        (one.path, "~", _changed(one), cell_text(one.a), cell_text(one.b))
        for one in found.changed[:MOST_ROWS]
    ]
    if found.table is not UNSET and not found.table.same:
        rows += data_rows(found.table)
    rows += [(one.path, "?", f"not compared: {one.reason}", "", "") for one in found.not_compared]
    if rows:
        yield from _table(("path", "", "what", "a", "b"), sorted(rows)[:MOST_ROWS], len(rows) - MOST_ROWS)
    else:
        yield "<div>identical</div>"


def _alone(one: OnOneSide) -> str:
    return f"@{one.name}" if one.name is not UNSET else one.type.replace("_", " ")


def _changed(one: Changed) -> str:
    what = f"@{one.attribute} {one.field}" if one.attribute is not UNSET else one.field
    count = f": {one.num_different:,} of {one.num_compared:,}" if one.num_different is not UNSET else ""
    return what + count


def _match(one: Match) -> tuple[str, ...]:
    facts = (shape(one.shape), one.dtype) if isinstance(one, DatasetNode) else ("", "")
    return (one.location, one.path, kind_of(one).replace("_", " "), *facts)


def _amount(entry: Entry) -> str:
    """The size of an object, the format of a store, or what else it is."""
    return size_text(entry.size) if entry.size is not None else entry.format or entry.type


def _facts(record: Record) -> Iterator[str]:
    """All fields that say something, as they are in the JSON; lists of records by their length."""
    rows = []
    for name, value in record.to_dict().items():
        if name in PLAIN or value is None or value == []:
            continue
        many = isinstance(value, list) and isinstance(value[0], dict)
        rows.append((name, f"{len(value):,}" if many else cell_text(value, 200)))
    return _table(("field", "value"), rows)


def _meta(meta: Meta) -> Iterator[str]:
    if meta.table is not UNSET or meta.column is not UNSET:
        yield from table_html(meta, _table)
        return
    yield from _facts(meta)
    if meta.attributes:
        yield from _attributes(meta.attributes)


def _preview(preview: Preview) -> Iterator[str]:
    yield f"<div>{_text(f'{shape(preview.shape)}  {preview.dtype}  [{preview.selection}]')}</div>"
    if preview.title is not UNSET:
        yield f"<div>{_text(preview.title)}</div>"
    stats, null = preview.stats, "null"
    if stats is not None:
        null = null_word(stats.nan_count, stats.inf_count, stats.missing_count)
        units = preview.units if preview.units is not UNSET else ""
        figures = [number_text(value) for value in (stats.min, stats.max, stats.mean, stats.std)]
        counts = [f"{stats.nan_count:,}", f"{stats.sample_size:,}", f"{100 * stats.coverage:.3g} %"]
        headings = ("min", "max", "mean", "std", "NaN", "values read", "of all", "units")
        yield from _table(headings, [[*figures, *counts, units]])
    yield from _picture(preview)
    if preview.table is not None:
        yield from _values(preview.table, null)
    yield from (f"<div>{_text(note)}</div>" for note in preview.notes)


def _picture(preview: Preview) -> Iterator[str]:
    """The plot, if matplotlib is there to draw it."""
    from h5s3.render.plots.figure import figure_bytes

    if preview.plot is None:
        return
    try:
        data = figure_bytes(preview, preview.plot, "png")
    except ImportError:
        return
    encoded = b64encode(data).decode()
    yield f'<img style="max-width: 640px" alt="plot" src="data:image/png;base64,{encoded}">'


def _values(table: Table, null: str) -> Iterator[str]:
    width = max((len(row) for row in table.rows), default=0)
    columns = table.columns if table.columns is not UNSET else [str(column) for column in range(width)]
    labels = table.row_labels if table.row_labels is not UNSET else range(len(table.rows))
    rows = (
        [str(label), *(cell_text(cell, 40, null) for cell in row)]
        for label, row in zip(labels, table.rows[:MOST_ROWS], strict=False)
    )
    yield from _table(["", *columns], rows, len(table.rows) - MOST_ROWS)
    if table.rows_truncated or table.columns_truncated:
        yield "<div>… a corner of the data</div>"


def _usage(found: DiskUsage) -> Iterator[str]:
    if found.partitions is not UNSET:
        count = len(found.partitions) if found.num_partitions is UNSET else found.num_partitions
        yield from partitions_html(found.partitions, count, _table)
        return
    rows = [
        (
            one.path,
            "?" if one.stored is None else size_text(one.stored),
            size_text(one.logical),
            number_text(one.ratio),
        )
        for one in found.entries[:MOST_ROWS]
    ]
    rows.append(("all", size_text(found.stored), size_text(found.logical), number_text(found.ratio)))
    more = found.num_entries - min(len(found.entries), MOST_ROWS)
    yield from _table(("path", "stored", "logical", "ratio"), rows, more)
    yield from (f"<div>{_text(note)}</div>" for note in found.notes)


def _doctor(found: Doctor) -> Iterator[str]:
    every = found.connection + (found.file if found.file is not UNSET else [])
    rows = [
        (one.status, one.name, one.detail, one.remedy if one.remedy is not UNSET else "") for one in every
    ]
    yield from _table(("status", "checked", "found", "remedy"), rows)


def _bench(found: Bench) -> Iterator[str]:
    rows = [
        (
            f"{one.operation}, {one.connection} connection",
            size_text(one.size),
            str(one.concurrency),
            *(number_text(seconds) for seconds in (one.p50, one.p90, one.max)),
        )
        for one in found.samples
    ]
    yield from _table(("request", "bytes", "at once", "p50 s", "p90 s", "max s"), rows)
    yield from (f"<div>{_text(warning)}</div>" for warning in found.warnings)
