"""Objects that have another path on the other side: defined alike, with the same attributes and data, and the
only ones of which that holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from h5s3.explore.diff.compare import Comparison, Key, Side
from h5s3.records import UNSET, Outline, OutlinedDataset, OutlinedObject, to_json_value

MOST = 100_000  # objects of one side alone that are looked at
MOST_DATASETS = 200  # whose data is looked at
LEAST_BYTES = 16  # of a dataset without attributes, so that its values tell something
Pair = tuple[Key, OutlinedObject, OutlinedObject]
Signed = dict[str, list[Key]]


@dataclass
class Candidate:
    """What may have been renamed, and the datasets in it whose data is to be the same."""

    a: Key
    b: Key
    below: int
    datasets: list[Pair] = field(default_factory=list)


def candidates(comparison: Comparison) -> list[Candidate]:
    """What is on one side alone and has just one likeness on the other, outer objects first."""
    a, b = comparison.a, comparison.b
    if UNSET not in (a.outline.table, b.outline.table):
        return []  # columns are known by their ids (`renamed_columns`), or by their names
    alone = [sorted(one.objects.keys() - other.objects.keys()) for one, other in ((a, b), (b, a))]
    if comparison.shared or not all(alone) or max(map(len, alone)) > MOST:
        return []
    mine, theirs = (_Signatures(side, set(keys)) for side, keys in zip((a, b), alone, strict=True))
    signed = [_by_signature(one, keys) for one, keys in zip((mine, theirs), alone, strict=True)]
    found: list[Candidate] = []
    taken: set[Key] = set()
    for key in alone[0]:
        if any(key[:depth] in taken for depth in range(1, len(key) + 1)):
            continue
        partners = signed[1].get(mine.of(key), [])
        if len(partners) != 1 or len(signed[0][mine.of(key)]) != 1 or not mine.says_enough(key):
            continue
        one = Candidate(
            key, partners[0], len(mine.below(key)), list(_datasets(mine, theirs, key, partners[0]))
        )
        if sum(len(each.datasets) for each in found) + len(one.datasets) <= MOST_DATASETS:
            found.append(one)
            taken.add(key)
    return found


def renamed_columns(comparison: Comparison) -> dict[Key, Key]:
    """Columns of tables with another name on the other side, the same id, and nothing else that differs."""
    a, b = comparison.a, comparison.b
    if comparison.shared or not _same_table(a.outline, b.outline):
        return {}
    alone = [one.objects.keys() - other.objects.keys() for one, other in ((a, b), (b, a))]
    mine, theirs = (_Signatures(side, set(keys)) for side, keys in zip((a, b), alone, strict=True))
    ids = {str(b.objects[key].column): key for key in alone[1] if b.objects[key].column is not UNSET}
    found: dict[Key, Key] = {}
    for key in sorted(alone[0]):
        other = ids.get(str(a.objects[key].column))
        if other is None or other[:-1] != key[:-1] or mine.of(key) != theirs.of(other):
            continue
        found[key] = other
    return found


def _same_table(a: Outline, b: Outline) -> bool:
    """Whether both are of one table: else ids of columns are the same by chance."""
    ids = [None if one.table is UNSET else one.table.id for one in (a, b)]
    return a.location == b.location or (ids[0] is not None and ids[0] == ids[1])


def confirmed(found: Sequence[Candidate], same: Callable[[Sequence[Pair]], Sequence[bool]]) -> dict[Key, Key]:
    """Those whose datasets have the same data. `same` looks at pairs of datasets."""
    pairs = [pair for one in found for pair in one.datasets]
    answers = iter(same(pairs) if pairs else ())
    good: dict[Key, Key] = {}
    for one in found:
        if all([next(answers) for _ in one.datasets]):
            good[one.a] = one.b
    return good


class _Signatures:
    """What tells objects of one side apart, whatever they are called."""

    def __init__(self, side: Side, keys: set[Key]) -> None:
        self.side, self._keys = side, keys
        self._known: dict[Key, str] = {}
        self._children: dict[Key, list[Key]] = {}
        for key in sorted(keys):
            self._children.setdefault(key[:-1], []).append(key)

    def of(self, key: Key) -> str:
        """The signature of an object: what it is, and all that is below it."""
        if key not in self._known:
            for one in reversed([key, *self.below(key)]):
                self._known[one] = self._of(one)
        return self._known[key]

    def _of(self, key: Key) -> str:
        one = self.side.objects[key]
        told = [
            one.kind,
            None if one.target is UNSET else one.target,
            None if one.alias_of is UNSET else one.alias_of,
            None if one.reason is UNSET else one.path,  # unread: like nothing else
            None if one.datatype is UNSET else to_json_value(self.side.types[one.datatype]),
            None if one.dataset is UNSET else self._definition(one.dataset),
            sorted((each.name, each.dtype, each.digest or each.error, each.shape) for each in one.attributes),
            [(child[-1], self._known[child]) for child in self._children.get(key, [])],
        ]
        text = json.dumps(told, default=str, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _definition(self, one: OutlinedDataset) -> object:
        found = to_json_value(one)
        for name in ("place", "type", "fill_value"):
            found.pop(name, None)
        fill = None if one.fill_value is UNSET else one.fill_value.digest
        return [found, fill, to_json_value(self.side.types[one.type])]

    def below(self, key: Key) -> list[Key]:
        """All that is below an object, outer ones first."""
        found, at = [key], 0
        while at < len(found):
            found += self._children.get(found[at], [])
            at += 1
        return found[1:]

    def says_enough(self, key: Key) -> bool:
        """Whether it is too special to be like another by chance."""
        one = self.side.objects[key]
        if one.alias_of is not UNSET or one.kind not in ("group", "dataset", "datatype"):
            return False
        if one.dataset is not UNSET:
            return bool(one.attributes) or one.dataset.nbytes >= LEAST_BYTES
        return one.kind == "datatype" or len(one.attributes) + len(self.below(key)) > 1 or self._has_data(key)

    def _has_data(self, key: Key) -> bool:
        below = (self.side.objects[one].dataset for one in self.below(key))
        return any(one is not UNSET and one.nbytes >= LEAST_BYTES for one in below)


def _by_signature(signatures: _Signatures, keys: Sequence[Key]) -> Signed:
    found: Signed = {}
    for key in keys:
        found.setdefault(signatures.of(key), []).append(key)
    return found


def _datasets(mine: _Signatures, theirs: _Signatures, a: Key, b: Key) -> Iterator[Pair]:
    for one, other in zip([a, *mine.below(a)], [b, *theirs.below(b)], strict=True):
        pair = mine.side.objects[one], theirs.side.objects[other]
        if pair[0].dataset is not UNSET and pair[0].alias_of is UNSET:
            yield one, *pair
