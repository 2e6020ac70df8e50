"""`--sel`: selections by coordinates, of `get` and `preview`."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import NotFoundError, UsageError
from tests.support.cli import run
from tests.support.get import read_json, stream
from tests.support.reference.previews import look, stored
from tests.support.servers.memory import MemoryStore

SHAPE = (48, 5, 3)
VALUES = np.arange(np.prod(SHAPE)).reshape(SHAPE)


def climate(h5: h5py.File) -> None:
    """Twice a day, five latitudes from north to south, three stations."""
    scales = [
        h5.create_dataset("time", data=np.arange(48) * 12 + 6),
        h5.create_dataset("lat", data=np.array([50, 48.2, 40, 0, -10], "f4")),
        h5.create_dataset("station", data=["a", "b,c", "b"], dtype=h5py.string_dtype()),
    ]
    scales[0].attrs["units"] = "hours since 2023-05-31"
    data = h5.create_dataset("data", data=VALUES)
    for number, scale in enumerate(scales):
        scale.make_scale(scale.name[1:])
        data.dims[number].attach_scale(scale)
    h5.create_dataset("bare", data=[1, 2])
    h5["bare"].dims[0].label = "x"


@pytest.fixture
def store() -> MemoryStore:
    return stored(climate)


def chosen(store: MemoryStore, labels: str, path: str = "/data", **wish: Any) -> str:
    """The selection that labels come to; what is written is what it says."""
    document = read_json(stream(store, path, format="json", labels=labels, **wish))
    found: str = document["selection"]
    return found


@pytest.mark.parametrize(
    ("labels", "selection"),
    [
        ("lat=48.2", "0:48,1,0:3"),
        ("lat=~47", "0:48,1,0:3"),
        ("lat=~1e9", "0:48,0,0:3"),
        ("lat=0", "0:48,3,0:3"),
        ("lat=0:48.2", "0:48,1:4,0:3"),
        ("lat=48.2:0", "0:48,1:4,0:3"),
        ("lat=:0", "0:48,3:5,0:3"),
        ("lat=40:", "0:48,0:3,0:3"),
        ("lat = 40 : 40", "0:48,2:3,0:3"),
        ("time=2023-05-31T06", "0,0:5,0:3"),
        ("time=2023-05-31T18:00", "1,0:5,0:3"),
        ("time=2023-05-31 18:00:00.000Z", "1,0:5,0:3"),
        ("time=~2023-06-01", "1,0:5,0:3"),
        ("time=2023-06-01:2023-06-02", "2:6,0:5,0:3"),
        ("time=2023-06-01T06:00:2023-06-01T18:00", "2:4,0:5,0:3"),
        ("time=2023-06:", "2:48,0:5,0:3"),
        ("time=:2023-05", "0:2,0:5,0:3"),
        ("time=2023:2023", "0:48,0:5,0:3"),
        ("station=b", "0:48,0:5,2"),
        ("station=b,c", "0:48,0:5,1"),
        ("station=b,c,lat=50,time=2023-06-02T18", "5,0,1"),
    ],
)
def test_what_is_chosen(store: MemoryStore, labels: str, selection: str) -> None:
    assert chosen(store, labels) == selection
    assert look(store, labels=labels).selection == selection


def test_the_values_are_those_of_the_selection(store: MemoryStore) -> None:
    document = read_json(stream(store, format="json", labels="time=2023-06-01:2023-06-02,lat=40"))
    assert document["data"] == VALUES[2:6, 2].tolist()
    assert chosen(store, "lat=40", selection="3") == "3,2,0:3"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("lat=48.3", "no lat=48.3; the nearest are 48.2 and 50.0; for the nearest: --sel 'lat=~48.3'"),
        ("lat=51", "no lat=51; the nearest is 50.0; for"),
        ("lat=41:47", "no lat in 41:47; the nearest are 40.0 and 48.2"),
        ("time=2023-06-01", "no time=2023-06-01; for all within it: --sel 'time=2023-06-01:2023-06-01'"),
        (
            "time=2023-06-01T08",
            "no time=2023-06-01T08; the nearest are 2023-06-01T06:00:00 and 2023-06-01T18:00:00; for",
        ),
        ("time=2024:2025", "no time in 2024:2025; the nearest is 2023-06-23T18:00:00"),
        ("station=bc", "no station=bc; the nearest are b,c, b"),
    ],
)
def test_what_is_not_there(store: MemoryStore, labels: str, words: str) -> None:
    with pytest.raises(NotFoundError) as said:
        chosen(store, labels)
    assert words in str(said.value) and said.value.exit_code == 3


@pytest.mark.parametrize(
    ("path", "labels", "words"),
    [
        ("/data", "lat", "not of the form"),
        ("/data", "lat=", "not of the form"),
        ("/data", "lat=1,lat=2", "names a dimension twice"),
        ("/data", "lon=1", "no dimension lon with coordinates; there are time, lat, station"),
        ("/data", "lat=north", "'north' is not a number"),
        ("/data", "lat=nan", "'nan' is not a number"),
        ("/data", "lat=~1:2", "~ goes with one value"),
        ("/data", "time=yesterday", "is not a date such as"),
        ("/data", "time=1:2", "not a range of dates"),
        ("/data", "time=2023-02-30", "the calendar standard has no 2023-02-30"),
        ("/data", "station=~b", "these coordinates are text"),
        ("/bare", "x=1", "this dimension has no coordinates; choose indices with --slice"),
        ("/bare", "y=1", "no dimension has coordinates"),
    ],
)
def test_what_cannot_be_meant(store: MemoryStore, path: str, labels: str, words: str) -> None:
    with pytest.raises(UsageError) as said:
        chosen(store, labels, path)
    assert words in str(said.value)


def test_two_options_for_one_dimension(store: MemoryStore) -> None:
    with pytest.raises(UsageError, match="another option chooses from this dimension, too"):
        chosen(store, "time=2023-06-01T06", selection="3")
    with pytest.raises(UsageError, match="another option chooses from this dimension, too"):
        look(store, labels="lat=40", fixed={1: 2})


def line(values: Any, **attributes: Any) -> MemoryStore:
    """A dataset over one dimension with these coordinates."""

    def fill(h5: h5py.File) -> None:
        scale = h5.create_dataset("x", data=values, chunks=(min(len(values), 10_000),))
        scale.make_scale("x")
        scale.attrs.update(attributes)
        h5.create_dataset("data", data=np.zeros(len(values), "u1")).dims[0].attach_scale(scale)

    return stored(fill)


def test_values_that_stand_at_several_places() -> None:
    store = line([1, 2, 1, 2, 1, 3, 3, 4])
    assert [chosen(store, f"x={number}") for number in (1, 2, 3, 4)] == ["0:5:2", "1:4:2", "5:7", "7"]
    with pytest.raises(UsageError, match="the 4 places where that stands are not evenly spaced"):
        chosen(store, "x=2:3")


def test_packed_missing_and_whole_coordinates() -> None:
    packed = line(np.array([-1, 3, 6, 7], "i2"), scale_factor=0.1, _FillValue=np.int16(-1))
    assert (
        chosen(packed, "x=0.3") == "1"
        and chosen(packed, "x=~-5") == "1"
        and chosen(packed, "x=0.6:0.7") == "2:4"
    )
    large = line(np.array([(1 << 62) + 1, 5]))
    assert chosen(large, f"x={(1 << 62) + 1}") == "0"
    with pytest.raises(NotFoundError):
        chosen(large, f"x={(1 << 62) + 2}")


@pytest.mark.parametrize("sign", [1, -1])
def test_many_coordinates_are_bisected(sign: int) -> None:
    store = line(sign * np.arange(400_000) * 0.5)
    assert chosen(store, f"x={sign * 1000}") == "2000"
    assert store.fetched < len(store.data) / 3
    low, high = sorted((sign * 1000, sign * 1001))
    assert chosen(store, f"x={low}:{high}") == "2000:2003"
    assert chosen(store, f"x=~{sign * 1000.3}") == "2001"
    assert chosen(store, f"x=~{sign * 1e9}") == "399999" and chosen(store, f"x=~{sign * -1e9}") == "0"
    with pytest.raises(NotFoundError, match="the nearest are"):
        chosen(store, f"x={sign * 1000.2}")
    with pytest.raises(NotFoundError, match="the nearest is"):
        chosen(store, f"x={sign * 1e9}")


def test_many_coordinates_without_order_are_refused() -> None:
    noise = np.random.default_rng(0).random(400_000)
    with pytest.raises(UsageError, match="many, and not sorted"):
        chosen(line(noise), f"x={noise[7]}:{noise[7] + 1e-9}")


def test_edges_of_bins() -> None:
    def fill(h5: h5py.File) -> None:
        h5.attrs["NX_class"], h5.attrs["signal"], h5.attrs["axes"] = "NXdata", "data", ["x"]
        h5["data"], h5["x"] = [5, 6, 7], [0, 2, 6, 8]

    assert chosen(stored(fill), "x=4") == "1"


def test_on_the_command_line(tmp_path: Any) -> None:
    (tmp_path / "a.h5").write_bytes(stored(climate).data)
    args = (tmp_path / "a.h5", "/data", "--sel", "time=2023-06-01T06,lat=~47")
    assert run("get", *args, "-o", "-").lines == ["data", "33", "34", "35"]
    assert run("preview", *args, "--json").json["selection"] == "2,1,0:3"
    said = run("get", tmp_path / "a.h5", "/data", "--sel", "lat=47", "-o", "-").failed(3)
    assert "no lat=47; the nearest are 40.0 and 48.2" in said
