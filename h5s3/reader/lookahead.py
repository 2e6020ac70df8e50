"""Chasing pointers ahead of libhdf5: a node is read for what it points to when its block arrives.

A wrong guess costs a fetch, never an answer: libhdf5 alone reads the file. What guesses may cost is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from h5s3.reader.node import Node, Sizes
from h5s3.reader.nodes import pointers
from h5s3.settings import MIB

LONGEST = 4 * MIB  # node that is believed
MOST_NODES = 200_000  # that are followed in one file
MOST_AHEAD = 32 * MIB  # fetched on a guess and not read since


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
    ) -> None:
        self._peek = peek
        self._missing = missing
        self._base = base
        self._size = size
        self._sizes = sizes
        self._seen: dict[tuple[str, int, int], int] = {}
        self._waiting: dict[int, list[Node]] = {}  # by a block that must arrive first

    def expect(self, nodes: Iterable[Node]) -> set[int]:
        """Follow these nodes as far as they are here; the blocks that must come to follow them further."""
        wanted: set[int] = set()
        todo = deque(nodes)
        while todo:
            node = todo.popleft()
            if not self._new(node):
                continue
            start = self._base + node.address
            stop = min(start + node.length, self._size)
            data = self._peek(start, stop)
            if data is not None:
                found = pointers(node, data, self._sizes)
                todo.extend(item._replace(limit=item.limit or node.limit) for item in found)
                continue
            blocks = self._missing(start, stop)
            wanted.update(blocks)
            self._waiting.setdefault(blocks[-1], []).append(node)
            self._forget(node)
        return wanted

    def arrived(self, blocks: Iterable[int]) -> set[int]:
        """Go on with the nodes that waited for these blocks; the blocks that must come next."""
        ready = [node for block in blocks for node in self._waiting.pop(block, ())]
        return self.expect(ready) if ready else set()

    def _new(self, node: Node) -> bool:
        """Whether a node is worth a look: inside the file, and not yet looked at as deeply."""
        inside = node.address + self._base < self._size and 0 < node.length <= LONGEST
        if not inside or len(self._seen) >= MOST_NODES:
            return False
        key = (node.kind, node.address, node.length)
        before = self._seen.get(key)
        if before is not None and (before == node.level or before >= max(0, node.level)):
            return False
        self._seen[key] = node.level
        return True

    def _forget(self, node: Node) -> None:
        del self._seen[(node.kind, node.address, node.length)]
