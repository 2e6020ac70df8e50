"""Frames and series that pandas stores in its format "fixed": by hand as pandas 2.3 and 3.1 write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest

import h5s3.explore.session
from h5s3.errors import DamagedError, RefusedError, UsageError
from tests.support.get import boxes_of, read_csv, read_json, stream, take
from tests.support.reference.previews import check_stats, look, stored
from tests.support.servers.memory import MemoryStore

MIB = 1 << 20
NONE = np.bytes_(b"N.")  # pickled
US = "datetime64[us]"
Fill = Callable[[h5py.File], None]


def array(group: h5py.Group, key: str, data: Any, shape: tuple[int, ...] = (), /, **attributes: Any) -> None:
    """An array of PyTables; `shape`: what it stands for, if that has no elements."""
    made = np.zeros((1,) * len(shape), "f8") if shape else np.asarray(data)
    if shape:
        attributes["shape"] = np.bytes_(b"(" + b"".join(b"I%d\n" % size for size in shape) + b"tp0\n.")
    dataset = group.create_dataset(key, data=made)
    texts = {key: np.bytes_(value) if isinstance(value, str) else value for key, value in attributes.items()}
    dataset.attrs.update({"CLASS": np.bytes_(b"ARRAY"), "transposed": np.uint8(not shape), **texts})


def truths(group: h5py.Group, name: str, data: list[Any]) -> None:
    """Truth values are bit fields."""
    space = h5py.h5s.create_simple(np.shape(data))
    made = h5py.h5d.create(group.id, name.encode(), h5py.h5t.STD_B8LE, space)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(data, "u1"), mtype=h5py.h5t.STD_B8LE)


def pickled(group: h5py.Group, key: str, /, **attributes: Any) -> None:
    """What pandas makes of objects: one row of PyTables' VLArray, whose loading would run a command."""
    dataset = group.create_dataset(key, (1,), dtype=h5py.vlen_dtype("u1"))
    dataset[0] = np.frombuffer(b"cos\nsystem\n(S'echo unpickled'\ntR.", "u1")
    dataset.attrs.update({"PSEUDOATOM": np.bytes_(b"object"), "CLASS": np.bytes_(b"VLARRAY"), **attributes})


def axis(group: h5py.Group, name: str, data: Any, kind: str, label: Any = NONE, **attributes: Any) -> None:
    """The labels of an axis."""
    group.attrs[f"{name}_variety"] = np.bytes_(b"regular")
    if kind == "string":
        attributes.setdefault("nan_rep", h5py.Empty("S1"))
        data = np.array([text.encode() for text in data])
    array(group, name, data, kind=kind, name=label, **attributes)


def levels(group: h5py.Group, name: str, parts: list[tuple[Any, str, str, list[int]]]) -> None:
    """The labels of an axis of several levels: values, kind and name of each, and its codes."""
    group.attrs.update({f"{name}_variety": np.bytes_(b"multi"), f"{name}_nlevels": len(parts)})
    for number, (values, kind, label, codes) in enumerate(parts):
        axis(group, f"{name}_level{number}", values, kind, np.bytes_(label.encode()) if label else NONE)
        array(group, f"{name}_label{number}", np.array(codes, "i1"))


def frame(h5: h5py.File, columns: list[str], blocks: int) -> h5py.Group:
    group = h5.create_group("df")
    group.attrs.update({"pandas_type": np.bytes_(b"frame"), "nblocks": blocks, "ndim": 2})
    axis(group, "axis0", columns, "string")
    return group


def block(group: h5py.Group, number: int, names: list[str], data: Any, **attributes: Any) -> None:
    axis(group, f"block{number}_items", names, "string")
    array(group, f"block{number}_values", data, **attributes)


def csv(fill: Fill, path: str = "/df", **wish: Any) -> list[list[str]]:
    return read_csv(stream(stored(fill), path, format="csv", **wish))


def days(*texts: str, unit: str = "us") -> Any:
    return np.array(texts, f"M8[{unit}]").view("i8")


def every_kind(h5: h5py.File) -> None:
    """Blocks of floats, times, durations, truth values and complex numbers; the index is of dates."""
    group = frame(h5, ["a", "t", "b", "ok", "d"], 4)
    axis(group, "axis1", days("2000-01-01", "2000-01-02", "NaT"), US, "when", index_class="datetime")
    block(group, 0, ["b", "a"], [[1.5, 1], [np.nan, 2], [3.5, 3]])
    block(group, 1, ["t"], days("2020-01-01", "NaT", "2020-01-03")[:, None], value_type=US)
    block(group, 2, ["d"], [[1_500_000], [-1_000_000], [np.iinfo("i8").min]], value_type="timedelta64[us]")
    axis(group, "block3_items", ["ok"], "string")
    truths(group, "block3_values", [[1], [0], [1]])


ROWS = [
    ["when", "a", "t", "b", "ok", "d"],
    ["2000-01-01T00:00:00.000000", "1.0", "2020-01-01T00:00:00.000000", "1.5", "true", "P0DT0H0M1.5S"],
    ["2000-01-02T00:00:00.000000", "2.0", "", "nan", "false", "P-1DT23H59M59S"],
    ["", "3.0", "2020-01-03T00:00:00.000000", "3.5", "true", ""],
]


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_frame_has_its_columns_in_order(size: int) -> None:
    with boxes_of(size, batch=2):
        assert csv(every_kind) == ROWS
    assert csv(every_kind, selection="1:") == [ROWS[0], *ROWS[2:]]


def test_in_other_formats(tmp_path: Path) -> None:
    document = read_json(stream(stored(every_kind), "/df", format="json"))
    assert document["data"][2] == {
        "when": None, "a": 3.0, "t": "2020-01-03T00:00:00.000000", "b": 3.5, "ok": True, "d": None
    }  # fmt: skip
    assert document["data"][1]["d"] == "P-1DT23H59M59S"
    take(stored(every_kind), tmp_path / "a.parquet", "/df")
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert [str(field.type) for field in table.schema] == [
        "timestamp[us]", "double", "timestamp[us]", "double", "bool", "duration[us]"
    ]  # fmt: skip
    assert table.column("ok").to_pylist() == [True, False, True]


def test_units_of_time_are_minded() -> None:
    """pandas 3 stores microseconds, pandas 2 nanoseconds, and before 0.13 without saying so."""
    for kind, unit in (("datetime64[s]", "s"), ("datetime64[ns]", "ns"), ("datetime64", "ns")):

        def fill(h5: h5py.File, kind: str = kind, unit: str = unit) -> None:
            group = frame(h5, ["t"], 1)
            axis(group, "axis1", [5], "integer")
            block(group, 0, ["t"], days("2020-01-01", unit=unit)[:, None], value_type=kind)

        assert csv(fill)[1][1].startswith("2020-01-01T00:00:00")


def test_an_index_of_several_levels() -> None:
    def fill(h5: h5py.File) -> None:
        group = frame(h5, ["v"], 1)
        parts = [
            (["a", "b"], "string", "letter", [0, 0, 1, -1]),
            (days("2001-01-01", "2001-01-02"), US, "", [1, 0, 1, 0]),
        ]
        levels(group, "axis1", parts)
        block(group, 0, ["v"], np.arange(4)[:, None])

    assert csv(fill) == [
        ["letter", "level_1", "v"],
        ["a", "2001-01-02T00:00:00.000000", "0"],
        ["a", "2001-01-01T00:00:00.000000", "1"],
        ["b", "2001-01-02T00:00:00.000000", "2"],
        ["", "2001-01-01T00:00:00.000000", "3"],
    ]


def test_columns_of_several_levels_and_of_numbers() -> None:
    def several(h5: h5py.File) -> None:
        group = h5.create_group("df")
        group.attrs.update({"pandas_type": np.bytes_(b"frame"), "nblocks": 1})
        parts: Any = [(["A", "B"], "string", "", [0, 0, 1]), ([1, 2], "integer", "", [0, 1, 0])]
        for name in ("axis0", "block0_items"):
            levels(group, name, parts)
        axis(group, "axis1", [7], "integer")
        array(group, "block0_values", [[1, 2, 3]])

    def numbers(h5: h5py.File) -> None:
        group = h5.create_group("df")
        group.attrs.update({"pandas_type": np.bytes_(b"frame"), "nblocks": 1})
        for name in ("axis0", "block0_items"):
            axis(group, name, [0.5, 10.0], "float")
        axis(group, "axis1", ["x", "nan", "ü"], "string")
        array(group, "block0_values", np.arange(6).reshape(3, 2))

    assert csv(several) == [["index", "A.1", "A.2", "B.1"], ["7", "1", "2", "3"]]
    assert csv(numbers) == [["index", "0.5", "10.0"], ["x", "0", "1"], ["nan", "2", "3"], ["ü", "4", "5"]]


def test_series(tmp_path: Path) -> None:
    def fill(h5: h5py.File) -> None:
        group = h5.create_group("s")
        group.attrs.update({"pandas_type": np.bytes_(b"series"), "name": np.bytes_(b"temp")})
        axis(group, "index", [10, 11], "integer")
        array(group, "values", [1.5, 2.5])
        other = h5.create_group("m")
        other.attrs.update({"pandas_type": np.bytes_(b"series"), "name": NONE})
        levels(other, "index", [(["a", "b"], "string", "k", [1, 0]), ([1, 2], "integer", "n", [0, 1])])
        array(other, "values", days("2020-01-01", "NaT"), value_type=US)

    assert csv(fill, "/s") == [["index", "temp"], ["10", "1.5"], ["11", "2.5"]]
    assert csv(fill, "/m") == [["k", "n", "values"], ["b", "1", "2020-01-01T00:00:00.000000"], ["a", "2", ""]]


def test_labels_of_dates_and_missing_texts() -> None:
    """Files before pandas 3 do not say what stands for missing text: it is `nan`."""

    def dates(h5: h5py.File) -> None:
        group = frame(h5, ["v"], 1)
        axis(group, "axis1", np.array([730120, 719162], "i4"), "date", np.bytes_(b"V\\u00f1\np0\n."))
        block(group, 0, ["v"], [[1], [2]])

    def texts(h5: h5py.File) -> None:
        group = frame(h5, ["v"], 1)
        axis(group, "axis1", ["a", "nan"], "string")
        del group["axis1"].attrs["nan_rep"]
        block(group, 0, ["v"], [[1], [2]])

    assert csv(dates) == [["ñ", "v"], ["2000-01-01", "1"], ["1969-12-31", "2"]]
    assert csv(texts) == [["index", "v"], ["a", "1"], ["", "2"]]


def test_frames_without_rows_or_columns() -> None:
    def rows(h5: h5py.File) -> None:
        group = frame(h5, ["a"], 1)
        group.attrs["axis1_variety"] = np.bytes_(b"regular")
        array(group, "axis1", 0, (0,), kind="integer", name=NONE, value_type="int64")
        axis(group, "block0_items", ["a"], "string")
        array(group, "block0_values", 0, (1, 0), value_type="float64")

    def columns(h5: h5py.File) -> None:
        group = h5.create_group("df")
        group.attrs.update({"pandas_type": np.bytes_(b"frame"), "nblocks": 0})
        axis(group, "axis1", [1, 2], "integer")
        group.attrs["axis0_variety"] = np.bytes_(b"regular")
        array(group, "axis0", 0, (0,), kind="integer", name=NONE, value_type="int64")

    assert csv(rows) == [["index", "a"]]
    assert csv(columns) == [["index"], ["1"], ["2"]]


def mixed(h5: h5py.File) -> None:
    """A column of numbers and one of texts, which pandas pickles."""
    group = frame(h5, ["s", "v"], 2)
    axis(group, "axis1", [0, 1], "integer")
    axis(group, "block0_items", ["s"], "string")
    pickled(group, "block0_values", value_type=np.bytes_(b"str"))
    block(group, 1, ["v"], [[1], [2]])


def test_pickles_are_named_and_never_loaded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def alone(h5: h5py.File) -> None:
        group = h5.create_group("s")
        group.attrs.update({"pandas_type": np.bytes_(b"series"), "name": np.bytes_(b"words")})
        axis(group, "index", [0], "integer")
        pickled(group, "values")

    assert csv(mixed) == [["index", "v"], ["0", "1"], ["1", "2"]]
    receipt = take(stored(mixed), tmp_path / "a.csv", "/df")
    assert receipt.notes == ["columns left out: s (pickled Python objects)"]
    said: list[str] = []
    stream(stored(mixed), "/df", format="csv", noted=said.append)
    assert said == receipt.notes == look(stored(mixed), "/df").notes
    with pytest.raises(
        RefusedError, match=r"/s: words: pickled Python objects, which are never loaded"
    ) as error:
        csv(alone, "/s")
    assert error.value.hint == "write it again with format='table'"
    assert "unpickled" not in capfd.readouterr().out


@pytest.mark.parametrize("what", ["pickled", "period"])
def test_an_index_that_cannot_be_read(what: str) -> None:
    def fill(h5: h5py.File) -> None:
        group = frame(h5, ["v"], 1)
        group.attrs["axis1_variety"] = np.bytes_(b"regular")
        if what == "pickled":
            pickled(group, "axis1", kind=np.bytes_(b"object"), name=NONE)
        else:
            axis(
                group, "axis1", [360, 361], "integer", index_class="period", freq=np.bytes_(b"cpandas\nx\n.")
            )
        block(group, 0, ["v"], [[1], [2]])

    word = {"pickled": "pickled Python objects", "period": "periods"}[what]
    assert csv(fill) == [["v"], ["1"], ["2"]]
    assert look(stored(fill), "/df").notes == [f"columns left out: index ({word})"]


def test_what_does_not_fit() -> None:
    def names(h5: h5py.File) -> None:
        group = frame(h5, ["a", "b"], 1)
        axis(group, "axis1", [0], "integer")
        block(group, 0, ["a", "b"], [[1, 2, 3]])

    def lengths(h5: h5py.File) -> None:
        group = frame(h5, ["a"], 1)
        axis(group, "axis1", [0, 1, 2], "integer")
        block(group, 0, ["a"], [[1]])

    def missing(h5: h5py.File) -> None:
        group = frame(h5, ["a"], 1)
        axis(group, "axis1", [0], "integer")

    def many(h5: h5py.File) -> None:
        frame(h5, ["a"], 1 << 40)

    def large(h5: h5py.File) -> None:
        frame(h5, [], 0).create_dataset("axis1", (1,), "i8")
        del h5["df/axis0"]
        h5["df"].create_dataset("axis0", (1 << 40,), "i8", chunks=(1 << 20,))

    def levels_too(h5: h5py.File) -> None:
        group = frame(h5, ["v"], 1)
        levels(group, "axis1", [([1], "integer", "", [0])])
        del group["axis1_level0"]
        group.create_dataset("axis1_level0", (1 << 40,), "i8", chunks=(1 << 20,))
        block(group, 0, ["v"], [[1]])

    def elsewhere(h5: h5py.File) -> None:
        group = frame(h5, [], 0)
        axis(group, "axis1", [0], "integer")
        del group["axis0"]
        group.create_dataset("axis0", (1,), "i8", external=[("/etc/hostname", 0, 8)])

    with pytest.raises(DamagedError, match="/df/block0_values does not fit the names of its columns"):
        csv(names)
    with pytest.raises(DamagedError, match="the columns of /df are not of one length"):
        csv(lengths)
    with pytest.raises(UsageError, match="/df is a group, not a dataset"):
        csv(missing)
    with pytest.raises(RefusedError, match="/df has too many parts to be read as a table"):
        csv(many)
    with pytest.raises(RefusedError, match="/df has too many columns to be read as a table"):
        csv(large)
    with pytest.raises(RefusedError, match="the labels of /df are larger than 64 MiB"):
        csv(levels_too)
    with pytest.raises(RefusedError, match="stored in"):
        csv(elsewhere)


# --------------------------------------------------------------------------------------------- preview


def long(h5: h5py.File, rows: int) -> None:
    """Rows in chunks of 1,000."""
    group = frame(h5, ["a", "t", "b"], 2)
    axis(group, "axis1", np.arange(rows) * 2, "integer")
    axis(group, "block0_items", ["a", "b"], "string")
    noise = np.random.default_rng(1).normal(size=(rows, 2))
    group.create_dataset("block0_values", data=noise, chunks=(1000, 2))
    block(group, 1, ["t"], np.arange(rows)[:, None] * 10**6, value_type=US)


def test_a_preview_shows_the_table_and_draws_its_first_numbers() -> None:
    found = look(stored(every_kind), "/df")
    assert found.table and found.table.columns == ROWS[0] and found.stats and found.stats.of == "a"
    assert found.table.rows[1][:4] == ["2000-01-02T00:00:00.000000", 2.0, None, None]
    assert found.group is not None and found.plot and found.plot.data == [1.0, 2.0, 3.0]
    check_stats(look(stored(every_kind), "/df", column="b"), np.array([1.5, np.nan, 3.5]), 3)


def test_a_preview_of_a_long_table_stays_within_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)
    store = stored(lambda h5: long(h5, 400_000))
    found = look(store, "/df", max_bytes=400_000)
    assert found.sample and 10 < found.sample.read < found.sample.total == 400 and found.stats
    assert store.fetched <= 400_000 + MIB  # and the index of the chunks
    chosen = [range(400_000)[slice(*map(int, part.split(":")))] for part in found.sample.parts or []]
    numbers = np.random.default_rng(1).normal(size=(400_000, 2))[:, 0]
    check_stats(found, np.concatenate([numbers[part.start : part.stop] for part in chosen]), 400_000)
    assert found.table and [row[0] for row in found.table.rows] == [2 * number for number in range(10)]
    assert found.table.rows_truncated


def test_few_rounds() -> None:
    """All arrays of a frame are opened together, and their names read together."""

    def fill(h5: h5py.File) -> None:
        h5.create_dataset("before", data=np.zeros(1 << 18))
        long(h5, 2000)
        h5.create_dataset("after", data=np.zeros(1 << 18))

    store: MemoryStore = stored(fill)
    found = look(store, "/df")
    assert found.stats and found.stats.sample_size == 2000
    assert len(store.rounds) <= 5
