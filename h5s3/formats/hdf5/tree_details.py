"""What a tree shows of datasets beside their headers: small values, stored bytes.

All are read when the walk is over: their bytes share the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex, read_indexes
from h5s3.formats.hdf5.data.small_values import MOST, SmallValue, add_value, is_small, read_small
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Link, open_link
from h5s3.formats.hdf5.objects.values import Namer
from h5s3.records import DatasetNode

MOST_READ = 20_000  # values of small datasets
TURN = 4_000  # datasets whose indexes share rounds
_Dataset = tuple[DatasetNode, Any, Link]


class Details:
    """The datasets of one walk. `namer`: how objects are called that references point to."""

    def __init__(self, file: OpenFile, values: bool, stored: bool, namer: Namer) -> None:
        self._file, self._namer = file, namer
        self._values: list[_Dataset] | None = [] if values else None
        self._stored: list[_Dataset] | None = [] if stored else None

    def note(self, node: DatasetNode, group: Any, link: Link) -> None:
        """Remember a dataset."""
        values = self._values
        if values is not None and node.size <= MOST and node.ndim <= 1 and len(values) < MOST_READ:
            values.append((node, group, link))
        if self._stored is not None:
            self._stored.append((node, group, link))

    def read(self) -> None:
        """Give their nodes what was asked for. What cannot be read is left out."""
        for some in _turns(self._values or [], MOST_READ):
            calls = [partial(self._value, group, link) for _, group, link in some]
            for (node, _, _), value in zip(some, self._gathered(calls), strict=True):
                add_value(node, value)
        for some in _turns(self._stored or [], TURN):
            self._read_stored(some)

    def _read_stored(self, datasets: list[_Dataset]) -> None:
        opened = self._gathered([partial(_open, group, link) for _, group, link in datasets])
        chunked = []
        for (node, _, _), found in zip(datasets, opened, strict=True):
            if found is not None and found[2] is not None:
                node.storage_size = found[2]
            elif found is not None:
                chunked.append((node, found[0], found[1]))
        indexes = read_indexes(self._file, [(dataset, facts) for _, dataset, facts in chunked])
        for (node, _, _), index in zip(chunked, indexes, strict=True):
            if isinstance(index, ChunkIndex) and index.complete:
                node.storage_size = index.stored

    def _value(self, group: Any, link: Link) -> SmallValue | None:
        dataset = open_link(group, link)
        return read_small(self._file, dataset, self._namer) if is_small(read_facts(dataset)) else None

    def _gathered(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return list(gather(self._file.blocks, calls, lambda *_: None))


def stored_without_index(dataset: Any, facts: Facts) -> int | None:
    """Stored bytes of a dataset; None where they are known from the index of its chunks alone.

    libhdf5 would open the sources of a virtual dataset to add up their sizes: it is never let.
    """
    if facts.layout == "chunked" and facts.shape is not None:
        return None
    here = facts.layout in ("contiguous", "compact") and facts.shape is not None
    return int(dataset.get_storage_size()) if here else 0


def _open(group: Any, link: Link) -> tuple[Any, Facts, int | None]:
    dataset = open_link(group, link)
    facts = read_facts(dataset)
    return dataset, facts, stored_without_index(dataset, facts)


def _turns(datasets: list[_Dataset], size: int) -> Iterator[list[_Dataset]]:
    for start in range(0, len(datasets), size):
        yield datasets[start : start + size]
