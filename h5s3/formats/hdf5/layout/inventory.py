"""A walk over everything that a file's metadata tell, bounded: what is there, and where it lies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_index import read_index
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.layout.header_facts import index_kind, is_old_group
from h5s3.formats.hdf5.metadata.node import OBJECT, walk
from h5s3.formats.hdf5.objects.attributes import attribute_names, count_attributes
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import Link, address_of, count_links, kind_of, list_links, open_link
from h5s3.formats.names import join, text_of
from h5s3.sizes import MIB
from h5s3.storage.base import Range

T = TypeVar("T")
U = TypeVar("U")
AT_ONCE = 1000  # objects of one wave: the limits are looked at in between
MOST_ATTRIBUTES = 1000  # of one object that are listed
DEEPEST = 200  # levels
MOST_TEXT = 128 * MIB  # bytes of paths
DAMAGED_SHOWN = 20


@dataclass(frozen=True)
class Limits:
    """What a survey may take."""

    objects: int = 50_000
    chunks: int = 1_000_000
    bytes: int = 256 << 20  # that arrive
    seconds: float = 60.0


@dataclass(frozen=True)
class Surveyed:
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
class Survey:
    """What a walk met. `metadata` and `data` are the bytes of the object that hold them, in order."""

    groups: int = 0
    old_groups: int = 0  # with symbol tables
    datasets: list[Surveyed] = field(default_factory=list)
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


_Found = _Group | Surveyed | None | Exception


def survey(
    file: OpenFile, limits: Limits, spent: Callable[[], int], tell: Callable[[str, float], None]
) -> Survey:
    """Walk a file. `spent` tells how many bytes arrived so far.

    Damage is noted. Raises what the storage raises, and `AskAgainError`.
    """
    return _Walk(file, limits, spent, tell).run()


class _Walk:
    def __init__(
        self, file: OpenFile, limits: Limits, spent: Callable[[], int], tell: Callable[[str, float], None]
    ) -> None:
        self._file = file
        self._limits = limits
        self._spent = spent
        self._tell = tell
        self._until = time.monotonic() + limits.seconds
        self._most_bytes = spent() + limits.bytes
        self._chunks = self._text = 0
        self._seen: set[int] = set()
        self._found = Survey()

    def run(self) -> Survey:
        root = self._file.root
        self._seen.add(address_of(root))
        self._file.prefetch_objects([address_of(root)], walk(DEEPEST))
        (top,) = gather(self._file.blocks, [partial(self._group, b"/", root)], lambda _, error: error)
        level = self._take([(b"/", top)])
        while level and not self._stopped():
            if self._found.deepest >= DEEPEST:
                self._cut(f"it is deeper than {DEEPEST} levels")
                break
            level = self._below(level)
            self._found.deepest += bool(level)
        self._found.data = _in_order([item.places for item in self._found.datasets])
        return self._found

    def _below(self, groups: Sequence[_Group]) -> list[_Group]:
        """The groups among the children of these; datasets are noted."""
        found: list[_Group] = []
        for some in _parts(groups, AT_ONCE):
            calls = [partial(self._links, group) for group in some]
            lists = gather(self._file.blocks, calls, lambda _, error: error)
            pairs = list(self._new(some, lists))
            for few in _parts(pairs, AT_ONCE):
                if self._stopped():
                    return found
                found += self._children(few)
            listed = zip(some, lists, strict=True)
            left_out = any(isinstance(links, list) and len(links) < group.links for group, links in listed)
            if left_out and not self._stopped():
                self._cut(f"it has more than {self._limits.objects:,} links")
        return found

    def _links(self, group: _Group) -> list[Link] | Exception:
        return list_links(group.id, max(1, self._limits.objects - self._found.objects))

    def _new(
        self, groups: Sequence[_Group], lists: Sequence[list[Link] | Exception]
    ) -> Iterator[tuple[_Group, Link]]:
        for group, links in zip(groups, lists, strict=True):
            if isinstance(links, Exception):
                self._damaged(group.path, links)
                continue
            for link in links:
                self._found.links[link.link_class] += 1
                if link.link_class == "external" and len(self._found.external_links) < DAMAGED_SHOWN:
                    item = join(group.path, link.name), text_of(link.target_file)
                    self._found.external_links.append(item)
                self._text += len(group.path) + len(link.name)
                if self._text > MOST_TEXT:
                    self._cut(f"its paths are more than {MOST_TEXT // MIB} MiB")
                    return
                if link.address is not None and link.address not in self._seen:
                    self._seen.add(link.address)
                    yield group, link

    def _children(self, pairs: Sequence[tuple[_Group, Link]]) -> list[_Group]:
        addresses = [link.address for _, link in pairs if link.address is not None]
        self._file.prefetch_objects(addresses, OBJECT)
        paths = [join(group.path, link.name) for group, link in pairs]
        calls = [
            partial(self._describe, path, group.id, link)
            for path, (group, link) in zip(paths, pairs, strict=True)
        ]
        found = gather(self._file.blocks, calls, lambda _, error: error)
        self._tell(f"{self._found.objects:,} objects", self._found.objects / self._limits.objects)
        return self._take(list(zip(paths, found, strict=True)))

    def _take(self, found: Sequence[tuple[bytes, _Found]]) -> list[_Group]:
        groups = []
        for path, item in found:
            if isinstance(item, Exception):
                self._damaged(path, item)
            elif isinstance(item, _Group):
                self._found.groups += 1
                self._found.old_groups += item.old
                self._found.attributes += item.attributes
                self._found.num_links += item.links
                groups.append(item)
            elif item is not None:
                self._found.datasets.append(item)
                self._chunks += item.num_chunks
        return groups

    def _damaged(self, path: bytes, error: Exception) -> None:
        self._found.num_damaged += 1
        if len(self._found.damaged) < DAMAGED_SHOWN:
            self._found.damaged.append((path, plain_reason(error)))

    def _describe(self, path: bytes, parent: Any, link: Link) -> _Found:
        """A pure question, for `gather`."""
        found = open_link(parent, link)
        kind = kind_of(found)
        if kind == "group":
            return self._group(path, found)
        attribute_names(found, MOST_ATTRIBUTES)
        return self._dataset(path, found, link.address or 0) if kind == "dataset" else None

    def _group(self, path: bytes, group: Any) -> _Found:
        attribute_names(group, MOST_ATTRIBUTES)
        old, links = is_old_group(self._file, address_of(group)), count_links(group)
        return _Group(path, group, old, count_attributes(group), links)

    def _dataset(self, path: bytes, dataset: Any, address: int) -> Surveyed:
        facts = read_facts(dataset)
        if facts.layout == "chunked":
            return self._chunked(path, dataset, address, facts)
        if facts.layout != "contiguous" or facts.shape is None:
            stored = 0 if facts.layout in ("virtual", "external") or facts.shape is None else facts.nbytes
            return Surveyed(path, address, facts, stored)
        offset = dataset.get_offset()
        if offset is None:
            return Surveyed(path, address, facts, 0)
        stored = int(dataset.get_storage_size())
        return Surveyed(path, address, facts, stored, places=np.array([[offset, stored]], dtype="<u8"))

    def _chunked(self, path: bytes, dataset: Any, address: int, facts: Facts) -> Surveyed:
        left = self._limits.chunks - self._chunks
        kind = index_kind(self._file, address, facts)
        if left <= 0:
            self._cut(f"it has more than {self._limits.chunks:,} chunks")
            return Surveyed(path, address, facts, None, index=kind)
        index = read_index(dataset, facts, self._file)
        sizes = index.table[:, -2]
        numbers = (int(sizes.min()), int(np.median(sizes)), int(sizes.max())) if len(index) else (0, 0, 0)
        stored = index.stored if index.complete else None
        return Surveyed(path, address, facts, stored, len(index), *numbers, kind, index.table[:, -3:-1])

    def _stopped(self) -> bool:
        limits = self._limits
        if self._found.objects >= limits.objects:
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


def _parts(items: Sequence[U], size: int) -> Iterator[Sequence[U]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
