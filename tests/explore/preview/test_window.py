"""Windows of arrays: rows and columns of a slice, and what nulls stand for, as previews say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.preview.window import WindowRequest, window
from h5s3.explore.session import Session
from h5s3.records import Table, Window
from h5s3.settings import Settings


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("window") / "w.h5"
    with h5py.File(path, "w") as file:
        file["rows"] = np.array([(1, np.nan), (2, np.inf)], dtype=[("a", "i4"), ("b", "f4")])
        file["packed"] = np.array([[1.0, -9.0], [np.nan, 4.0]])
        file["packed"].attrs.update({"scale_factor": 0.5, "_FillValue": -9.0, "units": "mm"})
        file.create_dataset("chunked", data=np.ones((4, 1000)), chunks=(1, 1000))
        file["line"] = np.arange(9)
        file["null"] = h5py.Empty("f8")
    return path


def asked(path: Path, name: str, **more: Any) -> Window:
    with Session(Settings(no_cache=True)) as session:
        return window(session, session.location(str(path)), WindowRequest(name, **more))


def previewed(path: Path, name: str) -> Table:
    with Session(Settings(no_cache=True)) as session:
        found = preview(session, session.location(str(path)), PreviewRequest(name)).table
    assert found is not None
    return found


def test_nulls_in_fields_are_named_in_previews_too(file: Path) -> None:
    found = asked(file, "/rows").table
    assert (found.rows, found.null_words) == ([[1, None], [2, None]], [[None, "nan"], [None, "inf"]])
    assert previewed(file, "/rows").null_words == found.null_words


def test_missing_values_and_stored_ones(file: Path) -> None:
    found = asked(file, "/packed")
    assert (found.table.rows, found.units, found.decoded) == ([[0.5, None], [None, 2.0]], "mm", True)
    assert found.table.null_words == [[None, "missing"], ["nan", None]]
    found = asked(file, "/packed", raw=True)
    assert (found.table.rows, found.units, found.decoded) == ([[1.0, -9.0], [None, 4.0]], "", False)


@pytest.mark.parametrize(("name", "at", "row"), [("rows", "1", 1), ("chunked", "3,7", 7), ("line", "7", 7)])
def test_the_row_of_one_index(file: Path, name: str, at: str, row: int) -> None:
    found = asked(file, f"/{name}", selection=at)
    assert (found.row_start, found.num_rows, found.within) == (row, 1, at)


def test_which_digits_mean_something(file: Path) -> None:
    """Of each column that was asked for of a compound; of packed values, but not of stored ones."""
    assert [asked(file, "/rows").digits, asked(file, "/rows", columns=(1, 2)).digits] == [
        ["", "float32"],
        ["float32"],
    ]
    assert [asked(file, "/packed", raw=raw).digits for raw in (False, True)] == [["packed"], [""]]


def test_what_was_not_read(file: Path) -> None:
    """More than may be fetched."""
    found = asked(file, "/chunked", columns=(0, 2), max_bytes=8500)
    assert found.partial and found.table.null_words is not None
    words = [row[0] for row in found.table.null_words or ()]
    assert set(words) == {None, "unread"}
    assert [row[0] for row in found.table.rows] == [None if word else 1.0 for word in words]


def test_nothing_at_all(file: Path) -> None:
    found = asked(file, "/null")
    assert (found.num_rows, found.table.rows, found.shape) == (0, [], None)
