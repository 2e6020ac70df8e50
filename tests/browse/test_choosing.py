"""Fields, parts of complex numbers, stored values; nulls by their names; tables of many rows."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.browse.places.items import Item
from h5s3.browse.taking import command_text, python_text
from h5s3.browse.view import View
from h5s3.formats.tables.rows import numbered
from h5s3.records import DatasetNode
from h5s3.storage.location import Location
from tests.browse.screen import Screen, browsing
from tests.formats.tables.test_numbered import hudi, parquet


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("choosing") / "kinds.h5"
    with h5py.File(path, "w") as file:
        kind = [("first", "i4"), ("second", "f8"), ("wave", "c16"), ("word", "S4")]
        file["a_rows"] = np.array([(1, 2.5, 1 + 2j, b"x"), (3, 4.5, 3 - 4j, b"yy")], dtype=kind)
        file["b_waves"] = np.array([3 + 4j, -6 + 8j])
        file["c_packed"] = np.array([1, 2, -9], "i2")
        file["c_packed"].attrs.update({"scale_factor": 0.5, "_FillValue": np.int16(-9), "units": "K"})
        file["d_gaps"] = np.array([[1.5, np.nan], [np.inf, -np.inf]])
        file["e_nothing"], file["f_null"] = np.zeros((2, 0)), h5py.Empty("f8")
        group = file.create_group("h_scan")
        group.attrs.update({"NX_class": "NXdata", "signal": "counts"})
        group["counts"] = np.arange(3 * 50 * 2).reshape(3, 50, 2)
        file["g_times"] = [0.0, 1.0]
        file["g_times"].attrs["units"] = "days since 2020-01-01"
    return path


@pytest.mark.slow
def test_fields_and_parts(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        assert "first" in (await screen.press("j", "3")).splitlines()[2]
        text = await screen.press("v")
        assert "field (first, second, wave, word), and abs, real, imag, phase:" in text
        assert "second" in (await screen.press(*"sec", "tab", "enter")).splitlines()[2]
        assert "2.5" in (await screen.press("i", "home")).splitlines()[-1]  # the cursor tells of the same
        await screen.press("i", "escape")
        assert "wave imag" in (await screen.press("v", "=wave imag"))
        text = await screen.press("v", "=word")
        assert "word holds no plain numbers; fields of numbers: first" in text and "wave imag" in text
        assert "no field zz is here; there are first, second, wave, word" in await screen.press("v", "=zz")
        assert "the values are not complex numbers" in await screen.press("v", "=first real")
        assert "wave imag" in screen.text and "field (first, second" in await screen.press("v")
        await screen.press("escape")
        await screen.press("4", "tab", "down", "v", "=word")
        await screen.shows("yy   row 1 of 2, word")
        assert "wave imag" in await screen.press("escape", "3")  # no plot was asked for of texts
        await screen.press("4", "tab", "v", "=second")
        assert "second" in (await screen.press("escape", "3")).splitlines()[2]
        assert "abs" in await screen.press("escape", "3", "j")
        assert "drawn: real" in await screen.press("v")
        await screen.press("y", "c")
        assert screen.app.clipboard.endswith("/b_waves --part real --only plot")
        await screen.press("y", "y")
        assert screen.app.clipboard.endswith("kinds.h5', '/b_waves').real")
        assert "no fields are here" in await screen.press("j", "v")

    browsing(file, steps, size=(120, 30))


@pytest.mark.slow
def test_fields_in_fields(tmp_path: Path) -> None:
    """They are drawn; a table has them whole. A wrong name leaves what is seen as it is."""
    kind = [("id", "i4"), ("at", [("x", "f8"), ("y", "f8")])]
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["rows"] = np.array([(1, (2, 3)), (4, (5, 6))], dtype=kind)

    async def steps(screen: Screen) -> None:
        text = await screen.press("g", "=/rows", "4", "v", "=at.x")
        assert "at is chosen whole; there are id, at" in text and "r asks again" not in text
        assert "field (id, at, at.x, at.y):" in await screen.press("3", "v")
        assert "at.y" in (await screen.press(*"at.", "tab", "tab", "enter")).splitlines()[2]
        await screen.press("y", "y")
        assert screen.app.clipboard.endswith("'/rows')['at']['y']")
        await screen.press("i", "home")
        await screen.shows("at.y 3.0")
        text = await screen.press("escape", "2")
        assert "at.y:  min 3 at [0]  max 6 at [1]" in text
        text = await screen.press("v", "=id", "v", "=at")
        assert (
            "at holds no plain numbers; fields of numbers: id" in text
            and "min 1 at [0]  max 4 at [1]" in text
        )

    browsing(tmp_path / "f.h5", steps)


def test_stored_values_and_nulls(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press(*"jjj", "4", "tab")
        await screen.press("end")
        await screen.shows("missing   row 2 of 3")
        await screen.press("y", "y")
        assert screen.app.clipboard.endswith("'/c_packed', decode=True)")
        await screen.press("u")
        await screen.shows("values as they are stored")
        assert "-9" in screen.text and "missing" not in screen.text
        await screen.press("up")
        await screen.shows("2   row 1 of 3")
        await screen.press("y", "c")
        assert screen.app.clipboard.endswith("/c_packed --raw --only table")
        text = await screen.press("2")
        assert "min 1 at [0]  max 2 at [1]" in text and "1 missing" in text and " K" not in text
        await screen.press("4")
        await screen.press("u", "down", "up")
        await screen.shows("1.0 K   row 1 of 3")
        await screen.press("escape", "j", "tab")
        await screen.shows("1.5   nan")
        assert "inf  -inf" in screen.text
        await screen.press("end", "ctrl+end")
        await screen.shows("-inf   row 1 of 2, column 1")

    browsing(file, steps, size=(120, 30))


@pytest.mark.slow
def test_nothing_and_dates(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press(*"jjjjj", "4")
        await screen.shows("[0:2,0:0]")
        assert "no values" in await screen.press("j")
        await screen.shows("/f_null")
        await screen.press("j", "tab", "end")
        await screen.shows("2020-01-02T00:00:00   row 1 of 2")
        await screen.press("u", "up")
        await screen.shows("0.0 days since 2020-01-01   row 0 of 2")

    browsing(file, steps, size=(120, 30))


@pytest.mark.slow
def test_frames_of_what_a_group_shows(file: Path) -> None:
    """The cursor stays where it is."""

    async def steps(screen: Screen) -> None:
        await screen.press("g", "=/h_scan", "4", "tab", "end")
        await screen.shows("198   row 49 of 50, column 0")
        await screen.press("right_square_bracket")
        await screen.shows("298   row 49 of 50, column 0")

    browsing(file, steps)


@pytest.mark.slow
def test_columns_of_a_table(tmp_path: Path) -> None:
    parquet(tmp_path)

    async def steps(screen: Screen) -> None:
        await screen.press("4", "tab", "end")
        await screen.shows("399   row 399 of 400, n")
        assert "null" in await screen.press("v", "=word")
        await screen.shows("null   row 399 of 400, word")
        assert "holds no plain numbers" not in await screen.press("3")
        await screen.press("y", "y")
        assert screen.app.clipboard.endswith("'/')")

    browsing(tmp_path, steps)


def test_rows_that_nobody_has_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many there are is not known until they were read; going on tells."""
    monkeypatch.setattr(numbered, "LITTLE", 0)
    hudi(tmp_path)
    monkeypatch.setattr("h5s3.browse.widgets.grid.ROWS", 4)

    async def steps(screen: Screen) -> None:
        await screen.press("4", "tab")
        await screen.shows("row 0 of ?")
        assert "counted so far" in screen.text
        for _ in range(5):
            await screen.press("end")
        await screen.shows("row 60 of 61")
        assert "counted so far" not in screen.text

    browsing(tmp_path, steps, size=(160, 12))


def test_what_is_copied() -> None:
    place = Location("s3", "t", "lake")
    table = Item("file", "t", place, "/")
    assert command_text(table, "plot", View(column="b c")).endswith("t / --column 'b c' --only plot")
    node = DatasetNode(name="x", path="/x", shape=[5], dtype="complex64", size=5, ndim=1, nbytes=40)
    array = Item("node", "x", place, "/x", node=node)
    wanted = "import h5s3, numpy; numpy.angle(h5s3.get('s3://lake/t', '/x'))"
    assert python_text(array, "plot", View(part="phase")) == wanted


def test_fields_with_dots_in_their_names_are_copied() -> None:
    dtype = "{a: int32, b.c: float64, n: {x: float32, y.z: float32}}"
    node = DatasetNode(name="x", path="/x", shape=[5], dtype=dtype, size=5, ndim=1, nbytes=100)
    array = Item("node", "x", Location("s3", "t", "lake"), "/x", node=node)
    for column, wanted in (("b.c", "['b.c']"), ("n.x", "['n']['x']"), ("n.y.z", "['n']['y.z']")):
        assert python_text(array, "plot", View(column=column)).endswith(f"'/x'){wanted}")


@pytest.mark.slow
def test_exact_values_have_the_digits_of_their_type(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["a_single"] = np.float32([0.1, 0.2])
        file["b_packed"] = np.array([1808, 1809], "i2")
        file["b_packed"].attrs.update({"scale_factor": 0.01, "add_offset": 273.15})

    async def steps(screen: Screen) -> None:
        await screen.press("j", "4", "tab")
        await screen.shows("0.1   row 0 of 2")
        assert "0.1   [0]" in await screen.press("3", "i", "home")
        await screen.press("i", "escape", "j", "4", "tab")
        await screen.shows("291.23   row 0 of 2")
        assert "291.23 (stored 1808)" in await screen.press("3", "i", "home")

    browsing(tmp_path / "d.h5", steps)
