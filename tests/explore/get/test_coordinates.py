"""`h5s3 get` for those who go on with tables: names of columns, coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from h5s3.errors import RefusedError, UsageError
from tests.support.cli import file, run
from tests.support.get import below_names, boxes_of, read_csv, read_json, stream, take
from tests.support.reference.previews import stored, stored_array
from tests.support.servers.memory import MemoryStore

TIMES = ["2023-06-01T00:30:00", "2023-06-01T12:30:00", "2023-06-02T00:30:00"]
LATITUDES = ["48.2", "50.0"]
NAMES = ["a", "b,c"]


def climate(h5: h5py.File) -> None:
    """Three dimensions: times, numbers and texts; a packed dataset over them."""
    scales = [
        h5.create_dataset("time", data=np.arange(3) * 12.0 + 0.5),
        h5.create_dataset("lat", data=np.array([48.2, 50], "f4")),
        h5.create_dataset("name", data=NAMES, dtype=h5py.string_dtype()),
    ]
    scales[0].attrs["units"], scales[1].attrs["units"] = "hours since 2023-06-01", "degrees_north"
    data = h5.create_dataset("data", data=np.arange(12, dtype="i2").reshape(3, 2, 2), chunks=(1, 2, 1))
    data.attrs["scale_factor"], data.attrs["add_offset"], data.attrs["_FillValue"] = 0.5, 10.0, np.int16(3)
    for number, scale in enumerate(scales):
        scale.make_scale(scale.name[1:])
        data.dims[number].attach_scale(scale)
    line = h5.create_dataset("line", data=np.arange(3))
    line.dims[0].attach_scale(scales[0])


@pytest.fixture
def store() -> MemoryStore:
    return stored(climate)


def csv(store: MemoryStore, path: str = "/data", **wish: Any) -> list[list[str]]:
    return read_csv(stream(store, path, format="csv", **wish))


def test_names_of_columns(store: MemoryStore) -> None:
    assert csv(store, "/line") == [["line"], ["0"], ["1"], ["2"]]
    assert csv(store, selection="0") == [["data_0", "data_1"], ["0", "1"], ["2", "3"]]
    assert csv(store, selection="0,:,1:") == [["data_1"], ["1"], ["3"]]
    assert csv(store, selection="0,0,0") == [["data"], ["0"]]
    assert csv(stored_array(np.zeros((2, 0)))) == [] and csv(stored_array(np.zeros((0, 2))))[0][1] == "data_1"


def test_a_name_is_quoted_where_it_must_be() -> None:
    store = stored(lambda h5: h5.create_dataset('a,"b"', data=[1]))
    assert stream(store, '/a,"b"', format="csv") == b'"a,""b"""\n1\n'


def test_the_line_of_names_of_a_wide_dataset_comes_in_parts() -> None:
    with boxes_of(1 << 20, batch=7):
        first, *rows = csv(stored_array(np.zeros((2, 20), "u1")))
    assert first == [f"data_{number}" for number in range(20)] and rows == [["0"] * 20] * 2


def rows_of_climate() -> list[list[str]]:
    return [
        [time, latitude, name, str(4 * i + 2 * j + k)]
        for i, time in enumerate(TIMES)
        for j, latitude in enumerate(LATITUDES)
        for k, name in enumerate(NAMES)
    ]


@pytest.mark.parametrize("size", [1, 20, 1 << 20])
def test_coordinates_come_first(store: MemoryStore, size: int) -> None:
    with boxes_of(size, batch=5):
        rows = below_names(stream(store, format="csv", coords=True), "time", "lat", "name", "data")
    assert rows == rows_of_climate()


def test_coordinates_of_a_part(store: MemoryStore) -> None:
    found = csv(store, selection="::2,1,1:", coords=True)
    assert found == [
        ["time", "lat", "name", "data"],
        [TIMES[0], "50.0", "b,c", "3"],
        [TIMES[2], "50.0", "b,c", "11"],
    ]
    assert csv(store, "/line", selection="1:", coords=True)[1:] == [[TIMES[1], "1"], [TIMES[2], "2"]]


def test_dimensions_without_coordinates_have_their_indices() -> None:
    store = stored_array(np.arange(4).reshape(2, 2))
    found = csv(store, selection="1:,:", coords=True)
    assert found == [["dim_0", "dim_1", "data"], ["1", "0", "2"], ["1", "1", "3"]]
    assert csv(store, selection="1", coords=True)[0] == ["dim_1", "data"]
    assert csv(stored_array(5), coords=True) == [["data"], ["5"]]


def test_coordinates_of_compounds(tmp_path: Path) -> None:
    def fill(h5: h5py.File) -> None:
        rows = np.array([(1, 2.5), (3, 4.5)], dtype=[("x", "i4"), ("y", "f8")])
        data = h5.create_dataset("data", data=rows)
        h5.create_dataset("x", data=[7, 8]).make_scale("x")
        data.dims[0].attach_scale(h5["x"])

    found = csv(stored(fill), coords=True)
    assert found == [["x_2", "x", "y"], ["7", "1", "2.5"], ["8", "3", "4.5"]]


def test_coordinates_in_json(store: MemoryStore) -> None:
    document = read_json(stream(store, format="json", selection=":2,0", coords=True))
    assert document["data"] == [[0, 1], [4, 5]]
    assert document["coordinates"] == [
        {"name": "time", "dimension": 0, "values": TIMES[:2]},
        {"name": "lat", "dimension": 1, "units": "degrees_north", "values": [float(np.float32(48.2))]},
        {"name": "name", "dimension": 2, "values": NAMES},
    ]


def test_coordinates_in_parquet(store: MemoryStore, tmp_path: Path) -> None:
    take(store, tmp_path / "a.parquet", coords=True)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["time", "lat", "name", "data"]
    assert [str(kind) for kind in table.schema.types] == ["timestamp[us]", "float", "string", "int16"]
    rows = [
        [time.isoformat(), str(np.float32(latitude)), name, str(value)]
        for time, latitude, name, value in zip(*(column.to_pylist() for column in table.columns), strict=True)
    ]
    assert rows == rows_of_climate()


def test_edges_of_bins_give_their_middles(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        group = h5.create_group("entry")
        group.attrs["NX_class"], group.attrs["signal"], group.attrs["axes"] = "NXdata", "counts", ["energy"]
        group["counts"], group["energy"] = [5, 6, 7], [0.0, 2.0, 6.0, 8.0]
        group["energy"].attrs["long_name"] = "Photon energy"
    found = run("get", tmp_path / "a.h5", "/entry/counts", "--slice", "::2", "--coords", "-o", "-").lines
    assert found == ["energy,counts", "1.0,5", "7.0,7"]


def test_formats_without_room_for_coordinates(store: MemoryStore, tmp_path: Path) -> None:
    for kind in ("npy", "npz", "h5"):
        with pytest.raises(
            UsageError, match=f"{kind} holds one array, without coordinates; --coords is for csv"
        ):
            take(store, tmp_path / f"a.{kind}", coords=True)
    assert not list(tmp_path.iterdir())


def test_without_a_name_coordinates_go_to_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = run("get", file("netcdf4"), "/sst", "--coords", "--decode").lines[0]
    assert line.startswith("sst.csv: ") and read_csv(tmp_path / "sst.csv")[0][-1] == "sst"


def test_times_beyond_a_calendar() -> None:
    def fill(h5: h5py.File) -> None:
        h5["time"] = [1e300]
        h5["time"].attrs["units"] = "days since 2000-01-01"
        h5["time"].make_scale("time")
        h5.create_dataset("data", data=[1]).dims[0].attach_scale(h5["time"])

    with pytest.raises(RefusedError, match="some of its times are beyond"):
        csv(stored(fill), coords=True)


def test_a_coordinate_stored_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(8))
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        scale = h5.create_dataset("x", (1,), "f8", external=[(str(tmp_path / "secret"), 0, 8)])
        scale.make_scale("x")
        h5.create_dataset("data", data=[1]).dims[0].attach_scale(scale)
    run("get", tmp_path / "a.h5", "/data", "--coords", "-o", "-").failed(8)
