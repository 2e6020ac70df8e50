"""What a search asks of a file: its names, its tree, or whether it has a path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from h5s3.errors import NotFoundError
from h5s3.formats.base import Contents, Named, Streaming, Take
from h5s3.formats.requests import TreeRequest
from h5s3.records import UNSET, GroupNode, NamedNode, Names, Presence, Tree, kind_of, nodes_of

TOGETHER = 2000  # nodes of a long file that are told at a time
T = TypeVar("T")


def present(contents: Contents, path: str) -> Presence:
    """Whether there is something at a path, soft links followed inside the file."""
    try:
        contents.tree(TreeRequest(path, depth=1, limit=1))
    except NotFoundError:
        return Presence(present=False)
    return Presence(present=True)


def surveyed(
    contents: Contents,
    asked: TreeRequest,
    at_once: bool,
    begin: Callable[[bool], object],
    take: Take,
) -> Tree | None:
    """The tree of a file; of a long one its nodes are given to `take`, and there is no answer."""
    if at_once or asked.values or not isinstance(contents, Streaming):
        return contents.tree(asked)
    telling = _Telling(begin, take)
    tree = contents.stream(asked, telling.hold)
    if telling.begun:
        telling.give()
        return None
    return tree


def named(
    contents: Contents,
    at_once: bool,
    begin: Callable[[bool], object],
    take: Callable[[Sequence[NamedNode]], object],
) -> Names | None:
    """The names in a file; of a long one they are given to `take`, and there is no answer."""
    if not isinstance(contents, Named):
        return Names(nodes=names_of(contents.tree(TreeRequest(depth=0, limit=0))))
    telling: _Telling[NamedNode] = _Telling(begin, take, 0 if at_once else TOGETHER)
    contents.names(telling.hold)
    if telling.begun:
        telling.give()
        return None
    return Names(nodes=telling.held)


def names_of(tree: Tree) -> list[NamedNode]:
    """The names in a tree."""
    nodes = [(node, isinstance(node, GroupNode) and not_all_of(node)) for node in nodes_of(tree)]
    names = [NamedNode(kind=kind_of(node), name=node.name, path=node.path) for node, _ in nodes]
    return names + [
        NamedNode(kind="group", name=node.name, path=node.path, cut=True) for node, cut in nodes if cut
    ]


def not_all_of(node: GroupNode) -> bool:
    """Whether children of a group could not be looked at."""
    return node.error is not UNSET or node.children_truncated is True


class _Telling(Generic[T]):
    """Holds what is told until it is so much (0: all of it), and gives it on then."""

    def __init__(
        self, begin: Callable[[bool], object], take: Callable[[list[T]], object], most: int = TOGETHER
    ) -> None:
        self.held: list[T] = []
        self.begun = False
        self._begin, self._take, self._most = begin, take, most

    def hold(self, some: Sequence[T]) -> None:
        """Take some."""
        self.held.extend(some)
        if 0 < self._most <= len(self.held):
            self.give()

    def give(self) -> None:
        """Give on what is held."""
        if not self.begun:
            self.begun = True
            self._begin(True)
        held, self.held = self.held, []
        self._take(held)
