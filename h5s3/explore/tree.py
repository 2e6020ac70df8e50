"""What is below a path, one level or more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import methodcaller
from typing import Generic, TypeVar

from h5s3.cell.calls import Callback
from h5s3.errors import DamagedError, UsageError
from h5s3.explore.session import Session
from h5s3.formats.base import Contents, Streaming, Take
from h5s3.formats.children import Listed
from h5s3.formats.requests import TreeRequest
from h5s3.records import (
    UNSET,
    ChildNames,
    DatasetNode,
    Record,
    Tree,
    TreeNode,
    nodes_of,
    to_json_lines,
)
from h5s3.storage.location import Location

N = TypeVar("N", bound=Record)
TOGETHER = 1000  # nodes of a whole tree that are given together


def tree(session: Session, location: Location, asked: TreeRequest | None = None) -> Tree:
    """The tree below a path. Raises `NotFoundError`, and what opening the file raises."""
    asked = asked or TreeRequest()
    found = session.answer(Tree, location, asked, methodcaller("tree", asked))
    if asked.view not in ("plain", "auto") and found.convention is UNSET:
        cause = f"this format has no view {asked.view}"
        raise UsageError(cause, location=location.display, hint=f"try: h5s3 tree {location.display}")
    if asked.values and any(isinstance(node, DatasetNode) and node.is_column for node in nodes_of(found)):
        hint = "h5s3 preview shows rows"
        raise UsageError("--values shows small datasets, not columns", location=location.display, hint=hint)
    if asked.partitions and found.partitions is UNSET:
        raise UsageError("--partitions is about tables, and this is none", location=location.display)
    return found


def stream(session: Session, location: Location, asked: TreeRequest, take: Take) -> None:
    """Give `take` the nodes of a tree, in the order of `nodes_of`: while it is walked, if its format can.

    Raises what `tree` raises. Whatever happens on the way, no node is given twice.
    """
    once = Once(take)

    question = partial(
        _streamed,
        asked=asked,
        begin=Callback(once.begin_anew, bool),
        take=Callback(once.take, list[TreeNode]),
    )
    found = session.answer_if_held(Tree, location, asked, question, lambda: not once.given)
    if found is not None and not once.given:
        for nodes in _parts(nodes_of(found)):
            take(nodes)


def _streamed(
    contents: Contents, asked: TreeRequest, begin: Callable[[bool], object], take: Take
) -> Tree | None:
    begin(True)
    if isinstance(contents, Streaming) and not (asked.values or asked.stored):  # read once all are known
        return contents.stream(asked, take)
    return contents.tree(asked)


def child_names(
    session: Session,
    location: Location,
    path: str,
    take: Callable[[ChildNames], object],
    begin: Callable[[], object] = lambda: None,
) -> int | None:
    """Give `take` what a group holds, without more than names, some at a time: how many children it has; None
    where the format cannot tell. `begin` is called before the first ones, and where it begins anew.

    To be asked once: `child_nodes` says more of a few. Raises what `tree` raises.
    """

    def begun(sure: bool) -> None:
        begin()

    question = partial(_child_names, path=path, begin=Callback(begun, bool), take=Callback(take, ChildNames))
    total = session.read(location, question, int)
    return None if total < 0 else total


def _child_names(
    contents: Contents, path: str, begin: Callable[[bool], object], take: Callable[[ChildNames], object]
) -> int:
    begin(True)
    return contents.child_names(path, take) if isinstance(contents, Listed) else -1


def child_nodes(session: Session, location: Location, path: str, some: ChildNames) -> list[TreeNode]:
    """The nodes of some children of a group, each at its place. Raises what `tree` raises."""
    question: Callable[[Contents], list[TreeNode]] = methodcaller("child_nodes", path, some)
    found = session.read(location, question, list[TreeNode])
    if len(found) != len(some.names):
        raise DamagedError(f"{path} changed while it was read", location=location.display)
    return found


class Once(Generic[N]):
    """Passes nodes on. Of a walk that begins anew, those that were not passed on before.

    It is to bring the same ones first. Else what was passed on was wrong, and a `DamagedError` says so.
    """

    def __init__(self, take: Callable[[Sequence[N]], object]) -> None:
        self.given = 0
        self._take = take
        self._digest = hashlib.blake2b()  # of all that was given
        self.begin()

    def begin_anew(self, sure: bool) -> None:
        """As `begin`."""
        self.begin()

    def begin(self) -> None:
        """The walk begins, or begins anew."""
        self._to_skip, self._skipped = self.given, hashlib.blake2b()

    def take(self, nodes: Sequence[N]) -> None:
        """The next nodes of the walk."""
        before, new = nodes[: self._to_skip], nodes[self._to_skip :]
        if before:
            self._to_skip -= len(before)
            self._skipped.update(to_json_lines(before))
            if not self._to_skip and self._skipped.digest() != self._digest.digest():
                raise DamagedError("what was read of the file at first was wrong: so is what was shown")
        if new:
            self.given += len(new)
            self._digest.update(to_json_lines(new))
            self._take(new)


def _parts(nodes: Iterable[TreeNode]) -> Iterator[Sequence[TreeNode]]:
    rest = iter(nodes)
    while some := list(islice(rest, TOGETHER)):
        yield some
