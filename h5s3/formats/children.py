"""What a format may also answer about groups with very many children, so that no page costs a listing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from h5s3.records import ChildNames, TreeNode


@runtime_checkable
class Listed(Protocol):
    """Contents that can tell what a group holds, however much, and then say more of a few children."""

    def child_names(self, path: str, take: Callable[[ChildNames], object]) -> int:
        """Give `take` the children of a group, in the order of `tree`, some at a time; how many there are.

        Of more than can be held, the first ones. Raises what `tree` raises."""

    def child_nodes(self, path: str, some: ChildNames) -> list[TreeNode]:
        """The nodes of some of them, each at its place. What this costs depends on their number alone."""
