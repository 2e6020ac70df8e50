"""What a walk tells while it is under way: each node by itself, and after the group that holds it."""

from __future__ import annotations

from collections import deque

from h5s3.formats.base import Take
from h5s3.records import UNSET, GroupNode, TreeNode, replaced

MOST_KEPT = 20_000  # nodes of a tree that is told and still answered as a whole


class Told:
    """Gives nodes to `take` in the order of `nodes_of`.

    A group is told once its links are listed: before the first of its children, or when the groups that
    were listed with it have been walked.
    """

    def __init__(self, take: Take) -> None:
        self.keeps = True  # whether so few nodes were told that they are to be kept
        self._take = take
        self._listed: deque[GroupNode] = deque()  # groups that were not told yet
        self._top: GroupNode | None = None
        self._last: GroupNode | None = None
        self._ready: list[TreeNode] = []
        self._given = 0

    def group(self, node: GroupNode) -> None:
        """A group whose links are listed. Groups come in the order in which their children will."""
        self._top = self._top or node
        self._listed.append(node)

    def node(self, node: TreeNode, owner: GroupNode | None = None) -> None:
        """A node into which the walk does not go; `owner` is its group, where that may not be told yet."""
        while owner is not None and owner is not self._last:
            self._tell_group()
        self._ready.append(node)

    def groups(self) -> None:
        """The groups that are listed were walked."""
        while self._listed:
            self._tell_group()

    def give(self) -> None:
        """Pass on what was told."""
        if not self._ready:
            return
        ready, self._ready = self._ready, []
        self._given += len(ready)
        if self._given > MOST_KEPT:
            self.keeps = False
            if self._top is not None:
                self._top.children = UNSET
        self._take(ready)

    def _tell_group(self) -> None:
        self._last = self._listed.popleft()
        self._ready.append(replaced(self._last, children=UNSET))
