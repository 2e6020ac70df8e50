"""Whether a path is in a tree, as a walk through the file itself would find it.

Soft links are followed inside the file; other names of a group lead on where its first one does.
"""

from __future__ import annotations

from collections.abc import Iterable

from h5s3.errors import DamagedError, RefusedError
from h5s3.records import (
    UNSET,
    AttributedNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    TreeNode,
    UnresolvedNode,
)

MOST_SOFT_LINKS = 40  # followed for one path


class Paths:
    """The nodes of a tree by their paths."""

    def __init__(self, nodes: Iterable[TreeNode]) -> None:
        self._nodes = {node.path: node for node in nodes}

    def has(self, path: str) -> bool:
        """Whether there is something at a path. Raises `RefusedError` where it goes on behind a link that is
        not followed, `DamagedError` where that could not be looked at."""
        here: str | None = "/"
        parts = _parts(path)
        for number, name in enumerate(parts):
            assert here is not None
            node = self._child(here, name)
            if node is None:
                return False
            here = self._target(here, node, [MOST_SOFT_LINKS])
            if here is None and number + 1 < len(parts):
                if isinstance(node, SoftLinkNode):
                    return False  # it leads nowhere
                raise RefusedError(f"{node.path} leads out of the file")
        return True

    def _child(self, group: str, name: str) -> TreeNode | None:
        above = self._nodes.get(group)
        if not isinstance(above, GroupNode):
            return None
        found = self._nodes.get(f"{group.rstrip('/')}/{name}")
        if found is None and (above.error is not UNSET or above.children_truncated is True):
            raise DamagedError(f"not all that is in {group} could be looked at")
        return found

    def _target(self, group: str, node: TreeNode, hops: list[int]) -> str | None:
        """The first path of the object that a link leads to."""
        if isinstance(node, SoftLinkNode):
            return self._follow(group, node.target, hops)
        if isinstance(node, AttributedNode):
            return node.path if node.alias_of is UNSET else node.alias_of
        if isinstance(node, UnresolvedNode) and node.target is UNSET:
            raise DamagedError(f"{node.path} cannot be opened: {node.reason}")
        assert isinstance(node, ExternalLinkNode | UnresolvedNode)
        return None

    def _follow(self, group: str, target: str, hops: list[int]) -> str | None:
        hops[0] -= 1
        here: str | None = "/" if target.startswith("/") else group
        for name in _parts(target):
            if hops[0] < 0 or here is None:
                return None
            node = self._child(here, name)
            if node is None:
                return None
            here = self._target(here, node, hops)
        return here


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
