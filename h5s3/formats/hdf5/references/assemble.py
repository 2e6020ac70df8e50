"""The records of references from what a walk has found: paths, names of dimensions, attributes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from h5s3.formats.encoding.zarr_codecs import ZarrCodecs
from h5s3.formats.hdf5.objects.packed import Met
from h5s3.formats.hdf5.objects.reference_names import renamed
from h5s3.formats.hdf5.objects.values import by_address
from h5s3.formats.hdf5.references.attributes import MOST_TOLD, Attributes
from h5s3.formats.hdf5.references.dimensions import BARE, RENAMED, Axes, Scale, name_dimensions
from h5s3.formats.hdf5.references.found import FoundArray, FoundGroup
from h5s3.formats.names import text_of
from h5s3.records import ArrayReferences, FileReferences, GroupReferences, LeftOut
from h5s3.storage.base import ObjectInfo

MOST_PLACES = 2_000_000  # chunks of one file


@dataclass
class Assembly:
    """What a walk has found. `met`: the paths of objects by their addresses; `places`: chunks so far."""

    met: Met
    groups: list[FoundGroup] = field(default_factory=list)
    arrays: list[FoundArray] = field(default_factory=list)
    aliases: list[tuple[bytes, int]] = field(default_factory=list)  # other hard links, to addresses
    soft: list[tuple[bytes, bytes]] = field(default_factory=list)  # soft links and where they lead
    left: list[LeftOut] = field(default_factory=list)
    notes: list[LeftOut] = field(default_factory=list)
    places: int = 0
    told: int = 0  # bytes of attributes that are repeated
    made: list[tuple[FoundArray, ArrayReferences]] = field(default_factory=list)  # by `document`

    def leave_out(self, path: bytes, reason: str) -> None:
        """Name what references do not hold."""
        self.left.append(LeftOut(path=text_of(path), reason=reason))

    def note(self, path: bytes, reason: str) -> None:
        """Name what is not quite as it is in the file."""
        self.notes.append(LeftOut(path=text_of(path), reason=reason))

    def document(self, info: ObjectInfo) -> FileReferences:
        """All that references say of the file."""
        arrays = self._with_aliases()
        scales = {one.address: _scale(one) for one in self.arrays if one.attributes.scale_name is not None}
        numbers = {
            one.attributes.number: one.address
            for one in reversed(self.arrays)
            if one.attributes.number is not None
        }
        by_group: dict[bytes, list[tuple[bytes, FoundArray]]] = {}
        for path, one in arrays:
            by_group.setdefault(path.rpartition(b"/")[0], []).append((path, one))
        for members in by_group.values():
            paths = _renamed_paths(members)
            axes = [_axes(path, one) for path, (_, one) in zip(paths, members, strict=True)]
            names = name_dimensions(axes, scales, numbers)
            for path, (_, one), dimensions in zip(paths, members, names, strict=True):
                self.made.append((one, self._record(path, one, dimensions)))
        groups = [
            GroupReferences(
                path=text_of(one.path.strip(b"/")), attributes=self._attributes(one.path, one.attributes)
            )
            for one in self.groups
        ]
        return FileReferences(
            size=info.size,
            etag=info.etag,
            last_modified=info.last_modified,
            groups=groups,
            arrays=[record for _, record in self.made],
            left_out=self.left,
            notes=self.notes,
        )

    def _with_aliases(self) -> list[tuple[bytes, FoundArray]]:
        """The arrays by all of their paths; what is left out is named."""
        bare = {one.address for one in self.arrays if (one.attributes.scale_name or "").startswith(BARE)}
        for one in self.arrays:
            if one.reason and one.address not in bare:
                self.leave_out(one.path, one.reason)
        known = {one.address: one for one in self.arrays if not one.reason and one.address not in bare}
        found = [(one.path, one) for one in known.values()]
        for path, address in self.aliases:
            self._add_alias(found, path, address, known)
        places = {path: one.address for path, one in found}
        for path, target in self.soft:
            self._add_alias(found, path, places.get(target), known)
        return found

    def _add_alias(
        self,
        found: list[tuple[bytes, FoundArray]],
        path: bytes,
        address: int | None,
        known: dict[int, FoundArray],
    ) -> None:
        one = known.get(address) if address is not None else None
        size = 0 if one is None or one.places is None else len(one.places.table)
        if one is None:
            first = None if address is None else self.met.where(address)
            where = f"another name of {text_of(first)}" if first else "a soft link to what is no array here"
            self.leave_out(path, where)
        elif self.places + size > MOST_PLACES or self.told + one.attributes.size > MOST_TOLD:
            self.leave_out(path, f"another name of {text_of(one.path)}, which is large")
        else:
            self.places += size
            self.told += one.attributes.size
            found.append((path, one))

    def _record(self, path: bytes, one: FoundArray, dimensions: Sequence[str]) -> ArrayReferences:
        assert one.kind is not None
        inner, places = one.kind.inner, one.places
        shape = [*(one.facts.shape or ()), *inner]
        codecs = ZarrCodecs() if places is None else places.codecs
        return ArrayReferences(
            path=path.strip(b"/").decode(),
            shape=shape,
            chunks=[max(1, n) for n in shape] if places is None else [*places.chunks, *inner],
            dtype=one.kind.name,
            fill_value=one.fill,
            masked=one.masked,
            filters=list(codecs.v2) if one.decoded is None else one.decoded,
            dimensions=list(dimensions),
            attributes=self._attributes(one.path, one.attributes),
            places=b"" if places is None else _with_inner(places.table, len(inner)).tobytes(),
            inlined={_inner_key(key, one): data for key, data in one.inlined.items()},
        )

    def _attributes(self, path: bytes, attributes: Attributes) -> str:
        """Attributes as JSON; what references point to by its path, as far as the walk has met it."""
        names = {
            by_address(address): text_of(where)
            for address in attributes.pointing
            if (where := self.met.where(address)) is not None
        }
        values = {
            name: renamed(value, names) if name in attributes.with_pointers else value
            for name, value in attributes.values.items()
        }
        for name, reason in attributes.left_out:
            self.leave_out(path, f"its attribute {name}: {reason}" if name else reason)
        attributes.left_out = []
        return json.dumps(values)


def _with_inner(table: np.ndarray[Any, Any], inner: int) -> np.ndarray[Any, Any]:
    """Places of chunks, with the dimensions of an array type behind those of the dataset: one chunk each."""
    return np.insert(table, [table.shape[1] - 2] * inner, 0, axis=1) if inner else np.ascontiguousarray(table)


def _inner_key(key: str, one: FoundArray) -> str:
    """The key of a chunk with these dimensions; where values were decoded it has them already."""
    if one.decoded is not None or one.kind is None or not one.kind.inner:
        return key
    return ".".join([*([key] if one.facts.shape else []), *("0" for _ in one.kind.inner)])


def _scale(one: FoundArray) -> Scale:
    facts = one.facts
    grows = bool(facts.maxshape) and facts.maxshape[0] is None  # type: ignore[index]
    length = None if grows or not facts.shape else facts.shape[0]
    return Scale(text_of(one.path.rpartition(b"/")[2]).removeprefix(RENAMED), length)


def _renamed_paths(members: list[tuple[bytes, FoundArray]]) -> list[bytes]:
    """Paths without what netCDF puts before the name of a variable that is called as another's dimension."""
    taken = {path for path, _ in members}
    found = []
    for path, _ in members:
        group, _, name = path.rpartition(b"/")
        plain = group + b"/" + name.removeprefix(RENAMED.encode())
        found.append(plain if plain not in taken else path)
    return found


def _axes(path: bytes, one: FoundArray) -> Axes:
    attributes, inner = one.attributes, one.kind.inner if one.kind is not None else ()
    return Axes(
        name=path.rpartition(b"/")[2].decode(),
        shape=(*(one.facts.shape or ()), *inner),
        address=one.address,
        scales=attributes.scales,
        labels=attributes.labels,
        is_scale=attributes.scale_name is not None,
        number=attributes.number,
        numbers=attributes.numbers,
    )
