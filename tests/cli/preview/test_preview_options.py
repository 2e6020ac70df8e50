"""Which plane of a preview is drawn, and which values count as missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import UsageError
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.records import UNSET, Preview
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.reference.previews import check_stats, index_of, look, stored, stored_array
from tests.support.servers.memory import MemoryStore

CUBE = np.arange(3 * 4 * 5 * 6, dtype="<f8").reshape(3, 4, 5, 6)


def data_of(found: Preview) -> np.ndarray:
    assert found.plot
    return np.array(found.plot.data, dtype=float)


def axes_of(found: Preview) -> list[int]:
    assert found.plot
    return [axis.dimension for axis in (found.plot.y, found.plot.x) if axis]


@pytest.mark.parametrize(
    ("options", "plane", "axes"),
    [
        ({}, np.s_[1, 2], [2, 3]),
        ({"fixed": {0: 2}}, np.s_[2, 2], [2, 3]),
        ({"fixed": {0: -1, 1: 0}}, np.s_[2, 0], [2, 3]),
        ({"fixed": {3: 5}}, np.s_[1, :, :, 5], [1, 2]),
        ({"fixed": {2: 1, 3: 5}}, np.s_[:, :, 1, 5], [0, 1]),
        ({"fixed": {0: 1, 1: 2, 2: 3}}, np.s_[1, 2, 3], [3]),
        ({"display_dims": (0, 1)}, np.s_[:, :, 2, 3], [0, 1]),
        ({"display_dims": (1, 3)}, np.s_[1, :, 2, :], [1, 3]),
        ({"display_dims": (1, 3), "fixed": {0: 2, 2: 0}}, np.s_[2, :, 0, :], [1, 3]),
        ({"selection": "1:,:,0,:"}, np.s_[2, :, 0, :], [1, 3]),
        ({"selection": "...,::2", "fixed": {0: 0}, "display_dims": (2, 3)}, np.s_[0, 2, :, ::2], [2, 3]),
        ({"selection": ":,0", "fixed": {0: 2}}, np.s_[2, 0], [2, 3]),
        ({"selection": "1:3,1:3,1:3,1:3"}, np.s_[2, 2, 1:3, 1:3], [2, 3]),
    ],
)
def test_the_plane_that_is_drawn(options: dict[str, Any], plane: Any, axes: list[int]) -> None:
    found = look(stored_array(CUBE), **options)
    assert data_of(found).tolist() == CUBE[plane].tolist()
    assert axes_of(found) == axes
    assert found.table and found.table.rows[0] == np.atleast_1d(CUBE[plane][0]).tolist()[:8]
    assert CUBE[index_of(found.selection)].size >= CUBE[plane].size


@pytest.mark.parametrize("order", [(3, 2), (2, 0), (1, 0)])
def test_display_dims_are_rows_and_columns(order: tuple[int, int]) -> None:
    found, turned = (look(stored_array(CUBE), display_dims=dims) for dims in (order[::-1], order))
    assert data_of(turned).tolist() == data_of(found).T.tolist()
    assert axes_of(turned) == list(order)
    assert turned.profile == [pytest.approx(float(row.mean())) for row in data_of(turned)]


def test_labels_tell_the_indices_of_the_dataset() -> None:
    found = look(stored_array(np.arange(1000).reshape(20, 50)), selection="3:15:2,10::3")
    assert found.table
    assert found.table.row_labels == [3, 5, 7, 9, 11, 13]
    assert found.table.columns == ["10", "13", "16", "19", "22", "25", "28", "31"]
    assert (found.table.rows_truncated, found.table.columns_truncated) == (False, True)
    assert found.plot and found.plot.x and found.plot.y
    assert (found.plot.y.start, found.plot.y.step, found.plot.y.count) == (3, 2, 6)
    assert (found.plot.x.start, found.plot.x.step, found.plot.x.count) == (10, 3, 14)


@pytest.mark.parametrize("most", [1, 7, 512])
def test_the_size_of_the_plot(most: int) -> None:
    array = np.arange(1000 * 600).reshape(1000, 600)
    found = look(stored_array(array), max_size=most)
    assert found.plot and found.plot.x and found.plot.y
    steps = [-(-size // most) for size in array.shape]
    assert [found.plot.y.step, found.plot.x.step] == steps
    assert data_of(found).tolist() == array[:: steps[0], :: steps[1]].tolist()
    assert found.plot.downsampled


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"fixed": {4: 0}}, "--fixed 4=0"),
        ({"fixed": {-1: 0}}, "--fixed -1=0"),
        ({"fixed": {0: 3}}, "--fixed 0=3"),
        ({"fixed": {0: -4}}, "--fixed 0=-4"),
        ({"display_dims": (1, 1)}, "--display-dims"),
        ({"display_dims": (1, 4)}, "--display-dims"),
        ({"display_dims": (-5, 2)}, "--display-dims"),
        ({"display_dims": (0, 1), "fixed": {0: 0}}, "--display-dims"),
        ({"display_dims": (0, 1), "selection": "0"}, "--display-dims"),
        ({"max_size": 0}, "--max-size"),
        ({"max_size": 513}, "--max-size"),
        ({"selection": "3"}, "outside"),
        ({"selection": "0,0", "fixed": {0: 2}}, "--slice"),
        ({"selection": "1:", "fixed": {0: 2}}, "--slice"),
        ({"part": "phases"}, "--part"),
        ({"part": "imag"}, "not complex"),
        ({"column": "x"}, "--column"),
        ({"vmin": 3.0, "vmax": 3.0}, "--vmin"),
        ({"log": True, "vmin": -1.0}, "--log"),
    ],
)
def test_what_does_not_fit(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError) as caught:
        look(stored_array(CUBE), **options)
    assert why in str(caught.value)


def test_display_dims_of_one_dimension() -> None:
    with pytest.raises(UsageError, match="--display-dims"):
        look(stored_array(np.arange(3)), display_dims=(0, 1))


# -------------------------------------------------------------------------------------- missing values


def with_attributes(data: Any, **attributes: Any) -> MemoryStore:
    def fill(h5: h5py.File) -> None:
        h5.create_dataset("data", data=data).attrs.update(attributes)

    return stored(fill)


@pytest.mark.parametrize(
    ("dtype", "attributes", "missing"),
    [
        ("<i2", {"_FillValue": np.int16(3)}, [3]),
        ("<i2", {"_FillValue": np.array([3], "<i2")}, [3]),
        ("<i2", {"_FillValue": np.int16(3), "missing_value": np.int16(5)}, [3, 5]),
        ("<i2", {"missing_value": np.array([3, 5, 3], ">i4")}, [3, 5]),
        ("<i2", {"missing_value": 3.0}, [3]),
        (">u1", {"_FillValue": np.uint8(255), "missing_value": 7}, [7, 255]),
        ("<u8", {"_FillValue": np.uint64(2**64 - 1)}, [2**64 - 1]),
        (">f4", {"_FillValue": np.float32(9.96921e36), "missing_value": 4}, [4, np.float32(9.96921e36)]),
        ("<f4", {"missing_value": 1e20}, [np.float32(1e20)]),
        ("<f2", {"_FillValue": np.float16(2.5)}, [2.5]),
    ],
)
def test_missing_values_are_left_out(dtype: str, attributes: dict[str, Any], missing: list[Any]) -> None:
    array = np.arange(20).astype(dtype)
    array[[4, 11]] = missing[0], missing[-1]
    found = look(with_attributes(array, **attributes))
    gone = np.isin(array, np.array(missing, dtype=dtype))
    assert 2 <= gone.sum() < 6 and found.stats and found.table
    assert (found.stats.missing_count, found.stats.sample_size) == (gone.sum(), 20)
    kept = array[~gone]
    assert (found.stats.min, found.stats.max) == (kept.min(), kept.max())
    assert found.stats.mean == pytest.approx(float(kept.mean(dtype="f8")), rel=1e-6)
    np.testing.assert_array_equal(np.isnan(data_of(found)), gone)
    shown = [None if lost else value for value, lost in zip(array.tolist(), gone, strict=True)]
    assert [row[0] for row in found.table.rows] == shown[:10]
    assert found.coding and sorted(found.coding.missing) == sorted(np.array(missing, dtype=dtype).tolist())
    raw = look(with_attributes(array, **attributes), raw=True)
    assert raw.table and [row[0] for row in raw.table.rows] == array[:10].tolist()
    assert raw.coding is UNSET and raw.stats and raw.stats.missing_count == gone.sum()
    assert (raw.stats.min, raw.stats.max) == (kept.min(), kept.max())
    np.testing.assert_array_equal(np.isnan(data_of(raw)), gone)


@pytest.mark.parametrize(
    ("dtype", "attributes"),
    [
        ("<u1", {"_FillValue": -999}),
        ("<u1", {"missing_value": 300}),
        ("<i4", {"missing_value": 2.5}),
        ("<i4", {"missing_value": 1e300}),
        ("<i4", {"_FillValue": np.nan, "missing_value": np.inf}),
        ("<f8", {"_FillValue": np.nan}),
        ("<f8", {"_FillValue": "3", "missing_value": h5py.Empty("f8")}),
        ("<f8", {"missing_value": np.array([], dtype="f8")}),
        ("<c8", {"_FillValue": 3}),
        ("?", {"_FillValue": 1}),
        ("<i4", {}),
    ],
)
def test_what_marks_no_value_as_missing(dtype: str, attributes: dict[str, Any]) -> None:
    array = np.arange(20).astype(dtype)
    found = look(with_attributes(array, **attributes))
    check_stats(found, array, 20)
    assert found.stats and not found.stats.missing_count
    assert not any(note.startswith("missing values") for note in found.notes)


def test_nothing_but_missing_values() -> None:
    found = look(with_attributes(np.full((3, 4), -1), _FillValue=-1))
    assert found.stats and found.plot
    assert (found.stats.min, found.stats.mean, found.stats.missing_count) == (None, None, 12)
    assert found.plot.data == [[None] * 4] * 3 and found.profile == [None] * 3


def test_missing_values_of_one_that_is_drawn() -> None:
    array = np.arange(12.0).reshape(3, 4)
    found = look(with_attributes(array, _FillValue=5.0))
    assert found.profile == [1.5, pytest.approx((4 + 6 + 7) / 3), 9.5]


def test_a_single_missing_value_is_missing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file.create_dataset("t", data=np.array([-999, 5], "i2")).attrs["_FillValue"] = np.int16(-999)
    with Session(Settings(no_cache=True)) as session:
        where = Location("local", str(tmp_path / "one.h5"))
        gone = preview(session, where, PreviewRequest("/t", selection="0")).stats
        there = preview(session, where, PreviewRequest("/t", selection="1")).stats
    assert gone is not None and (gone.min, gone.missing_count) == (None, 1)
    assert there is not None and (there.min, there.missing_count) == (5, 0)
