"""Trees as aligned lines of kinds, shapes, types, chunks, filters and sizes, or as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

from h5s3.records import (
    UNSET,
    Attribute,
    AttributedNode,
    DatasetNode,
    DatatypeNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    Tree,
    TreeNode,
    UnresolvedNode,
    kind_of,
    nodes_of,
)
from h5s3.render.columns import Cell, Line, Row, align_with_tails, print_lines
from h5s3.render.console import Symbols, output_symbols, stdout
from h5s3.render.text import plural, safe, shape
from h5s3.render.value_text import attribute_text, followed_text, small_value_text
from h5s3.sizes import size_text

LONGEST_NAME = 120
COLUMNS = 5
RIGHT = [False, False, False, False, True]
SPARE = (3, 2, 1, 4, 0)  # columns that give way to a long name: filters, chunks, type, size, shape
SCARCE = (2, 3, 4)  # those that give way to values: chunks, filters, sizes
LONGEST_VALUE = 60
LEAST_TYPE = 24  # characters of the type of a column


def show_tree(tree: Tree, stored: bool = False) -> None:
    """Print a tree, with the stored sizes of its datasets or the logical ones."""
    console = stdout()
    if tree.convention is not UNSET:
        from h5s3.render.views.view import view_lines  # a tree without a view starts without it

        print_lines(console, view_lines(tree, console.width, output_symbols()))
    else:
        lines = tree_lines(tree, console.width, output_symbols(), stored)
        print_lines(console, lines, fold=tree.partitions is not UNSET)


def tree_lines(tree: Tree, width: int, symbols: Symbols, stored: bool = False) -> Iterator[Line]:
    """The lines of a tree: a heading, one per object, and what was not shown."""
    if tree.partitions is not UNSET:
        from h5s3.render.tables.tree import partitioned_lines  # a tree without starts without it

        yield from partitioned_lines(tree)
        return
    yield _heading(tree, stored)
    rows: list[Row] = []
    if tree.attributes is not UNSET:
        rows += _attribute_rows(
            tree.attributes, tree.attributes_truncated is True, symbols.pipe if tree.children else "    "
        )
    if tree.node is not UNSET:
        rows += _rows([tree.node], False, 1, symbols, stored)
    else:
        rows += _rows(tree.children, tree.children_truncated, tree.num_children, symbols, stored)
    if width < 100:  # no room for chunks
        rows = [(head, [*cells[:2], ("", ""), *cells[3:]]) for head, cells in rows]
    if any(isinstance(node, DatasetNode) and node.is_column for node in nodes_of(tree)):
        rows = [(head, _with_short_type(cells, max(LEAST_TYPE, width // 3))) for head, cells in rows]
    with_values = [((head, cells[:COLUMNS]), (cells[COLUMNS:] or [("", "")])[0]) for head, cells in rows]
    yield from align_with_tails(with_values, width, RIGHT, SPARE, SCARCE)


def _heading(tree: Tree, stored: bool) -> Line:
    where = f"{safe(tree.location, 1000)}"
    leaves = [node for node in nodes_of(tree) if isinstance(node, DatasetNode)]
    columns = any(node.is_column for node in leaves)
    nouns = ("column", "columns") if columns and tree.path == "/" else ("child", "children")
    words = [] if tree.node is not UNSET else [plural(tree.num_children, *nouns)]
    stored = stored or columns
    if any(node.storage_size is not UNSET or not node.is_column for node in leaves):
        size = "size" if tree.node is not UNSET else "sizes"
        words.append(f"{'stored' if stored else 'logical'} {size}")
    count = f"  ({', '.join(words)})" if words else ""
    where_to = [] if tree.followed is UNSET else [(f"  = {followed_text(tree.followed)}", "target")]
    return [(where, "key"), (f"  {safe(tree.path)}", "group"), *where_to, (count, "faint")]


def _rows(children: list[TreeNode], cut: bool, total: int, symbols: Symbols, stored: bool) -> list[Row]:
    """All rows, depth first, without recursion: a file may nest deeper than Python's stack."""
    rows: list[Row] = []
    stack: list[tuple[str, list[TreeNode], int, int]] = [("", children, 0, total if cut else len(children))]
    while stack:
        prefix, level, index, count = stack.pop()
        if index >= len(level):
            if count > len(level):
                rows.append(([(prefix + symbols.last, "faint"), _more(count - len(level))], []))
            continue
        stack.append((prefix, level, index + 1, count))
        node, last = level[index], index + 1 == count
        below = prefix + ("    " if last else symbols.pipe)
        rows.append(
            (
                [(prefix + (symbols.last if last else symbols.branch), "faint"), *_name(node, symbols)],
                cells_of(node, symbols, stored),
            )
        )
        if isinstance(node, AttributedNode) and node.attributes is not UNSET:
            rows += _attribute_rows(node.attributes, node.attributes_truncated is True, below)
        if isinstance(node, AttributedNode) and node.attributes_error is not UNSET:
            words = f"@… unreadable: {safe(node.attributes_error, 80)}"
            rows.append(([(below, "faint"), (words, "bad")], []))
        if isinstance(node, ExternalLinkNode) and node.node is not UNSET:
            stack.append((below, [node.node], 0, 1))
        elif isinstance(node, GroupNode) and node.children is not UNSET:
            more = node.num_children if node.children_truncated is True else len(node.children)
            stack.append((below, node.children, 0, more))
        elif isinstance(node, GroupNode) and node.children_truncated is True:
            words = f"… {node.num_children:,} more (the walk ends here: name this PATH)"
            rows.append(([(below + symbols.last, "faint"), (words, "faint")], []))
    return rows


def _more(count: int) -> Cell:
    return (f"… {count:,} more (--limit 0 shows all)", "faint")


def _name(node: TreeNode, symbols: Symbols) -> Line:
    name = safe(node.name, LONGEST_NAME)
    if isinstance(node, AttributedNode) and node.alias_of is not UNSET:
        return [(name, "link"), (f" = {safe(node.alias_of)}", "target")]
    if isinstance(node, GroupNode):
        error = [] if node.error is UNSET else [(f"  (unreadable: {safe(node.error, 80)})", "bad")]
        return [("/" if node.name == "/" else f"{name}/", "group"), *error]
    if isinstance(node, SoftLinkNode | ExternalLinkNode):
        kind = kind_of(node).replace("_", " ")
        target = (f" {symbols.arrow} {safe(node.target)}", "target")
        if isinstance(node, ExternalLinkNode) and node.error is not UNSET:
            return [
                (name, "link"),
                target,
                (f"  ({kind}: {safe(node.error, 200)})", "bad"),
            ]
        return [(name, "link"), target, (f"  ({kind})", "faint")]
    if isinstance(node, DatatypeNode):
        return [(name, "datatype")]
    if isinstance(node, UnresolvedNode):
        return [(f"{name}  (unresolved: {safe(node.reason, 80)})", "bad")]
    return [(name, "dataset")]


def cells_of(node: TreeNode, symbols: Symbols, stored: bool = False) -> list[Cell]:
    """Shape, type, chunks, filters, size."""
    if isinstance(node, AttributedNode) and node.alias_of is not UNSET:
        return []
    if isinstance(node, GroupNode):
        return _group_cells(node)
    if isinstance(node, DatasetNode):
        return _dataset_cells(node, symbols, stored)
    if isinstance(node, DatatypeNode):
        return [("datatype", "faint"), (safe(node.dtype, 60), "dtype")]
    return []


def _group_cells(node: GroupNode) -> list[Cell]:
    if node.error is not UNSET:
        return []
    count = plural(node.num_children, "child", "children")
    kind = safe(node.nx_class, 40) if node.nx_class is not UNSET else ""
    return [(count, "faint"), (kind, "datatype")]


def _with_short_type(cells: list[Cell], most: int) -> list[Cell]:
    """The cells of a column with as much of its type, which may be nested, as leaves room for its size."""
    return [*cells[:1], (safe(cells[1][0], most), cells[1][1]), *cells[2:]] if len(cells) > 1 else cells


def _column_cells(node: DatasetNode) -> list[Cell]:
    """A column: rows, type and stored size, as far as they are known."""
    rows = "?" if node.shape is None else f"{node.shape[0]:,}"
    size = "" if node.storage_size is UNSET else size_text(node.storage_size)
    return [(rows, "shape"), (safe(node.dtype, 60), "dtype"), ("", ""), ("", ""), (size, "size")]


def _dataset_cells(node: DatasetNode, symbols: Symbols, stored: bool) -> list[Cell]:
    if node.is_column:
        return _column_cells(node)
    chunks = symbols.times.join(map(str, node.chunks)) if node.chunks is not UNSET else ""
    layout = node.layout if node.layout in ("virtual", "external", "compact") else ""
    filters = "+".join(node.filters) if node.filters is not UNSET else ""
    size = node.storage_size if stored else node.nbytes
    return [
        (shape(node.shape, symbols.times), "shape"),
        (safe(node.dtype, 60), "dtype"),
        (f"chunks {chunks}" if chunks else str(layout), "faint"),
        (safe(filters, 40), "faint"),
        ("?" if size is UNSET else size_text(size), "size"),
        (f"= {small_value_text(node, LONGEST_VALUE)}" if node.value is not UNSET else "", ""),
    ]


def _attribute_rows(attributes: list[Attribute], cut: bool, prefix: str) -> list[Row]:
    rows: list[Row] = [
        (
            [(prefix, "faint"), (f"@{safe(a.name, 60)}", "faint"), (f" = {attribute_text(a, 60)}", "faint")],
            [],
        )
        for a in attributes
    ]
    if cut:
        rows.append(([(prefix, "faint"), ("@… more attributes (h5s3 meta shows them)", "faint")], []))
    return rows
