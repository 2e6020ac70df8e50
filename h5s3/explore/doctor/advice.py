"""What to do about a file: shapes of chunks, a size of pages, and commands that can be pasted as they are."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from math import prod

from h5s3.sizes import MIB
from h5s3.storage.location import Location

LEAST_CHUNK, MOST_CHUNK = 1 * MIB, 4 * MIB  # bytes of a chunk once decoded
SMALLEST_PAGE, LARGEST_PAGE = 64 * 1024, 8 * MIB
MOST_OPTIONS = 20  # datasets of one command
ROOM = 1.1  # of pages over the metadata that are in them


def chunk_shape(
    shape: Sequence[int],
    itemsize: int,
    chunks: Sequence[int] | None = None,
    limits: Sequence[int | None] | None = None,
) -> tuple[int, ...]:
    """Chunks of 1 to 4 MiB for a dataset, grown or cut from those that it has, whole rows before columns.

    They grow from the last dimension, which varies fastest, and are cut from the first. None is longer than
    the dataset, but along dimensions that may grow without limit (None in `limits`).
    """
    most = [max(1, n) for n in shape]
    if limits is not None and chunks is not None:
        most = [max(n, c) if limit is None else n for n, c, limit in zip(most, chunks, limits, strict=True)]
    size = max(1, itemsize)
    found = [min(c, n) for c, n in zip(chunks or [1] * len(most), most, strict=True)]
    for dimension in reversed(range(len(found))):
        if prod(found) * size >= LEAST_CHUNK:
            break
        rest = prod(found) // found[dimension] * size
        found[dimension] = max(found[dimension], min(most[dimension], _fits(most[dimension], rest)))
    for dimension in range(len(found)):
        if prod(found) * size <= MOST_CHUNK:
            break
        rest = prod(found) // found[dimension] * size
        found[dimension] = max(1, min(found[dimension], MOST_CHUNK // rest))
    return tuple(found)


def _fits(length: int, rest: int) -> int:
    """How long a dimension may be, in equal parts of the whole where it does not fit at once."""
    fits = max(1, MOST_CHUNK // rest)
    return length if length <= fits else max(1, -(-length // -(-length // fits)))


def page_size(metadata: int) -> int:
    """The least power of two that holds all metadata in one page, within 64 KiB and 8 MiB."""
    page = SMALLEST_PAGE
    while page < metadata * ROOM and page < LARGEST_PAGE:
        page *= 2
    return page


def file_names(location: Location) -> tuple[str, str]:
    """Names of the file and of its copy for a command: of the object where they can be written."""
    name = location.key.partition("?")[0].rstrip("/").rpartition("/")[2] or "file.h5"
    if not (name.isprintable() and name.isascii()) or len(name) > 200:
        name = "file.h5"
    if name.startswith("-"):
        name = f"./{name}"
    stem, dot, end = name.rpartition(".")
    copy = f"{stem}.repacked.{end}" if dot and stem.strip("./") else f"{name}.repacked"
    return shlex.quote(name), shlex.quote(copy)


def repack(location: Location, options: Iterable[str]) -> str:
    """One h5repack command with these options."""
    return " ".join(["h5repack", *options, *file_names(location)])


def writable(path: str) -> bool:
    """Whether h5repack can be told of a path: commas and colons separate its lists, and what is not
    printable is no text for a command."""
    return path.isprintable() and "\\" not in path and "," not in path and ":" not in path


def chunked(path: str, shape: Sequence[int]) -> str:
    """The option that gives a dataset chunks of a shape."""
    return f"-l {shlex.quote(f'{path}:CHUNK=' + 'x'.join(map(str, shape)))}"


def gzipped(path: str) -> list[str]:
    """The options that compress a dataset."""
    return [f"-f {shlex.quote(f'{path}:SHUF')}", f"-f {shlex.quote(f'{path}:GZIP=4')}"]


def paged(page: int, low: int | None = None) -> list[str]:
    """The options that gather metadata in pages. `low`: the oldest format of the copy."""
    return [*([f"--low={low}"] if low else []), "-S PAGE", f"-G {page}"]
