"""`get --decode`: values as preview shows them, in every format that has room for them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from h5s3.errors import RefusedError, UsageError
from h5s3.records import Coding
from tests.support.cli import run
from tests.support.get import below_names, boxes_of, read_csv, read_json, read_npz, stream, take
from tests.support.reference.previews import look, stored
from tests.support.servers.memory import MemoryStore

DAYS = "days since 2000-01-01"


def one(values: Any, options: dict[str, Any] | None = None, **attributes: Any) -> MemoryStore:
    """A file with one dataset and attributes of it."""

    def fill(h5: h5py.File) -> None:
        h5.create_dataset("data", data=values, **(options or {})).attrs.update(attributes)

    return stored(fill)


PACKED = np.array([[0, 10, -1], [20, -1, 5]], "<i2")
MEANT = [[1.0, 6.0, None], [11.0, None, 3.5]]


@pytest.fixture
def packed() -> MemoryStore:
    return one(PACKED, scale_factor=0.5, add_offset=1.0, _FillValue=np.int16(-1))


def decoded(store: MemoryStore, folder: Path, kind: str, **wish: Any) -> Any:
    """What a format has of the decoded values, as nested lists, None where one is missing."""
    target = folder / f"a.{kind}"
    take(store, target, decode=True, overwrite=True, **wish)
    if kind == "csv":
        return [[float(cell) if cell else None for cell in row] for row in below_names(target)]
    if kind == "json":
        return read_json(target)["data"]
    if kind == "parquet":
        return pyarrow.parquet.read_table(target).column(0).to_pylist()
    values = np.load(target) if kind == "npy" else read_npz(target)
    return [[None if np.isnan(item) else item for item in row] for row in values.tolist()]


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "json", "parquet"])
def test_packed_values(packed: MemoryStore, kind: str, tmp_path: Path) -> None:
    assert decoded(packed, tmp_path, kind) == MEANT
    assert decoded(packed, tmp_path, kind, selection="1:,::2") == [[11.0, 3.5]]
    table = look(packed).table
    assert table is not None and table.rows == MEANT


@pytest.mark.parametrize("kind", ["npz", "csv", "json", "parquet"])
def test_tall_chunks_are_put_in_order_before_they_are_decoded(kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-1, 100, (256, 64), dtype="<i2")
    store = one(noise, {"chunks": (256, 2)}, scale_factor=0.25, _FillValue=np.int16(-1))
    with boxes_of(1 << 12):
        found = decoded(store, tmp_path, kind)
    assert found == [[None if item < 0 else item / 4 for item in row] for row in noise.tolist()]


def test_integers_stay_integers_where_nothing_is_packed(tmp_path: Path) -> None:
    large = (1 << 53) + 1
    store = one(np.array([1, -9, large]), missing_value=np.int64(-9))
    assert below_names(stream(store, format="csv", decode=True)) == [["1"], [""], [str(large)]]
    document = read_json(stream(store, format="json", decode=True))
    assert document["data"] == [1, None, large] and document["missing_count"] == 1
    assert document["decoded"] is True and document["coding"] == {"missing": [-9]}
    assert decoded(store, tmp_path, "parquet") == [1, None, large]
    with pytest.raises(RefusedError, match="too large for floats"):
        take(store, tmp_path / "a.npy", decode=True)
    take(store, tmp_path / "a.npy", decode=True, selection=":2")
    assert np.array_equal(np.load(tmp_path / "a.npy"), [1, np.nan], equal_nan=True)


def test_floats_keep_their_width(tmp_path: Path) -> None:
    store = one(np.array([0.1, -9, np.nan], ">f4"), _FillValue=np.float32(-9))
    take(store, tmp_path / "a.npy", decode=True)
    found = np.load(tmp_path / "a.npy")
    assert found.dtype == ">f4" and np.isnan(found[1:]).all() and found[0] == np.float32(0.1)
    assert below_names(stream(store, format="csv", decode=True)) == [["0.1"], [""], ["nan"]]


def test_unsigned_values(tmp_path: Path) -> None:
    store = one(np.array([1, -1, -2], "i1"), _Unsigned="true", _FillValue=np.int8(-2))
    assert below_names(stream(store, format="csv", decode=True)) == [["1"], ["255"], [""]]


def test_times(tmp_path: Path) -> None:
    store = one(np.array([0.5, np.nan, -999, 8400.25]), units=DAYS, _FillValue=-999.0)
    texts = ["2000-01-01T12:00:00", "", "", "2022-12-31T06:00:00"]
    assert [row[0] for row in below_names(stream(store, format="csv", decode=True))] == texts
    assert read_json(stream(store, format="json", decode=True))["data"] == [text or None for text in texts]
    take(store, tmp_path / "a.parquet", decode=True)
    column = pyarrow.parquet.read_table(tmp_path / "a.parquet").column(0)
    assert str(column.type) == "timestamp[us]"
    assert column.to_pylist() == [datetime.datetime.fromisoformat(text) if text else None for text in texts]
    take(store, tmp_path / "a.npy", decode=True)
    found = np.load(tmp_path / "a.npy")
    assert found.dtype == "M8[ns]"
    assert (found[[0, 3]] == np.array([texts[0], texts[3]], "M8[ns]")).all() and np.isnat(found[1:3]).all()


def test_times_of_other_calendars(tmp_path: Path) -> None:
    store = one(np.array([59, 60]), units=DAYS, calendar="360_day")
    texts = ["2000-02-30T00:00:00", "2000-03-01T00:00:00"]
    assert [row[0] for row in below_names(stream(store, format="csv", decode=True))] == texts
    assert decoded(store, tmp_path, "parquet") == texts
    with pytest.raises(
        RefusedError, match="no dates of the calendar 360_day; use --format csv, json or parquet"
    ):
        take(store, tmp_path / "a.npy", decode=True)


def test_times_that_nanoseconds_do_not_reach(tmp_path: Path) -> None:
    store = one(np.array([0, 400_000]), units=DAYS)
    assert below_names(stream(store, format="csv", decode=True))[1] == ["3095-03-01T00:00:00"]
    assert decoded(store, tmp_path, "parquet")[1] == datetime.datetime(3095, 3, 1)
    with pytest.raises(RefusedError, match="beyond what dates here can hold"):
        take(store, tmp_path / "a.npy", decode=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet"]


def test_decoded_values_with_their_coordinates(packed: MemoryStore) -> None:
    rows = read_csv(stream(packed, format="csv", decode=True, coords=True, selection="0"))
    assert rows == [["dim_1", "data"], ["0", "1.0"], ["1", "6.0"], ["2", ""]]


def test_the_receipt(tmp_path: Path) -> None:
    source = tmp_path / "a.h5"
    source.write_bytes(one(PACKED, scale_factor=0.5).data)
    line = run("get", source, "/data", "-o", tmp_path / "a.csv", "--decode").lines[0]
    assert ": 2 × 3 int16 decoded, " in line
    found = run("get", source, "/data", "-o", tmp_path / "b.csv", "--decode", "--json").json
    assert found["decoded"] is True and found["coding"] == {"missing": [], "scale_factor": 0.5}


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"scale_factor": 0.5}, "scaled"),
        ({"_FillValue": np.int16(5)}, "without missing values"),
        ({"_Unsigned": "true"}, "unsigned"),
        ({"units": DAYS}, "as dates"),
        ({"scale_factor": 2.0, "missing_value": np.int16(5)}, "scaled, without missing values"),
        ({"_FillValue": np.int16(99)}, ""),
        ({"scale_factor": 1.0, "add_offset": 0.0}, ""),
    ],
)
def test_a_difference_is_said(attributes: dict[str, Any], words: str, tmp_path: Path) -> None:
    source = tmp_path / "a.h5"
    source.write_bytes(one(PACKED, **attributes).data)
    found = run("get", source, "/data", "-o", "-")
    said = f"values are written as stored; --decode gives them {words}\n"
    assert (found.code, found.err) == (0, said if words else "")
    assert found.out.splitlines()[1] == "0,10,-1"
    assert run("get", source, "/data", "-o", "-", "--decode").err == ""
    assert run("get", source, "/data", "-o", tmp_path / "b.h5").err == ""


def test_what_is_said_in_python(packed: MemoryStore, tmp_path: Path) -> None:
    said: list[Coding] = []
    take(packed, tmp_path / "a.csv", differs=said.append)
    assert [coding.scale_factor for coding in said] == [0.5]


def test_h5_keeps_what_is_stored(packed: MemoryStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="h5 keeps stored values"):
        take(packed, tmp_path / "a.h5", decode=True)


def test_what_has_no_meaning_of_its_own_is_left_alone(tmp_path: Path) -> None:
    store = one(np.array([(1, 2.5)], dtype=[("x", "i4"), ("y", "f8")]), scale_factor=2.0)
    assert read_csv(stream(store, format="csv", decode=True)) == [["x", "y"], ["1", "2.5"]]
    document = read_json(stream(one(["a"], scale_factor=2.0), format="json", decode=True))
    assert document["data"] == ["a"] and "decoded" not in document
