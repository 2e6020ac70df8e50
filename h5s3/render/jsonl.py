"""A tree as JSON lines: a record an object, parents before children."""

from __future__ import annotations

from h5s3.records import UNSET, GroupNode, Tree, TreeNode, to_json
from h5s3.render.console import write


def show_nodes(tree: Tree) -> None:
    """Print every node without its children."""
    if tree.node is not UNSET:
        write(to_json(tree.node) + b"\n")
    stack: list[TreeNode] = list(reversed(tree.children))
    while stack:
        node = stack.pop()
        if isinstance(node, GroupNode) and node.children is not UNSET:
            stack.extend(reversed(node.children))
            node.children = UNSET
        write(to_json(node) + b"\n")
