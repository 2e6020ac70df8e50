"""What was found in the chunks of a file: their sizes, their indexes, and how well they are compressed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

from h5s3.explore.doctor.advice import MOST_OPTIONS, chunk_shape, chunked, gzipped, writable
from h5s3.explore.doctor.case import Case, counted, named, path_of, paths_of
from h5s3.records import UNSET, UnsetType
from h5s3.records.doctor import Finding
from h5s3.sizes import MIB, binary_text
from h5s3.storage.doctor.findings import ok, warning

if TYPE_CHECKING:
    from h5s3.formats.hdf5.layout.inventory import StoredDataset

SMALL_CHUNK, MANY_CHUNKS = 64 * 1024, 100  # stored bytes, of a dataset with so many chunks
LARGE_CHUNK = 32 * MIB  # decoded bytes
LARGE_DATA = 100 * 1000 * 1000  # bytes that are worth compressing
LONG_INDEX = 10_000  # chunks from which on the kind of their index matters


def _decoded(item: StoredDataset) -> int:
    """Bytes of one chunk once decoded."""
    return prod(item.facts.chunks or ()) * item.facts.itemsize


def _new_shape(item: StoredDataset) -> tuple[int, ...]:
    facts = item.facts
    return chunk_shape(facts.shape or (), facts.itemsize, facts.chunks, facts.maxshape)


def _written(case: Case) -> list[StoredDataset]:
    return [item for item in case.survey.datasets if item.facts.layout == "chunked" and item.num_chunks]


def _remedy(
    case: Case, items: Sequence[StoredDataset], options: Callable[[StoredDataset], list[str]]
) -> str | UnsetType:
    """A command for the first datasets whose paths h5repack can be told of."""
    some = [item for item in items if writable(path_of(item)) and item.facts.shape][:MOST_OPTIONS]
    wanted = [option for item in some for option in options(item)]
    if not wanted:
        return UNSET
    command = case.remedy(wanted)
    if len(some) < len(items):
        why = f"for {len(some)} of {len(items):,} datasets; the others by turns, or with h5py"
        return f"{command}  # {why} where h5repack does not take their names"
    return command


def _rechunk(case: Case, items: Sequence[StoredDataset]) -> str | UnsetType:
    changed = [item for item in items if _new_shape(item) != item.facts.chunks]
    return _remedy(case, changed, lambda item: [chunked(path_of(item), _new_shape(item))])


def _example(item: StoredDataset) -> str:
    shape = _new_shape(item)
    size = binary_text(prod(shape) * item.facts.itemsize)
    now, better = (" × ".join(map(str, lengths)) for lengths in (item.facts.chunks or (), shape))
    return f"{path_of(item)}: {now}, better {better} ({size})"


def _chunks(case: Case) -> Finding | None:
    """Sizes of all chunks, where none of them are a trouble."""
    items = _written(case)
    if not items or any(_is_small(item) or _decoded(item) > LARGE_CHUNK for item in items):
        return None
    count = sum(item.num_chunks for item in items)
    smallest, largest = min(item.smallest for item in items), max(item.largest for item in items)
    sizes = f"{binary_text(smallest)} each"
    if smallest != largest:
        half = binary_text(_median(items))
        sizes = f"{binary_text(smallest)} to {binary_text(largest)}, half of them in about {half} or less"
    whose = f"{counted(count, 'chunk')} of {counted(len(items), 'dataset')}"
    return ok("chunk sizes", f"{whose}, stored in {sizes}")


def _median(items: Sequence[StoredDataset]) -> int:
    """About the stored bytes of a chunk in the middle: from the medians of the datasets."""
    half = sum(item.num_chunks for item in items) / 2
    for item in sorted(items, key=lambda item: item.median):
        half -= item.num_chunks
        if half <= 0:
            return item.median
    return 0


def _is_small(item: StoredDataset) -> bool:
    return item.num_chunks >= MANY_CHUNKS and item.median < SMALL_CHUNK


def _small(case: Case) -> Finding | None:
    items = [item for item in _written(case) if _is_small(item)]
    if not items:
        return None
    items.sort(key=lambda item: -item.num_chunks)
    worst = items[0]
    lengths = zip(worst.facts.shape or (), _new_shape(worst), strict=True)
    cells = prod(-(-length // max(1, chunk)) for length, chunk in lengths)
    return warning(
        "small chunks",
        f"{counted(len(items), 'dataset')} with at least {MANY_CHUNKS} chunks of mostly less than "
        f"{binary_text(SMALL_CHUNK)}: {named([_example(item) for item in items])}",
        cost=f"all of {path_of(worst)}: up to {counted(worst.num_chunks, 'request')}, rechunked {cells:,}",
        remedy=_rechunk(case, items),
    )


def _large(case: Case) -> Finding | None:
    items = [item for item in _written(case) if _decoded(item) > LARGE_CHUNK]
    if not items:
        return None
    items.sort(key=lambda item: -_decoded(item))
    worst = items[0]
    return warning(
        "large chunks",
        f"{counted(len(items), 'dataset')} with chunks of more than {binary_text(LARGE_CHUNK)}: "
        f"{named([_example(item) for item in items])}",
        cost=f"one element of {path_of(worst)}: {binary_text(worst.largest)} fetched and "
        f"{binary_text(_decoded(worst))} decoded",
        remedy=_rechunk(case, items),
    )


def _index(case: Case) -> Finding | None:
    from h5s3.formats.hdf5.layout.header_facts import IndexKind

    items = _written(case)
    if not items:
        return None
    kinds = Counter(item.index or "unknown" for item in items)
    long = [item for item in items if item.index == IndexKind.BTREE_V1 and item.num_chunks >= LONG_INDEX]
    detail = "; ".join(f"{kind}: {counted(count, 'dataset')}" for kind, count in kinds.most_common())
    if not long:
        return ok("chunk index", detail)
    worst = max(long, key=lambda item: item.num_chunks)
    return warning(
        "chunk index",
        f"{detail}; B-trees are long and scattered: {named(paths_of(long))}",
        cost=f"before the first value of {path_of(worst)} is read, an index of {worst.num_chunks:,} chunks",
        remedy=_remedy(case, long, lambda item: ["--low=2", chunked(path_of(item), _new_shape(item))]),
    )


def _compression(case: Case) -> Finding | None:
    from h5s3.formats.hdf5.objects.filters import compression

    stored = [item for item in case.survey.datasets if item.stored and item.facts.nbytes]
    if not stored:
        return None
    packed = [item for item in stored if compression(item.facts.filters)[0]]
    ids = {id(item) for item in packed}
    plain = [item for item in stored if id(item) not in ids and not item.facts.type_has_pointers]
    detail = _ratio(packed)
    open_bytes, all_bytes = (sum(item.stored or 0 for item in items) for items in (plain, stored))
    if open_bytes < LARGE_DATA or 2 * open_bytes < all_bytes:
        return ok("compression", detail)
    plain.sort(key=lambda item: -(item.stored or 0))
    plain = [item for item in plain if (item.stored or 0) >= MIB]
    part = f"{binary_text(open_bytes)} are not compressed: {named(paths_of(plain))}"
    return warning(
        "compression",
        f"{detail}; {part}; only a test shows how far they shrink",
        cost=f"{open_bytes * 8 / 200e6:,.0f} s to read all of them at 200 Mbit/s",
        remedy=_remedy(case, plain, _packing),
    )


def _packing(item: StoredDataset) -> list[str]:
    path, options = path_of(item), gzipped(path_of(item))
    return options if item.facts.chunks else [chunked(path, _new_shape(item)), *options]


def _ratio(packed: Sequence[StoredDataset]) -> str:
    if not packed:
        return "no dataset is compressed"
    stored, logical = sum(item.stored or 0 for item in packed), 0
    for item in packed:
        logical += item.num_chunks * _decoded(item) if item.facts.chunks else item.facts.nbytes
    ratio = f"{logical / stored:.1f}" if stored else "?"
    return f"{counted(len(packed), 'dataset')} compressed, {ratio} times smaller"


LOOKS: list[Callable[[Case], Finding | None]] = [_chunks, _small, _large, _index, _compression]
