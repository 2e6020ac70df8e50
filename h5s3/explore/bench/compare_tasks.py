"""What is done in several ways: list a level, walk a tree, preview a dataset; by h5s3 and by plain h5py."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from h5s3.cache import Cache
from h5s3.cell.calls import Callback
from h5s3.errors import DamagedError
from h5s3.explore.bench.baseline import AskPlain, Baseline, Unopened
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.base import Source
from h5s3.formats.requests import TreeRequest
from h5s3.formats.selection import count_values
from h5s3.records import UNSET, AttributedNode, DatasetNode, GroupNode, Preview, SoftLinkNode, Tree, TreeNode
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cell.host import Cell

Name = Literal["one level", "whole tree", "one preview"]
LEVEL: Name = "one level"
TREE: Name = "whole tree"
PREVIEW: Name = "one preview"
UNNAMED = ObjectInfo(Location("local", "the file"), "bench", 0, cacheable=False)
CANDIDATES = 3  # datasets that are tried, where the largest cannot be previewed


class Met(NamedTuple):
    """What a task met: objects, or values that were read."""

    objects: int | None = None
    values: int | None = None
    overhead: float = 0.0  # seconds that it took only because it was asked in another process


@dataclass
class Task:
    """One task: as h5s3 does it, and with plain h5py over any file."""

    name: Name
    path: str
    ours: Callable[[Session, Location], Tree | Preview]
    selections: list[str] | None = None  # of a preview, known once ours was made

    def plain(self, file: Any) -> Met:
        """With plain h5py, over any file, in this process."""
        met = self._asked(file, lambda question: question(None))
        return met._replace(overhead=0.0)

    def plain_in(self, cell: Cell, file: Any, settings: Settings) -> Met:
        """The same in a cell, for which this process reads the file."""
        left = None if settings.deadline is None else settings.check_deadline
        return self._asked(
            file,
            lambda question: cell.ask("hdf5", _no_source(settings), question, Baseline, Unopened(), left),
        )

    def _asked(self, file: Any, ask: Callable[[AskPlain], Baseline]) -> Met:
        spent = 0.0
        size = file.seek(0, io.SEEK_END)

        def read(wanted: tuple[int, int]) -> bytes:
            nonlocal spent
            start, stop = wanted
            if not 0 <= start < stop <= size:
                raise DamagedError("h5py read beyond the end of the file")
            begun = time.perf_counter()
            file.seek(start)
            data = bytearray()
            while len(data) < stop - start and (more := file.read(stop - start - len(data))):
                data += more
            spent += time.perf_counter() - begun
            return bytes(data)

        reads = Callback(read, tuple[int, int])
        found = ask(AskPlain(self.name, self.path, tuple(self.selections or ()), size, reads))
        return Met(found.objects, found.values, max(0.0, found.waited - spent))

    def met(self, found: Tree | Preview) -> Met:
        """What our answer tells of, counted as plain h5py counts. A preview says what it read."""
        if isinstance(found, Tree):
            return Met(objects=count_objects(found))
        self.selections = selections_of(found)
        return Met(values=sum(count_values(text, found.shape or ()) for text in self.selections))


def load(cell: Cell, settings: Settings) -> None:
    """Have a cell load what plain h5py needs."""
    nothing = AskPlain("", "/", (), 0, Callback(bytes, tuple[int, int]))
    cell.ask("hdf5", _no_source(settings), nothing, Baseline, Unopened())


def _no_source(settings: Settings) -> Source:
    return Source(UNNAMED, b"", None, Cache(enabled=False), Trace(), plugins=settings.plugins)


def listing(name: Name, path: str) -> Task:
    """The task to list what lies below a path: one level, or all of them."""
    asked = TreeRequest(path, 1 if name == LEVEL else 0, limit=0)
    return Task(name, path, lambda session, location: tree(session, location, asked))


def previewing(path: str) -> Task:
    """The task to preview a dataset. Plain h5py reads the values that our preview says it has read."""
    return Task(PREVIEW, path, lambda session, location: preview(session, location, PreviewRequest(path)))


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
