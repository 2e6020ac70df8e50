"""Conditions on columns with NaN, which bounds of row groups leave out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.formats.tables.parquet.table import open_table
from h5s3.formats.tables.rows.scan import scan
from tests.support.tables.places import FolderPlace

NAN, INF = float("nan"), float("inf")
VALUES = [1.5, NAN, None, INF, -0.0, 0.0, -INF, NAN, 3.0]
EXPECTED = {  # numbers of rows, as IEEE 754 compares, and SQL treats what is null
    "not f > 1": [1, 4, 5, 6, 7],
    "not (f <= 1e308)": [1, 3, 7],
    "not f < 5": [1, 3, 7],
    "not (not f > 1)": [0, 3, 8],
    "f not between 1 and 2": [1, 3, 4, 5, 6, 7, 8],
    "not (f > 1 or f < -1)": [1, 4, 5, 7],
    "f != 1.5": [1, 3, 4, 5, 6, 7, 8],
    "not f = 1.5": [1, 3, 4, 5, 6, 7, 8],
    "f > 1": [0, 3, 8],
    "f <= 0": [4, 5, 6],
    "f not in (0, 3)": [0, 1, 3, 6, 7],
}


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("where", EXPECTED)
def test_statistics_change_no_rows(where: str, statistics: bool, tmp_path: Path) -> None:
    rows = pa.table({"n": range(len(VALUES)), "f": pa.array(VALUES, pa.float64())})
    pq.write_table(rows, tmp_path / "t.parquet", row_group_size=2, write_statistics=statistics)
    place = FolderPlace(tmp_path / "t.parquet")
    found = [n for part in scan(open_table(place, None), place, ["n"], where) for n in part["n"].to_pylist()]
    assert found == EXPECTED[where]
