"""What is done in several ways: list a level, walk a tree, preview a dataset; by h5s3 and by plain h5py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.records import UNSET, AttributedNode, DatasetNode, GroupNode, Preview, SoftLinkNode, Tree, TreeNode
from h5s3.storage.location import Location

Name = Literal["one level", "whole tree", "one preview"]
LEVEL: Name = "one level"
TREE: Name = "whole tree"
PREVIEW: Name = "one preview"
CANDIDATES = 3  # datasets that are tried, where the largest cannot be previewed


class Met(NamedTuple):
    """What a task met: objects, or values that were read."""

    objects: int | None = None
    values: int | None = None


@dataclass
class Task:
    """One task: as h5s3 does it, and with plain h5py over any file."""

    name: Name
    path: str
    ours: Callable[[Session, Location], Tree | Preview]
    plain: Callable[[Any], Met]
    selections: list[str] | None = None  # of a preview, known once ours was made

    def met(self, found: Tree | Preview) -> Met:
        """What our answer tells of, counted as plain h5py counts. A preview says what it read."""
        if isinstance(found, Tree):
            return Met(objects=count_objects(found))
        from h5s3.formats.hdf5.layout.h5py_baseline import count_values

        self.selections = selections_of(found)
        return Met(values=sum(count_values(text, found.shape or ()) for text in self.selections))


def listing(name: Name, path: str) -> Task:
    """The task to list what lies below a path: one level, or all of them."""
    from h5s3.formats.hdf5.layout.h5py_baseline import plain_level, plain_walk

    depth, plain = (1, plain_level) if name == LEVEL else (0, plain_walk)
    return Task(
        name,
        path,
        lambda session, location: tree(session, location, TreeRequest(path, depth, limit=0)),
        lambda file: Met(objects=plain(file, path)),
    )


def previewing(path: str) -> Task:
    """The task to preview a dataset. Plain h5py reads the values that our preview says it has read."""
    from h5s3.formats.hdf5.layout.h5py_baseline import plain_read

    task = Task(
        PREVIEW,
        path,
        lambda session, location: preview(session, location, PreviewRequest(path)),
        lambda file: Met(values=plain_read(file, path, task.selections or [])),
    )
    return task


def selections_of(found: Preview) -> list[str]:
    """What a preview read, in NumPy's syntax; nothing, where it read nothing."""
    if found.preview_type == "empty":
        return []
    if found.sample is not UNSET and found.sample.parts is not UNSET:
        return found.sample.parts
    return [found.selection]


def candidates(walked: Tree) -> list[str]:
    """Paths of datasets to preview: the one that was walked, or the largest below, those that lie here."""
    if walked.node is not UNSET:
        return [walked.path] if isinstance(walked.node, DatasetNode | SoftLinkNode) else []
    here = ("chunked", "contiguous", "compact")
    datasets = [node for node in _objects(walked.children) if isinstance(node, DatasetNode)]
    found = [node for node in datasets if node.nbytes > 0 and node.layout in here]
    found.sort(key=lambda node: (-node.nbytes, node.path))
    return [node.path for node in found[:CANDIDATES]]


def count_objects(walked: Tree) -> int:
    """Objects that a walk met, the one at its path included; an object counts once."""
    if walked.node is not UNSET:
        return int(isinstance(walked.node, AttributedNode | SoftLinkNode))
    return 1 + sum(1 for _ in _objects(walked.children))


def _objects(nodes: Iterable[TreeNode]) -> Iterator[AttributedNode]:
    """The objects among some nodes and below them, each once."""
    for node in nodes:
        if isinstance(node, AttributedNode) and node.alias_of is UNSET:
            yield node
            if isinstance(node, GroupNode) and node.children is not UNSET:
                yield from _objects(node.children)
