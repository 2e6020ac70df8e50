"""What is directly below an item, up to millions of items in little memory: their names, and of those that
were looked at what was told of them."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from h5s3.browse.places.items import Item, of_entry
from h5s3.browse.places.lazy import Lazy
from h5s3.records import ChildNames, Entry, TreeNode, from_json_list, to_json

PART = 250  # items that are packed, and asked for, together
HELD = 60  # parts that are also here as objects
DESCRIBED = 20_000  # items that keep what was told of them, where it can be asked for again
T = TypeVar("T")


class Part:
    """Some items that follow each other: `told` are their entries or nodes as JSON, if they are known."""

    __slots__ = ("_folded", "addresses", "names", "told")

    def __init__(self, names: Sequence[str], told: bytes | None, addresses: Sequence[int] = ()) -> None:
        self.names = "\0".join(name.replace("\0", "\\x00") for name in names)
        self.told, self.addresses = told, array("Q", addresses)
        self._folded: str | None = None

    @property
    def folded(self) -> str:
        """The names in one case."""
        if self._folded is None:
            folded = self.names.casefold()
            self._folded = self.names if folded == self.names else folded
        return self._folded


class Members(Lazy[Item]):
    """The items below one, in their order. Those of which the name alone is known are not `known`."""

    def __init__(self, above: Item) -> None:
        self.above = above
        self._parts: list[Part] = []
        self._items: OrderedDict[int, list[Item]] = OrderedDict()  # of parts of which all is told
        self._names: OrderedDict[int, list[str]] = OrderedDict()  # of the others
        self._nodes: OrderedDict[int, TreeNode] = OrderedDict()  # of items in these, by their numbers
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def at(self, number: int) -> Item:
        """An item."""
        part = number // PART
        if self._parts[part].told is not None:
            return _latest(self._items, part, HELD, lambda: self._unpacked(part))[number % PART]
        node = self._nodes.get(number)
        if node is not None:
            return self.above.named(node)
        name = self._names_of(part)[number % PART]
        path = f"{self.above.path.rstrip('/')}/{name}"
        return Item("node", name, self.above.location, path, known=False)

    # ------------------------------------------------------------------------------------ adding

    def add(self, items: Sequence[Item]) -> None:
        """Append items of which all is known."""
        last = self._count % PART
        if last and items:  # the last part is not full
            items = [*self[self._count - last :], *items]
            self._parts.pop()
            self._items.pop(len(self._parts), None)
            self._count -= last
        for first in range(0, len(items), PART):
            some = items[first : first + PART]
            self._parts.append(Part([item.name for item in some], _told(some)))
        self._count += len(items)

    def take_names(self, parts: Sequence[Part], names: int) -> None:
        """Have these names in place of all others. What was told of those that stay in place is kept."""
        known = self[: min(self._count, DESCRIBED)]
        self._parts, self._count = list(parts), names
        self._items.clear()
        self._names.clear()
        self._nodes.clear()
        if [item.name for item in self[: len(known)]] == [item.name for item in known]:
            self.describe(range(len(known)), [item.node for item in known if item.node is not None])

    def describe(self, numbers: Sequence[int], nodes: Sequence[TreeNode]) -> None:
        """Take what was told of some."""
        for number, node in zip(numbers, nodes, strict=False):
            self._nodes[number] = node
            self._nodes.move_to_end(number)
        while len(self._nodes) > DESCRIBED:
            self._nodes.popitem(last=False)

    # ------------------------------------------------------------------------------------ questions

    def known(self, number: int) -> bool:
        """Whether more than the name of an item is known."""
        return self._parts[number // PART].told is not None or number in self._nodes

    def names_of(self, numbers: Sequence[int]) -> ChildNames:
        """What is needed to ask about some."""
        places = [divmod(number, PART) for number in numbers]
        names = [self._names_of(part)[at] for part, at in places]
        known = bool(self._parts and self._parts[0].addresses)
        return ChildNames(
            names=names, addresses=[self._parts[part].addresses[at] for part, at in places] if known else []
        )

    def matching(self, text: str, most: int) -> list[int]:
        """The numbers of the items that have a text in their names, in any case: at most so many."""
        text, found = text.casefold(), list[int]()
        for number, part in enumerate(self._parts):
            if text in part.folded:
                first = number * PART
                found += [first + at for at, name in enumerate(part.folded.split("\0")) if text in name]
                if len(found) >= most:
                    return found[:most]
        return found

    def called(self, name: str) -> Iterator[int]:
        """The numbers of the items that are called so."""
        for number, part in enumerate(self._parts):
            if name in part.names:
                for at, other in enumerate(part.names.split("\0")):
                    if other == name:
                        yield number * PART + at

    def _names_of(self, part: int) -> list[str]:
        return _latest(self._names, part, HELD, lambda: self._parts[part].names.split("\0"))

    def _unpacked(self, part: int) -> list[Item]:
        told = self._parts[part].told or b"[]"
        if self.above.inside:
            return [self.above.named(node) for node in from_json_list(told, TreeNode)]
        return [of_entry(self.above.location, entry) for entry in from_json_list(told, Entry)]


def _latest(held: OrderedDict[int, list[T]], key: int, most: int, make: Callable[[], list[T]]) -> list[T]:
    """What is held under a number, or is made now; of the others the latest stay."""
    found = held.get(key)
    if found is None:
        found = held[key] = make()
        if len(held) > most:
            held.popitem(last=False)
    held.move_to_end(key)
    return found


class Packing:
    """Makes parts of names as they arrive: a million of them are never here as objects of their own."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was taken."""
        self.count = 0
        self._parts: list[Part] = []
        self._names: list[str] = []
        self._addresses: list[int] = []
        self._nodes: list[TreeNode] = []

    def take(self, some: ChildNames) -> None:
        """Take the next ones."""
        self.count += len(some.names)
        self._names += some.names
        self._addresses += some.addresses
        self._nodes += some.nodes or []
        self._pack(PART)

    def parts(self) -> list[Part]:
        """All of them, once the last one was taken."""
        self._pack(1)
        return self._parts

    def _pack(self, least: int) -> None:
        """Pack whole parts, or so many names."""
        names, addresses, nodes = self._names, self._addresses, self._nodes
        while len(names) >= least:
            told = to_json(nodes[:PART]) if nodes else None  # type: ignore[arg-type]
            self._parts.append(Part(names[:PART], told, addresses[:PART]))
            del names[:PART], addresses[:PART], nodes[:PART]


def _told(items: Sequence[Item]) -> bytes:
    nodes = [item.node for item in items if item.node is not None]
    return to_json(nodes or [item.entry for item in items if item.entry is not None])  # type: ignore[arg-type]
