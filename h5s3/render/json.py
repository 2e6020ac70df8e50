"""Records as JSON, on standard output, without rich, whose import takes as long as a warm command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from h5s3.records import UNSET, GroupNode, Record, Tree, TreeNode, to_json, to_json_lines
from h5s3.render.text import printable_json, safe_json


def show_json(record: Record) -> None:
    """Print exactly one JSON document, on a line of its own."""
    show_json_pieces([to_json(record)])


def show_json_pieces(pieces: Iterable[bytes]) -> None:
    """Print one JSON document as it arrives, on a line of its own."""
    for piece in pieces:
        _write(piece if printable_json(piece) else safe_json(piece))
    _write(b"\n")


def show_json_lines(records: Sequence[Record]) -> None:
    """Print each record as JSON on a line of its own."""
    lines = to_json_lines(records)
    if not printable_json(lines):
        lines = b"".join(safe_json(line) + b"\n" for line in lines.splitlines())
    _write(lines)


def _write(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def show_nodes(tree: Tree) -> None:
    """Print JSON lines: what PATH leads to, then each node below it, parents first, without its children."""
    show_json(_top_node(tree))
    stack: list[TreeNode] = list(reversed(tree.children))
    while stack:
        node = stack.pop()
        if isinstance(node, GroupNode) and node.children is not UNSET:
            stack.extend(reversed(node.children))
            node.children = UNSET
        show_json(node)


def _top_node(tree: Tree) -> TreeNode:
    if tree.node is not UNSET:
        return tree.node
    return GroupNode(
        name=tree.path.rpartition("/")[2] or "/",
        path=tree.path,
        num_children=tree.num_children,
        children_truncated=tree.children_truncated or UNSET,
        attributes=tree.attributes,
        num_attributes=tree.num_attributes,
        attributes_truncated=tree.attributes_truncated,
    )
