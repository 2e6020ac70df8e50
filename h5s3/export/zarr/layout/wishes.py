"""How arrays are to be stored, where that is not as the file has them: compression, chunks, shards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal, get_args

from h5s3.errors import UsageError
from h5s3.formats.encoding.zarr_codecs import ZarrCodecs
from h5s3.sizes import MIB, parse_size

if TYPE_CHECKING:
    from h5s3.export.zarr.layout.kinds import Kind

Compression = Literal["zstd", "blosc", "gzip", "none"]
COMPRESSIONS: tuple[str, ...] = get_args(Compression)
LARGEST = 512 * MIB  # bytes of the values of one chunk or shard
ZSTD = ZarrCodecs(
    ({"id": "zstd", "level": 3},), ({"name": "zstd", "configuration": {"level": 3, "checksum": False}},)
)
GZIP = ZarrCodecs(({"id": "gzip", "level": 5},), ({"name": "gzip", "configuration": {"level": 5}},))


@dataclass(frozen=True)
class Lengths:
    """Lengths of the dimensions with these names (`named`), or of all dimensions in order."""

    named: tuple[tuple[str, int], ...] = ()
    all: tuple[int, ...] = ()

    def fit(self, dimensions: Sequence[str]) -> bool:
        """Whether an array is meant."""
        return len(self.all) == len(dimensions) if self.all else any(n in dimensions for n, _ in self.named)

    def of(self, dimensions: Sequence[str], others: Sequence[int]) -> tuple[int, ...]:
        """The lengths for an array that is meant; `others` for dimensions that are not named."""
        names = dict(self.named)
        each = zip(dimensions, others, strict=True)
        return self.all or tuple(names.get(name, other) for name, other in each)


@dataclass(frozen=True)
class Wishes:
    """What is wished of all arrays. `shards`: lengths, or bytes of the values of one."""

    compression: str | None = None
    chunks: Lengths | None = None
    shards: Lengths | int | None = None
    overviews: bool = False
    ome: bool = False  # overviews of images as OME-Zarr has them

    @property
    def lengths(self) -> list[tuple[str, Lengths]]:
        """Those that are lengths, by their options."""
        both = (("--chunks", self.chunks), ("--shards", self.shards))
        return [(option, found) for option, found in both if isinstance(found, Lengths)]

    def codecs(self, kind: Kind, compressed: bool) -> ZarrCodecs:
        """For values that are encoded anew; `compressed`: they were."""
        wanted = self.compression or (
            ("zstd" if kind.text else "blosc") if compressed or kind.text else "none"
        )
        if wanted == "blosc":
            return blosc_codecs(1 if kind.text else kind.dtype.itemsize)
        return {"zstd": ZSTD, "gzip": GZIP, "none": ZarrCodecs()}[wanted]

    def chunk_shape(
        self, shape: Sequence[int], dimensions: Sequence[str], own: Sequence[int]
    ) -> tuple[int, ...]:
        """The chunks of an array that has some of its own."""
        if self.chunks is None or not self.chunks.fit(dimensions):
            return tuple(own)
        found = self.chunks.of(dimensions, own)
        return tuple(max(1, min(length, whole)) for length, whole in zip(found, shape, strict=True))

    def shard_shape(
        self, shape: Sequence[int], dimensions: Sequence[str], chunks: Sequence[int], itemsize: int
    ) -> tuple[int, ...] | None:
        """The shards of an array, made of whole chunks; None where one chunk is all."""
        if isinstance(self.shards, Lengths):
            if not self.shards.fit(dimensions):
                return None
            wanted = self.shards.of(dimensions, chunks)
            each = zip(wanted, shape, chunks, strict=True)
            found = tuple(-(-min(length, whole) // part) * part for length, whole, part in each)
        elif self.shards is not None:
            found = _grown(shape, chunks, self.shards // max(1, itemsize))
        else:
            return None
        if prod(found) * itemsize > LARGEST:
            raise UsageError(f"--shards: one takes more than {LARGEST // MIB} MiB of memory")
        return found if any(n > c for n, c in zip(found, chunks, strict=True)) else None


def wishes_of(
    compression: str | None,
    chunks: str | None,
    shards: str | None,
    version: int,
    overviews: bool = False,
    ome: bool = False,
) -> Wishes:
    """From the texts of options. Raises `UsageError`."""
    if compression is not None and compression not in COMPRESSIONS:
        raise UsageError(f"--recompress is one of {', '.join(COMPRESSIONS)}")
    if shards is not None and version == 2:
        raise UsageError("version 2 of Zarr has no shards", hint="give --zarr-format 3")
    size = shards is not None and re.search("[KMGT]", shards, re.IGNORECASE) and "=" not in shards
    return Wishes(
        compression,
        None if chunks is None else _lengths("--chunks", chunks),
        None if shards is None else parse_size(shards) if size else _lengths("--shards", shards),
        overviews or ome,
        ome,
    )


def _lengths(option: str, text: str) -> Lengths:
    parts = [part.strip() for part in text.split(",")]
    named = [re.fullmatch(r"(.+)=([1-9][0-9]{0,17})", part) for part in parts]
    if all(named):
        return Lengths(named=tuple((match[1], int(match[2])) for match in named if match))
    if all(re.fullmatch("[1-9][0-9]{0,17}", part) for part in parts):
        return Lengths(all=tuple(map(int, parts)))
    raise UsageError(f"{option} {text!r} is neither lengths such as 10,100 nor NAME=LENGTH,…")


def _grown(shape: Sequence[int], chunks: Sequence[int], most: int) -> tuple[int, ...]:
    """As many chunks as have so many elements, from the last dimension on."""
    found, left = list(chunks), max(1, most // max(1, prod(chunks)))
    for axis in reversed(range(len(found))):
        count = -(-shape[axis] // chunks[axis])
        found[axis] = chunks[axis] * max(1, min(count, left))
        if left < count:
            break
        left //= max(1, count)
    return tuple(found)


def blosc_codecs(itemsize: int) -> ZarrCodecs:
    """Blosc with zstd, for values of so many bytes."""
    width = min(max(1, itemsize), 255)
    common = {"cname": "zstd", "clevel": 3, "blocksize": 0}
    v3 = {**common, "shuffle": "shuffle", "typesize": width}
    return ZarrCodecs(({"id": "blosc", **common, "shuffle": 1},), ({"name": "blosc", "configuration": v3},))
