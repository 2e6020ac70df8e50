"""What is in a file and where it is stored, by a bounded walk over all of its metadata."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_index import read_index
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.layout.header_facts import index_kind, is_old_group
from h5s3.formats.hdf5.metadata.node import OBJECT, walk
from h5s3.formats.hdf5.objects.attributes import attribute_names, count_attributes
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import address_of, count_links, kind_of, list_links, open_link
from h5s3.formats.hdf5.walk import DEEPEST, MOST_TEXT, Cut, Group, Listing, Step, Walk
from h5s3.formats.names import text_of
from h5s3.sizes import MIB
from h5s3.storage.base import Range

MOST_ATTRIBUTES = 1000  # of one object that are listed
DAMAGED_SHOWN = 20


@dataclass(frozen=True)
class Limits:
    """What an inventory may take."""

    objects: int = 50_000
    chunks: int = 1_000_000
    bytes: int = 256 << 20  # that arrive
    seconds: float = 60.0


@dataclass(frozen=True)
class StoredDataset:
    """A dataset. Sizes are of stored bytes; those of its chunks are 0 where there are none."""

    path: bytes
    address: int
    facts: Facts
    stored: int | None  # None: not known
    num_chunks: int = 0
    smallest: int = 0
    median: int = 0
    largest: int = 0
    index: str = ""  # kind of the chunk index
    places: Any = None  # of shape (n, 2): where its raw data starts and how long it is


@dataclass
class Inventory:
    """What a walk met. `metadata` and `data` are the bytes of the object that hold them, in order."""

    groups: int = 0
    old_groups: int = 0  # with symbol tables
    datasets: list[StoredDataset] = field(default_factory=list)
    attributes: int = 0
    links: Counter[str] = field(default_factory=Counter)  # by class, of those that were looked at
    num_links: int = 0  # by the groups' own count
    external_links: list[tuple[bytes, str]] = field(default_factory=list)
    deepest: int = 0
    damaged: list[tuple[bytes, str]] = field(default_factory=list)  # path and reason, the first of them
    num_damaged: int = 0
    cut: str = ""  # why the walk ended early
    metadata: list[Range] = field(default_factory=list)
    data: Any = None  # of shape (n, 2): start and stop

    @property
    def num_chunks(self) -> int:
        """Chunks of all datasets."""
        return sum(item.num_chunks for item in self.datasets)

    @property
    def objects(self) -> int:
        """Groups and datasets."""
        return self.groups + len(self.datasets)


@dataclass(frozen=True)
class _Group:
    path: bytes
    id: Any
    old: bool
    attributes: int
    links: int


_Answer = _Group | StoredDataset | None


def take_inventory(
    file: OpenFile, limits: Limits, spent: Callable[[], int], progress: Callable[[str, float], None]
) -> Inventory:
    """Walk a file. `spent` gives how many bytes arrived so far.

    What is damaged is listed. Raises what the storage raises, and `AskAgainError`.
    """
    return _Walk(file, limits, spent, progress).run()


class _Walk(Walk[_Group, _Answer]):
    at_once = 1000  # the limits are looked at in between
    goal = OBJECT

    def __init__(
        self, file: OpenFile, limits: Limits, spent: Callable[[], int], progress: Callable[[str, float], None]
    ) -> None:
        super().__init__(file, levels=DEEPEST, links=sys.maxsize, text=MOST_TEXT)
        self._limits = limits
        self._spent = spent
        self._progress = progress
        self._until = time.monotonic() + limits.seconds
        self._most_bytes = spent() + limits.bytes
        self._chunks = 0
        self._found = Inventory()

    def run(self) -> Inventory:
        root, found = self.file.root, self._found
        self.met.first(address_of(root), b"/")
        self.file.prefetch_objects([address_of(root)], walk(DEEPEST))
        call: Callable[[], _Answer | Exception] = partial(self._group, b"/", root)
        top = self._take(b"/", *gather(self.file.blocks, [call], lambda _, error: error))
        left = self.descend(top, b"/", root) if top else []
        found.deepest = max(0, self.depth - (not left))
        if left and not found.cut:
            self._cut(f"it is deeper than {DEEPEST} levels")
        found.data = _in_order([item.places for item in found.datasets])
        return found

    def links_of(self, group: Group[_Group]) -> Listing:
        links = list_links(group.owner.id, max(1, self._limits.objects - self._found.objects))
        return Listing(group.owner.id, group.owner.links, len(links), links)

    def wants(self, step: Step[_Group]) -> bool:
        link, found = step.link, self._found
        found.links[link.link_class] += 1
        if link.link_class == "external" and len(found.external_links) < DAMAGED_SHOWN:
            found.external_links.append((step.path, text_of(link.target_file)))
        return link.address is not None and self.met.first(link.address, step.path) is step.path

    def describe(self, step: Step[_Group]) -> _Answer:
        found = open_link(step.group, step.link)
        kind = kind_of(found)
        if kind == "group":
            return self._group(step.path, found)
        attribute_names(found, MOST_ATTRIBUTES)
        return self._dataset(step.path, found, step.link.address or 0) if kind == "dataset" else None

    def meet(self, step: Step[_Group], answer: _Answer | Exception) -> _Group | None:
        return self._take(step.path, answer)

    def unlisted(self, group: Group[_Group], error: Exception) -> None:
        self._damaged(group.path, error)

    def leave(self, group: Group[_Group], listing: Listing) -> None:
        if listing.seen < listing.total and not self.stopped():
            self._cut(f"it has more than {self._limits.objects:,} links")

    def _take(self, path: bytes, answer: _Answer | Exception) -> _Group | None:
        found = self._found
        if isinstance(answer, Exception):
            self._damaged(path, answer)
        elif isinstance(answer, _Group):
            found.groups += 1
            found.old_groups += answer.old
            found.attributes += answer.attributes
            found.num_links += answer.links
            return answer
        elif answer is not None:
            found.datasets.append(answer)
            self._chunks += answer.num_chunks
        return None

    def _damaged(self, path: bytes, error: Exception) -> None:
        self._found.num_damaged += 1
        if len(self._found.damaged) < DAMAGED_SHOWN:
            self._found.damaged.append((path, plain_reason(error)))

    def _group(self, path: bytes, group: Any) -> _Group:
        attribute_names(group, MOST_ATTRIBUTES)
        old, links = is_old_group(self.file, address_of(group)), count_links(group)
        return _Group(path, group, old, count_attributes(group), links)

    def _dataset(self, path: bytes, dataset: Any, address: int) -> StoredDataset:
        facts = read_facts(dataset)
        if facts.layout == "chunked":
            return self._chunked(path, dataset, address, facts)
        if facts.layout != "contiguous" or facts.shape is None:
            stored = 0 if facts.layout in ("virtual", "external") or facts.shape is None else facts.nbytes
            return StoredDataset(path, address, facts, stored)
        offset = dataset.get_offset()
        if offset is None:
            return StoredDataset(path, address, facts, 0)
        stored = int(dataset.get_storage_size())
        return StoredDataset(path, address, facts, stored, places=np.array([[offset, stored]], dtype="<u8"))

    def _chunked(self, path: bytes, dataset: Any, address: int, facts: Facts) -> StoredDataset:
        left = self._limits.chunks - self._chunks
        kind = index_kind(self.file, address, facts)
        if left <= 0:
            self._cut(f"it has more than {self._limits.chunks:,} chunks")
            return StoredDataset(path, address, facts, None, index=kind)
        index = read_index(dataset, facts, self.file)
        sizes = index.table[:, -2]
        numbers = (int(sizes.min()), int(np.median(sizes)), int(sizes.max())) if len(index) else (0, 0, 0)
        stored = index.stored if index.complete else None
        return StoredDataset(path, address, facts, stored, len(index), *numbers, kind, index.table[:, -3:-1])

    def wave_ended(self) -> None:
        self._progress(f"{self._found.objects:,} objects", self._found.objects / self._limits.objects)

    def stopped(self) -> bool:
        limits = self._limits
        if self.cut is Cut.TEXT:
            self._cut(f"its paths are more than {MOST_TEXT // MIB} MiB")
        elif self._found.objects >= limits.objects:
            self._cut(f"it has more than {limits.objects:,} objects")
        elif self._spent() > self._most_bytes:
            self._cut(f"its metadata are more than {limits.bytes >> 20} MiB")
        elif time.monotonic() > self._until:
            self._cut(f"it took more than {limits.seconds:g} s")
        return bool(self._found.cut)

    def _cut(self, why: str) -> None:
        self._found.cut = self._found.cut or why


def _in_order(places: Sequence[Any]) -> Any:
    """Starts and sizes as starts and stops in order, joined where they touch."""
    some = [item for item in places if item is not None]
    table = np.concatenate([np.empty((0, 2), dtype="i8"), *some]).astype("i8")
    table[:, 1] += table[:, 0]
    return join_table(table[(table[:, 1] > table[:, 0]) & (table[:, 0] >= 0)])


def join_table(table: Any) -> Any:
    """`join_ranges` for millions of ranges: an array of shape (n, 2), starts and stops."""
    table = table[np.argsort(table[:, 0], kind="stable")]
    ends = np.maximum.accumulate(table[:, 1])
    new = np.r_[True, table[1:, 0] > ends[:-1]][: len(table)]
    last = np.r_[new[1:], True][: len(table)]
    return np.stack([table[new, 0], ends[last]], axis=1)
