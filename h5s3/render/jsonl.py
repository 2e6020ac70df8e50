"""A tree as JSON lines: a record an object, parents before children."""

from __future__ import annotations

from h5s3.records import UNSET, GroupNode, Tree, TreeNode
from h5s3.render.console import show_json


def show_nodes(tree: Tree) -> None:
    """Print what PATH leads to, then every node below it, each without its children."""
    show_json(_top(tree))
    stack: list[TreeNode] = list(reversed(tree.children))
    while stack:
        node = stack.pop()
        if isinstance(node, GroupNode) and node.children is not UNSET:
            stack.extend(reversed(node.children))
            node.children = UNSET
        show_json(node)


def _top(tree: Tree) -> TreeNode:
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
