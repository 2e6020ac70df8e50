"""Files of the shapes whose cost is budgeted: scattered, paged, wide. Real sizes, quick to make."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SCANS = 200
MIB = 1 << 20


def scattered(path: Path, *, libver: str = "earliest", page: int = 0, scans: int = SCANS) -> Path:
    """Scans written one after another, raw data between their headers.

    4 groups and 7 datasets each, 75 MB for 200. `page`: bytes of the pages of a paged file (0: not paged).
    """
    space: dict[str, Any] = {"fs_strategy": "page", "fs_page_size": page, "fs_persist": False} if page else {}
    noise = np.random.default_rng(42).integers(0, 1 << 16, (64, 1024), dtype=np.uint16)
    with h5py.File(path, "w", libver=libver, **space) as file:
        for number in range(scans):
            _scan(file.create_group(f"scan_{number:04d}"), noise, number)
    return path


def _scan(scan: h5py.Group, noise: np.ndarray[Any, Any], number: int) -> None:
    detector = scan.create_group("instrument").create_group("detector")
    sample = scan.create_group("sample")
    frames = detector.create_dataset("data", data=np.roll(noise, number, axis=1), chunks=(16, 1024))
    frames.attrs["units"] = "counts"
    for name in ("distance", "gain", "mask"):
        detector.create_dataset(name, data=noise[:12, number : number + 1024].astype("f4"))
    detector.create_dataset("time", data=np.arange(2048.0) + number)
    sample.create_dataset("temperature", data=np.linspace(290, 300, 5120) + number)
    sample.create_dataset("position", data=noise[:6].astype("f8"))
    sample.attrs["name"] = f"sample {number}"


def wide(path: Path, *, count: int = 10_000, libver: str = "earliest") -> Path:
    """Many small datasets in the root: 6 MB for 10,000."""
    with h5py.File(path, "w", libver=libver) as file:
        for number in range(count):
            file.create_dataset(f"dataset_{number:05d}", data=np.arange(24.0))
    return path


def deep(path: Path, *, depth: int = 60, libver: str = "earliest") -> Path:
    """Groups in groups, each with a dataset that is larger than a block."""
    with h5py.File(path, "w", libver=libver) as file:
        group: h5py.Group = file
        for number in range(depth):
            group = group.create_group(f"level_{number:02d}")
            group.create_dataset("values", data=np.arange(16_384.0) + number)
    return path


CUBE, CUBE_CHUNK = (60, 2048, 2048), (1, 256, 256)


def cube(path: Path, *, libver: str = "earliest") -> Path:
    """A float32 cube of 60 × 2048 × 2048 in gzipped chunks of 1 × 256 × 256: 1 GB in 0.4 GB.

    Seven different chunks are packed once and stored many times over, which is quick.
    """
    random = np.random.default_rng(7)
    ramp = np.add.outer(np.arange(256), np.arange(256)) / 16
    noise = (random.integers(0, 1 << 13, (256, 256)).astype("f4") for _ in range(7))
    packed = [zlib.compress((ramp + item).astype("<f4").tobytes(), 1) for item in noise]
    steps = (size // edge for size, edge in zip(CUBE, CUBE_CHUNK, strict=True))
    with h5py.File(path, "w", libver=libver) as file:
        data = file.create_dataset("cube", CUBE, "<f4", chunks=CUBE_CHUNK, compression="gzip")
        for cell in np.ndindex(*steps):
            place = tuple(index * edge for index, edge in zip(cell, CUBE_CHUNK, strict=True))
            data.id.write_direct_chunk(place, packed[(cell[0] * 3 + cell[1] * 5 + cell[2]) % 7])
    return path


def chunked(path: Path, *, libver: str = "earliest") -> Path:
    """500 datasets of 64 gzipped chunks: 2 MB."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype="u1")
    with h5py.File(path, "w", libver=libver) as file:
        for index in range(500):
            file.create_dataset(f"d{index:04d}", data=noise, chunks=(1, 64), compression="gzip")
    return path


SHAPES: dict[str, Callable[[Path], Path]] = {
    "v1": scattered,
    "latest": partial(scattered, libver="latest"),
    "paged": partial(scattered, libver="latest", page=MIB),
    "wide": wide,
    "deep": deep,
    "chunked_v1": chunked,
    "chunked_latest": partial(chunked, libver="latest"),
}
"""What several tests read; the fixture `shape` has each made once in a run."""
