"""Chasing pointers ahead of libhdf5: a node is read for what it points to when its block arrives.

A wrong guess costs a fetch, never an answer: libhdf5 alone reads the file. What guesses may cost is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from h5s3.formats.hdf5.metadata.node import KNOWN, Node, Sizes
from h5s3.formats.hdf5.metadata.pointers import pointers
from h5s3.sizes import MIB

LONGEST = 4 * MIB  # node that is believed
MOST_NODES = 200_000  # that are followed in one file
MOST_WAITING = 200_000  # for their blocks at a time; of those beyond, libhdf5 asks for the blocks itself
MOST_LOOKS = 2_000_000  # at pointers, most of them perhaps to what was seen before
MOST_AHEAD = 32 * MIB  # fetched on a guess and not read since
SUPERBLOCK = 32  # bytes of it that are looked at
Key = tuple[str, int, int, int, bool]  # kind, address, length, level where below 0, whether it is `KNOWN`


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

    def expect(self, nodes: Iterable[Node]) -> dict[int, None]:
        """Follow these nodes as far as they are here; the blocks that must come to follow them further, in
        the order in which they will be read.
        """
        wanted: dict[int, None] = {}
        todo = deque(nodes)
        while todo:
            node = todo.popleft()
            self._looks += 1
            if node.kind == "header" and node.level == -1 and not node.extra and self._known(node.address):
                node = node._replace(extra=(KNOWN,))
            if not self._new(node):
                continue
            start = self._base + node.address
            stop = min(start + node.length, self._size)
            data = self._peek(start, stop)
            if data is not None:
                found = pointers(node, data, self._sizes)
                todo.extend(item._replace(limit=item.limit or node.limit) for item in found)
                continue
            self._forget(node)
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

    def _new(self, node: Node) -> bool:
        """Whether a node is worth a look: inside the file, and not yet looked at as deeply."""
        inside = node.address + self._base < self._size and 0 < node.length <= LONGEST
        if not inside or len(self._seen) >= MOST_NODES or self._looks >= MOST_LOOKS:
            return False
        key = _key(node)
        before = self._seen.get(key)
        if before is not None and before >= node.level:
            return False
        self._seen[key] = node.level
        return True

    def _forget(self, node: Node) -> None:
        del self._seen[_key(node)]


def _key(node: Node) -> Key:
    """Of walks the deepest covers the others; each step of a search looks for something else."""
    return node.kind, node.address, node.length, min(node.level, 0), KNOWN in node.extra
