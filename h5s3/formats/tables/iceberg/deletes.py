"""Which deletes hide rows of which files.

Source: the Iceberg specification, "Scan Planning".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from h5s3.formats.tables.iceberg.manifests import EQUALITY, Entry
from h5s3.formats.tables.iceberg.metadata import Spec

FILE_PATH = 2147483546  # id of the column of position deletes that names files
Key = tuple[int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Delete:
    """Something that hides rows. `path`: below the table; None where it lies elsewhere."""

    entry: Entry
    path: str | None

    @property
    def vector(self) -> bool:
        """Whether it is a deletion vector, in a Puffin file."""
        return self.entry.format == "puffin"

    @property
    def equality(self) -> bool:
        """Whether it hides rows by their values."""
        return self.entry.content == EQUALITY

    def __str__(self) -> str:
        """Its kind, and where it is."""
        where = self.path or self.entry.path
        if self.vector:
            return f"deletion vector {where} at {self.entry.offset}"
        if self.equality:
            ids = ", ".join(map(str, self.entry.equality_ids))
            return f"equality deletes {where} by columns {ids}"
        return f"position deletes {where}"


class Index:
    """All deletes of a snapshot, by what they are about."""

    def __init__(self, deletes: Iterable[Delete], specs: Sequence[Spec], same: Callable[[str], str]) -> None:
        """`same`: gives one text for all ways to name a file."""
        whole = {spec.spec_id for spec in specs if all(one.transform == "void" for one in spec.fields)}
        self._same = same
        self._vectors = _Sorted()
        self._of_file, self._of_partition = _Sorted(), _Sorted()
        self._everywhere, self._equality = _Sorted(), _Sorted()
        for one in deletes:
            entry = one.entry
            referenced = _referenced(entry)
            if one.equality:
                if entry.spec_id in whole:
                    self._everywhere.add(None, one)
                else:
                    self._equality.add(_partition(entry), one)
            elif one.vector:
                self._vectors.add(same(referenced or ""), one)
            elif referenced is not None:
                self._of_file.add(same(referenced), one)
            else:
                self._of_partition.add(_partition(entry), one)

    def of(self, file: Entry) -> tuple[Delete, ...]:
        """The deletes that hide rows of a data file. A deletion vector stands for all position deletes."""
        path, partition, number = self._same(file.path), _partition(file), file.sequence_number
        by_values = [*self._everywhere.after(None, number), *self._equality.after(partition, number)]
        vectors = self._vectors.since(path, number)
        if vectors:
            return (*vectors, *by_values)
        return (
            *self._of_file.since(path, number),
            *self._of_partition.since(partition, number),
            *by_values,
        )


class _Sorted:
    """Deletes in the order of their sequence numbers."""

    def __init__(self) -> None:
        self._found: dict[Any, list[Delete]] = defaultdict(list)
        self._sorted: dict[Any, tuple[list[int], list[Delete]]] = {}

    def add(self, key: Any, one: Delete) -> None:
        self._found[key].append(one)

    def since(self, key: Any, number: int) -> list[Delete]:
        """Those of this sequence number, and later ones."""
        return self._from(key, number, bisect_left)

    def after(self, key: Any, number: int) -> list[Delete]:
        """Those of later sequence numbers."""
        return self._from(key, number, bisect_right)

    def _from(self, key: Any, number: int, search: Callable[[list[int], int], int]) -> list[Delete]:
        if key not in self._found:
            return []
        if key not in self._sorted:
            ordered = sorted(self._found[key], key=lambda one: one.entry.sequence_number)
            self._sorted[key] = [one.entry.sequence_number for one in ordered], ordered
        numbers, ordered = self._sorted[key]
        return ordered[search(numbers, number) :]


def _partition(entry: Entry) -> Key:
    """What is the same for files of one partition."""
    values = (repr(value) if isinstance(value, float) else value for value in entry.partition)
    return entry.spec_id, tuple(bytes(one) if isinstance(one, bytearray) else one for one in values)


def _referenced(entry: Entry) -> str | None:
    """The data file that deletes are about, where it is only one."""
    if entry.referenced is not None:
        return entry.referenced
    ends = [
        next((one.get("value") for one in bounds or () if one.get("key") == FILE_PATH), None)
        for bounds in (entry.lower, entry.upper)
    ]
    if isinstance(ends[0], bytes) and ends[0] == ends[1]:
        return ends[0].decode("utf-8", "replace")
    return None
