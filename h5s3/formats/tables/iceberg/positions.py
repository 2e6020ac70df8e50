"""Rows that deletes hide by their positions: files of position deletes, and deletion vectors.

Source: the Iceberg specification, "Row-level Deletes", and the Puffin specification, "deletion-vector-v1".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.arrow import reading, require_pyarrow
from h5s3.formats.tables.bitmaps import LARGEST, framed_positions
from h5s3.formats.tables.iceberg.deletes import Delete
from h5s3.formats.tables.place import Place
from h5s3.formats.tables.table import DataFile
from h5s3.sizes import GIB, MIB

if TYPE_CHECKING:
    import numpy as np

    Positions = np.ndarray[Any, Any]

MOST_TOGETHER = 1 * GIB  # bytes of all files of deletes that one question reads
MOST_UNPACKED = 2 * GIB  # that one of them claims to be of
AT_ONCE = 1 << 20  # rows


class Hidden:
    """What deletes by position hide of some files."""

    def __init__(self, files: Sequence[DataFile], same: Callable[[str], str]) -> None:
        """`same`: gives one text for all ways to name a file."""
        self._same = same
        self._files: dict[str, DataFile] = {same(file.detail.path): file for file in files}
        self._vectors: list[tuple[str, Delete]] = []
        self._named: dict[str, set[str]] = defaultdict(set)  # data files, by path of a file of deletes
        for name, file in self._files.items():
            for one in file.deletes:
                if one.vector:
                    self._vectors.append((name, one))
                elif not one.equality:
                    self._named[path_of(one)].add(name)

    @property
    def paths(self) -> list[str]:
        """Files of deletes that are to be read whole."""
        return list(self._named)

    def positions(self, place: Place, found: Mapping[str, bytes]) -> dict[str, Positions]:
        """Positions in each file, by path: rising. `found`: the files of deletes."""
        import numpy as np

        parts: dict[str, list[Positions]] = defaultdict(list)
        for name, one in _vectors(place, self._vectors, self._files):
            parts[name].append(one)
        for path, names in self._named.items():
            for name, one in _positions(path, found[path], names, self._same):
                parts[name].append(one)
        return {
            self._files[name].path: _checked(np.unique(np.concatenate(listed)), self._files[name])
            for name, listed in parts.items()
        }


def path_of(one: Delete) -> str:
    """Where deletes are. Raises `RefusedError` for those outside the table."""
    if one.path is None:
        raise RefusedError(f"deletes are outside the table: {one.entry.path}")
    return one.path


def read_whole(place: Place, paths: Iterable[str]) -> dict[str, bytes]:
    """Files of deletes, whole. Raises `DamagedError` for one that is not there."""
    wanted = list(paths)
    if not wanted:
        return {}
    found = place.documents(wanted)
    missing = [path for path in wanted if path not in found]
    if missing:
        raise DamagedError(f"{missing[0]} is not there, which hides rows of the table")
    return found


def check_sizes(deletes: Iterable[Delete]) -> None:
    """Raise `RefusedError` where files of deletes are too many bytes to be held."""
    total = sum({str(one): one.entry.length or one.entry.size for one in deletes}.values())
    if total > MOST_TOGETHER:
        raise RefusedError(
            f"the deletes of these files are {total // MIB} MiB, more than {MOST_TOGETHER // MIB}"
        )


def _vectors(
    place: Place, vectors: Sequence[tuple[str, Delete]], files: Mapping[str, DataFile]
) -> Iterable[tuple[str, Positions]]:
    wanted = []
    for name, one in vectors:
        start, length = one.entry.offset, one.entry.length
        if (
            start is None
            or length is None
            or start < 0
            or not 0 < length <= min(LARGEST, one.entry.size - start)
        ):
            raise DamagedError(f"a deletion vector in {one.path} has no place, or is too long")
        wanted.append((name, (path_of(one), (start, start + length))))
    if not wanted:
        return
    for (name, _), data in zip(wanted, place.read([part for _, part in wanted]), strict=True):
        yield name, framed_positions(data, files[name].rows)


def _positions(
    path: str, data: bytes, names: Set[str], same: Callable[[str], str]
) -> Iterable[tuple[str, Positions]]:
    """Positions in each of the data files that a file of deletes is read for."""
    pa = require_pyarrow()
    import numpy as np

    with reading(path):
        source = open_parquet(path, data, read_dictionary=["file_path"])
        for batch in source.iter_batches(AT_ONCE, columns=["file_path", "pos"]):
            texts, numbers = batch.column("file_path"), batch.column("pos")
            if texts.null_count or numbers.null_count or not pa.types.is_integer(numbers.type):
                raise DamagedError(f"{path} has position deletes without a file or a position")
            if not pa.types.is_dictionary(texts.type):
                texts = texts.dictionary_encode()
            indices, positions = texts.indices.to_numpy(), numbers.to_numpy()
            if len(positions) and positions.min() < 0:
                raise DamagedError(f"{path} deletes rows before the first one")
            order = np.argsort(indices, kind="stable")
            ends = np.searchsorted(indices[order], np.arange(len(texts.dictionary) + 1))
            for number, text in enumerate(texts.dictionary.to_pylist()):
                if same(text) in names:
                    yield same(text), positions[order[ends[number] : ends[number + 1]]].astype(np.uint64)


def open_parquet(path: str, data: bytes, **how: Any) -> Any:
    """A Parquet file that is here. Raises `RefusedError` for one that claims to be of gigabytes."""
    pa = require_pyarrow()
    import pyarrow.parquet as pq

    found = pq.ParquetFile(pa.BufferReader(data), **how)
    groups = (found.metadata.row_group(number) for number in range(found.metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > MOST_UNPACKED:
        raise RefusedError(f"{path} unpacks to more than {MOST_UNPACKED // MIB} MiB")
    return found


def _checked(positions: Positions, file: DataFile) -> Positions:
    if file.rows is not None and len(positions) and positions[-1] >= file.rows:
        raise DamagedError(f"row {positions[-1]} of {file.path} is deleted, which has {file.rows} rows")
    return positions
