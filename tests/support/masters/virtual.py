"""Virtual datasets over other files, made at random: all that HDF5's mappings can be."""

from __future__ import annotations

from math import prod
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

UNLIMITED = h5s.UNLIMITED
TYPES = ("<i4", "<i4", "<i4", ">i2", "<u8", "<f4", ">f8", "i1")
FILES = ("a.h5", "b.h5", "sub/c.h5", ".")


def selected(space: Any) -> int:
    """Elements that a dataspace selects."""
    return int(space.get_select_npoints())


def hyperslab(shape: tuple[int, ...], random: Random) -> Any:
    """A regular hyperslab within a shape."""
    space = h5s.create_simple(shape)
    slab: list[tuple[int, int, int, int]] = []
    for size in shape:
        start = random.randrange(size)
        block = random.randint(1, max(1, (size - start) // 2))
        stride = block + random.randint(0, 3)
        count = random.randint(1, max(1, (size - start - block) // stride + 1))
        slab.append((start, count, stride, block))
    space.select_hyperslab(*(tuple(part) for part in zip(*slab, strict=True)))
    return space


def irregular(shape: tuple[int, ...], random: Random) -> Any:
    """Some hyperslabs together."""
    space = hyperslab(shape, random)
    for _ in range(random.randint(1, 2)):
        other = hyperslab(shape, random)
        space.select_hyperslab(*_regular(other), op=random.choice([h5s.SELECT_OR, h5s.SELECT_XOR]))
    return space if selected(space) else hyperslab(shape, random)


def _regular(space: Any) -> Any:
    start, stride, count, block = space.get_regular_hyperslab()
    return start, count, stride, block


def like(size: int, random: Random) -> Any:
    """A selection of as many elements, in a source of any shape."""
    shape: list[int] = []
    left = size
    for _ in range(random.randint(0, 2)):
        part = random.choice([n for n in range(1, left + 1) if left % n == 0])
        shape.append(part)
        left //= part
    shape.append(left)
    random.shuffle(shape)
    kind = random.randrange(3)
    if kind == 0:
        space = h5s.create_simple(tuple(shape))
        return space
    strides = [random.randint(1, 3) for _ in shape]
    starts = [random.randint(0, 2) for _ in shape]
    extent = tuple(
        start + n * stride + random.randint(0, 2)
        for n, stride, start in zip(shape, strides, starts, strict=True)
    )
    space = h5s.create_simple(extent)
    space.select_hyperslab(tuple(starts), tuple(shape), tuple(strides))
    if kind == 2 and size > 1:  # the same number of elements, in two parts
        space = h5s.create_simple((size + 7,))
        first = random.randint(1, size - 1)
        space.select_hyperslab((1,), (first,))
        space.select_hyperslab((first + 3,), (size - first,), op=h5s.SELECT_OR)
    return space


def fixed(folder: Path, random: Random) -> Path:
    """A virtual dataset `v` of a fixed shape in `master.h5`, and what it is made of."""
    shape = tuple(random.randint(1, 9) for _ in range(random.randint(1, 3)))
    dcpl, taken = h5p.create(h5p.DATASET_CREATE), np.zeros(shape, bool)
    overlapping = random.random() < 0.3
    dcpl.set_fill_value(np.array(0 if overlapping else 7, "i4"))
    made: list[tuple[str, str, tuple[int, ...]]] = []
    for number in range(random.randint(1, 4)):
        space = (irregular if random.random() < 0.3 else hyperslab)(shape, random)
        mask = np.zeros(shape, bool)
        for low, high in space.get_select_hyper_blocklist():
            mask[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))] = True
        if (mask & taken).any() and not overlapping:
            continue
        taken |= mask
        source = like(selected(space), random)
        file, path = random.choice(FILES), f"d{number}"
        name = random.choice([f"./{file}", file]) if file != "." else file
        dcpl.set_virtual(space, name.encode(), path.encode(), source)
        if random.random() < 0.9:
            made.append((file, path, source.get_simple_extent_dims()))
    master = folder / "master.h5"
    (folder / "sub").mkdir()
    with h5py.File(master, "w") as new:
        kind = h5t.py_create(np.dtype(random.choice(TYPES)))
        h5d.create(new.id, b"v", kind, h5s.create_simple(shape), dcpl)
    for file, path, extent in made:
        with h5py.File(master if file == "." else folder / file, "a") as new:
            source_of(new, path, extent, random)
    return master


def source_of(new: Any, path: str, shape: tuple[int, ...], random: Random, **more: Any) -> None:
    """A dataset with values of some type, stored somehow."""
    values = np.array([random.randint(0, 120) for _ in range(prod(shape))]).reshape(shape)
    chunks = {"chunks": tuple(max(1, n // 2) for n in shape), "compression": 1} if prod(shape) else {}
    stored = random.choice([{}, chunks]) if not more else chunks
    new.create_dataset(path, data=values.astype(random.choice(TYPES)), **{**stored, **more})


def endless(folder: Path, random: Random) -> Path:
    """A virtual dataset with a dimension without end."""
    width = random.randint(1, 3)
    dcpl = h5p.create(h5p.DATASET_CREATE)
    dcpl.set_fill_value(np.array(7, "i4"))
    for number in range(random.randint(1, 2)):
        block = random.randint(1, 3)
        stride = block + random.randint(0, 3)
        space = h5s.create_simple((40, 2 * width), (UNLIMITED, 2 * width))
        start = (random.randint(0, 3), number * width)
        pattern = random.random() < 0.5
        if not pattern and random.random() < 0.3:
            space.select_hyperslab(start, (1, 1), None, (UNLIMITED, width))
        else:
            space.select_hyperslab(start, (UNLIMITED, 1), (stride, width), (block, width))
        if pattern:
            source = h5s.create_simple((block, width))
            dcpl.set_virtual(space, f"p{number}_%b%%.h5".encode(), b"d%b", source)
            there = [n for n in range(random.randint(0, 5)) if random.random() < 0.9]
            for n in there:
                with h5py.File(folder / f"p{number}_{n}%.h5", "w") as new:
                    source_of(new, f"d{n}", (block, width), random)
            continue
        block, stride = (1, 1) if random.random() < 0.5 else (block, stride)
        source = h5s.create_simple((0, width), (UNLIMITED, width))
        source.select_hyperslab((random.randint(0, 2), 0), (UNLIMITED, 1), (stride, width), (block, width))
        dcpl.set_virtual(space, f"u{number}.h5".encode(), b"d", source)
        if random.random() < 0.9:
            with h5py.File(folder / f"u{number}.h5", "w") as new:
                source_of(
                    new, "d", (random.randint(0, 12), width), random, maxshape=(None, width), chunks=(2, 1)
                )
    if random.random() < 0.4:
        space = h5s.create_simple((40, 2 * width), (UNLIMITED, 2 * width))
        space.select_hyperslab((random.randint(20, 25), 0), (2, 1))
        dcpl.set_virtual(space, b"f.h5", b"d", h5s.create_simple((2,)))
        with h5py.File(folder / "f.h5", "w") as new:
            source_of(new, "d", (2,), random)
    master = folder / "master.h5"
    with h5py.File(master, "w") as new:
        kind = h5t.py_create(np.dtype(random.choice(TYPES)))
        h5d.create(new.id, b"v", kind, h5s.create_simple((40, 2 * width), (UNLIMITED, 2 * width)), dcpl)
    return master
