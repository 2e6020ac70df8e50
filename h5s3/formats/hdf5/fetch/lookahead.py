"""Chasing pointers ahead of libhdf5: a node is read for what it points to when its block arrives.

A wrong guess costs a fetch, never an answer: libhdf5 alone reads the file. What guesses may cost is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import islice

from h5s3.formats.hdf5.metadata.node import COUNT, OBJECT, Goal, Index, Node, Sizes
from h5s3.formats.hdf5.metadata.pointers import pointers
from h5s3.sizes import MIB

LONGEST = 4 * MIB  # node that is believed
MOST_NODES = 200_000  # that are followed in one file
FEWER_NODES = 60_000  # the same, where memory is spared
MOST_WAITING = 200_000  # for their blocks at a time; of those beyond, libhdf5 asks for the blocks itself
MOST_LOOKS = 2_000_000  # at pointers, most of them perhaps to what was seen before
MOST_AHEAD = 32 * MIB  # fetched on a guess and not read since
SUPERBLOCK = 32  # bytes of it that are looked at
Key = tuple[str, int, int, Goal, bool]


class Lookahead:
    """Which blocks will be wanted, from the nodes that are here.

    `peek(start, stop)` gives bytes of the object if all are here, `missing(start, stop)` the blocks that
    are not.
    """

    def __init__(
        self,
        peek: Callable[[int, int], bytes | None],
        missing: Callable[[int, int], list[int]],
        base: int,
        size: int,
        sizes: Sizes,
        known: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._peek = peek
        self._missing = missing
        self._base = base
        self._size = size
        self._sizes = sizes.with_chunks(peek(base, min(base + SUPERBLOCK, size)) or b"")
        self._known = known
        self._looks = 0
        self._seen: dict[Key, int] = {}
        self._waiting: dict[int, list[Node]] = {}  # by a block that must arrive first
        self._many = 0  # nodes that wait
        self.most = MOST_NODES
        self._objects = True  # are followed, too, and not just what lists the links to them

    def expect(self, nodes: Iterable[Node]) -> dict[int, None]:
        """Follow these nodes as far as they are here; the blocks that must come to follow them further, in
        the order in which they will be read.
        """
        wanted: dict[int, None] = {}
        todo = deque(nodes)
        while todo:
            node = todo.popleft()
            self._looks += 1
            if node.goal.finding and self._has_known_index(node):
                node = node._replace(chunk_index=Index.NEVER)
            if not self._new(node):
                continue
            start = self._base + node.address
            stop = min(start + node.length, self._size)
            data = self._peek(start, stop)
            if data is not None:
                if not self._objects and node.kind == "direct":
                    continue
                found = pointers(node, data, self._sizes)
                if not self._objects:
                    found = [item for item in found if item.kind != "header"]
                limit = node.limit
                if limit:
                    found = [item if item.limit else item._replace(limit=limit) for item in found]
                todo.extend(found)
                continue
            del self._seen[_key(node)]
            if self._many >= MOST_WAITING:
                continue
            blocks = self._missing(start, stop)
            wanted.update(dict.fromkeys(blocks))
            self._waiting.setdefault(blocks[-1], []).append(node)
            self._many += 1
        return wanted

    def arrived(self, blocks: Iterable[int]) -> dict[int, None]:
        """Go on with the nodes that waited for these blocks; the blocks that must come next."""
        ready = [node for block in blocks for node in self._waiting.pop(block, ())]
        self._many -= len(ready)
        return self.expect(ready) if ready else {}

    def spare(self) -> None:
        """Begin anew, and follow no more links to objects: they are too many to be borne in mind."""
        self._seen, self._waiting = {}, {}
        self._many = self._looks = 0
        self._objects = False

    def _new(self, node: Node) -> bool:
        """Whether a node is worth a look: inside the file, and not yet looked at as deeply."""
        if node.address + self._base >= self._size or not 0 < node.length <= LONGEST:
            return False
        seen = self._seen
        if len(seen) + self._many >= self.most or self._looks >= MOST_LOOKS:
            return False
        key, levels = _key(node), node.goal.levels
        if seen.get(key, -1) >= levels:
            return False
        seen[key] = levels
        return True

    def _has_known_index(self, node: Node) -> bool:
        wanted = node.kind == "header" and node.goal == OBJECT and node.chunk_index is Index.UNLESS_KNOWN
        return wanted and self._known(node.address)


def _key(node: Node) -> Key:
    """Of walks the deepest covers the others; each step of a search looks for something else."""
    goal = node.goal if node.goal.finding else COUNT
    return node.kind, node.address, node.length, goal, node.chunk_index is Index.NEVER


class Guesses:
    """Blocks that are fetched on a guess: only so many may be here before they are read, the others wait."""

    def __init__(self) -> None:
        self.most = MOST_AHEAD
        self.unread: set[int] = set()
        self._postponed: dict[int, None] = {}  # in the order in which they will be read

    def spare(self, most: int) -> None:
        """Forget what was postponed; from now on so many bytes may be here."""
        self._postponed, self.most = {}, most
        self.unread.clear()

    def choose(self, wanted: dict[int, None], here: Collection[int], size: int) -> set[int]:
        """The blocks to fetch now, of these and of those that were postponed. `size`: bytes of a block."""
        self._postponed.update(wanted)
        chosen = list(islice(self._postponed, max(0, self.most // size - len(self.unread))))
        for index in chosen:
            del self._postponed[index]
        missing = {index for index in chosen if index not in here}
        self.unread |= missing
        return missing
