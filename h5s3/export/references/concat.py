"""Files one after another along a dimension, as `xarray.concat` has them, without reading what is in them.

Chunks keep their bytes: where they would not meet, or would not mean the same in all files, it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce
from math import gcd

import numpy as np

from h5s3.errors import UsageError
from h5s3.export.references.hierarchy import Hierarchy, Part, Table, VirtualArray, chunk_table
from h5s3.records import ArrayReferences, Json, replaced

MEANING = ("units", "calendar", "scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")
MOST_SPLIT = 100_000  # chunks that the chunks of an array are cut into


def concatenated(parts: Sequence[Part], dimension: str) -> Hierarchy:
    """The arrays of the first file, each continued by those of the others at its path.

    An array without the dimension must be the same in all files. Where no array has it, it is a new one:
    every array but coordinates of its own dimension gets it in front. Attributes are those of the first file.
    Raises `UsageError` where files do not fit together.
    """
    first = parts[0].found
    by_path = [{array.path: array for array in part.found.arrays} for part in parts]
    _same_paths(parts, by_path)
    new = not any(dimension in array.dimensions for array in first.arrays)
    made = Hierarchy(
        [part.source for part in parts], {group.path: group.attributes for group in first.groups}
    )
    for array in first.arrays:
        some = [known[array.path] for known in by_path]
        _same_meaning(parts, some)
        if dimension in array.dimensions:
            made.arrays.append(_continued(parts, some, array.dimensions.index(dimension)))
        elif new and array.dimensions != [array.path.rpartition("/")[2]]:
            made.arrays.append(_stacked(parts, some, dimension))
        else:
            _same_values(parts, some)
            made.arrays.append(_alone(parts[0], array))
    return made


def _refuse(part: Part, array: ArrayReferences, why: str) -> UsageError:
    return UsageError(f"/{array.path} cannot be joined: {why}", location=part.location)


def _same_paths(parts: Sequence[Part], by_path: Sequence[dict[str, ArrayReferences]]) -> None:
    for part, known in zip(parts[1:], by_path[1:], strict=True):
        for path in by_path[0].keys() ^ known.keys():
            holds, lacks = (part, parts[0]) if path in known else (parts[0], part)
            raise UsageError(
                f"/{path} is in {holds.location} and not here: files that are joined hold the same arrays",
                location=lacks.location,
            )


def _same_meaning(parts: Sequence[Part], some: Sequence[ArrayReferences]) -> None:
    """Raise where the numbers of an array, or its dimensions, mean something else in one of the files."""
    first, wanted = some[0], _meaning(some[0])
    for part, array in zip(parts[1:], some[1:], strict=True):
        if array.dtype != first.dtype or len(array.shape) != len(first.shape):
            raise _refuse(part, array, f"its type is {array.dtype} and was {first.dtype}")
        if array.filters != first.filters:
            raise _refuse(part, array, "its filters are others than those of the first file")
        if array.dimensions != first.dimensions:
            told = ", ".join(array.dimensions)
            raise _refuse(part, array, f"its dimensions are {told} and were {', '.join(first.dimensions)}")
        found = _meaning(array)
        for name in wanted:
            if found[name] != wanted[name]:
                raise _refuse(part, array, f"{name} is {found[name]} and was {wanted[name]}")


def _meaning(array: ArrayReferences) -> dict[str, str]:
    attributes = json.loads(array.attributes)
    told: dict[str, Json] = {name: attributes.get(name) for name in MEANING}
    return {name: json.dumps(value) for name, value in (told | {"its fill value": array.fill_value}).items()}


def _same_values(parts: Sequence[Part], some: Sequence[ArrayReferences]) -> None:
    first = some[0]
    for part, array in zip(parts[1:], some[1:], strict=True):
        if array.digest is None or first.digest is None:
            raise _refuse(part, array, "it is too large to be compared with that of the first file")
        if (array.digest, array.shape, array.chunks) != (first.digest, first.shape, first.chunks):
            raise _refuse(part, array, "it has not this dimension, and differs from that of the first file")


def _alone(part: Part, array: ArrayReferences) -> VirtualArray:
    return VirtualArray(array.path, array, [(part.url, chunk_table(array))], array.inlined)


def _stacked(parts: Sequence[Part], some: Sequence[ArrayReferences], dimension: str) -> VirtualArray:
    """Arrays of one shape behind a new dimension."""
    first = some[0]
    places, inlined = [], {}
    for number, (part, array) in enumerate(zip(parts, some, strict=True)):
        if (array.shape, array.chunks) != (first.shape, first.chunks):
            raise _refuse(part, array, f"its shape is {array.shape} and was {first.shape}")
        places.append((part.url, np.insert(chunk_table(array), 0, number, axis=1)))
        for key, data in array.inlined.items():
            inlined[f"{number}.{key}" if first.shape else str(number)] = data
    whole = replaced(
        first,
        shape=[len(some), *first.shape],
        chunks=[1, *first.chunks],
        dimensions=[dimension, *first.dimensions],
    )
    return VirtualArray(first.path, whole, places, inlined)


def _continued(parts: Sequence[Part], some: Sequence[ArrayReferences], axis: int) -> VirtualArray:
    """Arrays one after another along a dimension that they have."""
    first = some[0]
    for part, array in zip(parts[1:], some[1:], strict=True):
        if [n for d, n in enumerate(array.shape) if d != axis] != [
            n for d, n in enumerate(first.shape) if d != axis
        ]:
            raise _refuse(part, array, f"its shape is {array.shape} and was {first.shape}")
    length = sum(array.shape[axis] for array in some)
    if all(array.decoded for array in some):
        return _joined(some, axis, length)
    tables, chunk = _fitted(parts, some, axis)
    places, inlined, before = [], {}, 0
    for part, array, table in zip(parts, some, tables, strict=True):
        moved = table.copy()
        moved[:, axis] += np.uint64(before // chunk)
        places.append((part.url, moved))
        for key, data in array.inlined.items():
            cell = [int(n) for n in key.split(".")]
            cell[axis] += before // chunk
            inlined[".".join(map(str, cell))] = data
        before += array.shape[axis]
    shape = [length if d == axis else n for d, n in enumerate(first.shape)]
    chunks = [chunk if d == axis else n for d, n in enumerate(first.chunks)]
    return VirtualArray(first.path, replaced(first, shape=shape, chunks=chunks), places, inlined)


def _joined(some: Sequence[ArrayReferences], axis: int, length: int) -> VirtualArray:
    """Arrays of one dimension whose values are here: one chunk of all."""
    first = some[0]
    data = b"".join(one for array in some for one in array.inlined.values())
    whole = replaced(first, shape=[length], chunks=[max(1, length)])
    return VirtualArray(first.path, whole, [], {"0": data} if data else {})


def _fitted(parts: Sequence[Part], some: Sequence[ArrayReferences], axis: int) -> tuple[list[Table], int]:
    """The chunks of each file, of one length along the dimension that divides all files but the last.

    Chunks without filters can be cut along their first dimension: their parts stand one after another.
    """
    lengths = [array.shape[axis] for array in some]
    others = [[n for d, n in enumerate(array.chunks) if d != axis] for array in some]
    same = all(array.chunks == some[0].chunks for array in some)
    if same and not any(length % some[0].chunks[axis] for length in lengths[:-1]):
        return [chunk_table(array) for array in some], some[0].chunks[axis]
    chunk = reduce(gcd, [*lengths[:-1], *(array.chunks[axis] for array in some)])
    cut = axis == 0 and not any(array.filters or array.inlined for array in some)
    if not cut or any(other != others[0] for other in others) or not _few(some, chunk):
        for part, array in zip(parts, some, strict=True):
            if array.chunks != some[0].chunks:
                raise _refuse(part, array, f"its chunks are {array.chunks} and were {some[0].chunks}")
        number = next(n for n, length in enumerate(lengths) if length % some[0].chunks[axis])
        told = f"{lengths[number]} along it are no whole number of chunks of {some[0].chunks[axis]}"
        raise _refuse(parts[number], some[number], told)
    return [_cut(array, chunk) for array in some], chunk


def _few(some: Sequence[ArrayReferences], chunk: int) -> bool:
    return (
        sum(len(array.places) // 8 // (len(array.shape) + 2) * (array.chunks[0] // chunk) for array in some)
        <= MOST_SPLIT
    )


def _cut(array: ArrayReferences, chunk: int) -> Table:
    """The chunks of an array cut along the first dimension."""
    table, parts = chunk_table(array), array.chunks[0] // chunk
    number = np.tile(np.arange(parts, dtype="<u8"), len(table))
    found = np.repeat(table, parts, axis=0)
    found[:, -1] //= np.uint64(parts)
    found[:, -2] += number * found[:, -1]
    found[:, 0] = found[:, 0] * np.uint64(parts) + number
    return found[found[:, 0] * np.uint64(chunk) < np.uint64(array.shape[0])]
