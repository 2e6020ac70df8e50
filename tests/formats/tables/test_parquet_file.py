"""One Parquet file: its columns, its size, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import DamagedError, UsageError
from h5s3.records import UNSET, DatasetNode, GroupNode

ROWS = 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    point = pa.struct([pa.field("x", pa.float64()), pa.field("y", pa.float32())])
    table = pa.table(
        {
            "number": pa.array(range(ROWS), pa.int64()),
            "name": [f"name {n}" for n in range(ROWS)],
            "point": pa.array([{"x": n, "y": n} for n in range(ROWS)], point),
            "many": pa.array([[n] * 2 for n in range(ROWS)], pa.list_(pa.int16())),
        }
    )
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, row_group_size=300)
    return path


def test_columns_are_leaves_and_structs_are_groups(file: Path) -> None:
    tree = h5s3.tree(str(file), depth=0)
    assert [node.name for node in tree.children] == ["number", "name", "point", "many"]
    number, _, point, many = tree.children
    assert isinstance(number, DatasetNode) and isinstance(many, DatasetNode)
    assert isinstance(point, GroupNode) and point.children is not UNSET
    assert (number.shape, number.dtype) == ([ROWS], "int64")
    assert many.dtype.startswith("list<")
    assert [node.path for node in point.children] == ["/point/x", "/point/y"]


def test_sizes_are_those_of_the_footer(file: Path) -> None:
    footer = pq.read_metadata(file)
    chunks = [footer.row_group(g).column(0) for g in range(footer.num_row_groups)]
    stored = sum(chunk.total_compressed_size for chunk in chunks)
    entries = {entry.path: entry for entry in h5s3.du(str(file)).entries}
    assert entries["/number"].stored == stored
    assert h5s3.meta(str(file), "/number").storage_size == stored


def test_a_file_that_is_cut_short_is_damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DamagedError, match="does not end with PAR1"):
        h5s3.tree(str(file))


def test_a_footer_that_claims_more_than_the_file_has_is_damaged(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:-8] + (1 << 31).to_bytes(4, "little") + data[-4:])
    with pytest.raises(DamagedError, match="claims a footer of 2147483648 bytes"):
        h5s3.tree(str(file))


def test_chunks_are_not_those_of_a_table(file: Path) -> None:
    with pytest.raises(UsageError, match="no chunks"):
        h5s3.meta(str(file), chunks=10)
