"""Finding, going to places, marks, tabs; copies, files and reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest
from textual.events import Key

from h5s3.browse.places.fitting import Fitting, of_suffixes
from h5s3.browse.places.going import places_in
from h5s3.browse.places.items import Item
from h5s3.browse.taking import Output, command_text, output_of, python_text
from h5s3.browse.view import View
from h5s3.browse.widgets.grid import Grid
from h5s3.errors import UsageError
from h5s3.formats.selection import parse_selection
from h5s3.records import DatasetNode
from h5s3.storage.location import Location
from tests.browse.screen import Screen, browsing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["entry/data/counts"] = np.arange(50.0)
            file["entry/data/time"] = np.arange(5)
            file["other/counts_2"] = 3
    return tmp_path


@pytest.mark.slow
def test_finding_in_all_files_and_going_there(folder: Path) -> None:
    async def steps(screen: Screen) -> None:
        text = await screen.press("f", "=counts")
        assert "4 found: counts" in text and "in 2 files" in text and "b.h5/other/counts_2" in text
        text = await screen.press("down", "down", "enter")
        assert "› b.h5 › entry › data › counts" in text and "float64" in text
        await screen.press("m", "a")
        text = await screen.press("g", "=/other/counts_2")
        assert "› b.h5 › other › counts_2" in text
        assert "› entry › data › counts" in await screen.press("apostrophe", "a")
        assert "no /no in the file" in await screen.press("g", "=/no")
        text = await screen.press("g", *"/en", "tab", "enter")
        assert text.splitlines()[0].endswith("› entry")
        text = await screen.press("g", f"={folder}/b.h5/other/counts_2")
        assert "other › counts_2" in text.splitlines()[0]
        assert "(groups, datasets, links):" in await screen.press("f")
        await screen.press("=label")
        await screen.shows("0 found: label  among groups, datasets and links, not fields")
        await screen.press("escape")
        assert "write 1 value (8 B) to" in await screen.press("w")
        text = await screen.press("escape", "slash", "=nowhere")
        assert "no name of" in text and "loaded with nowhere; Esc shows all" in text

    browsing(folder, steps)


def test_what_is_said_stays_until_the_next_key(folder: Path) -> None:
    """Also where the table comes later, and tells of the value under its cursor."""

    async def steps(screen: Screen) -> None:
        assert "49.0" in (await screen.press("g", "=/entry/data/counts", "4", "tab", "end")).splitlines()[-1]
        screen.app.say("written")
        screen.app.post_message(Grid.At("a value"))
        await screen.pilot.pause()
        assert "written" in screen.text.splitlines()[-1]
        assert "48.0" in (await screen.press("up")).splitlines()[-1]

    browsing(folder / "a.h5", steps)


def test_what_is_said_outlasts_the_keys_before_it(folder: Path) -> None:
    """They come by once more, from the field that they were typed into."""

    async def steps(screen: Screen) -> None:
        await screen.press("b")
        for key in ("ctrl+u", "0", "enter"):
            screen.app.post_message(Key(key, key if len(key) == 1 else None))
        await screen.settled()
        assert "at most 0 B are read ahead" in screen.text.splitlines()[-1]

    browsing(folder / "a.h5", steps)


@pytest.mark.slow
def test_tabs(folder: Path) -> None:
    async def steps(screen: Screen) -> None:
        text = await screen.press("j", "t")
        assert "2/2" in text.splitlines()[0] and "entry" in text and "b.h5" not in text
        assert "1/2" in (text := await screen.press("comma")) and "b.h5" in text
        text = await screen.press("full_stop", "x")
        assert not text.lstrip().startswith("1/") and "b.h5" in text
        await screen.press("g", f"={folder}/a.h5/entry/data/counts", "t")
        assert "time" not in screen.text  # nothing but this dataset
        text = await screen.press("backspace", "n")
        assert "data › time" in text.splitlines()[0], text

    browsing(folder, steps)


@pytest.mark.slow
def test_copies_files_and_a_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    async def steps(screen: Screen) -> None:
        await screen.press("j", "right", "j", "j", "right", "j", "3", "y", "c")
        assert "copied: h5s3 preview" in screen.text
        assert screen.app.clipboard.startswith(f"h5s3 preview {folder}/a.h5 /other")
        await screen.press("g", "=/entry/data/counts", "2", "s", "=2:5")
        await screen.press("w", "enter")
        await screen.shows("3 float64")
        assert (folder / "counts.csv").read_text().split() == ["counts", "2.0", "3.0", "4.0"]
        await screen.press("w", "enter")
        await screen.shows("counts.csv is there: overwrite it? y, or n")
        assert "is as it was" in await screen.press("enter")
        assert "the file" in await screen.press("exclamation_mark")

    browsing(folder, steps)


@pytest.mark.slow
def test_a_picture_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(folder)

    async def steps(screen: Screen) -> None:
        await screen.press("g", "=/entry/data/counts", "3")
        await screen.press("w", "enter")
        await screen.shows("counts.png: the picture")

    browsing(folder / "a.h5", steps)
    assert (folder / "counts.png").read_bytes().startswith(b"\x89PNG")


def test_places_are_typed_as_they_are_shown() -> None:
    item = Item("node", "x", Location("s3", "run 1.dat", "lab"), "/a/x")
    assert places_in("s3://lab/run 1.dat/b", item) == ("s3://lab/run 1.dat", "/b")
    assert places_in("s3://lab/f.nc/b/c", item) == ("s3://lab/f.nc", "/b/c")
    assert places_in("s3://lab/f.dat /b/c", item) == ("s3://lab/f.dat", "/b/c")
    assert places_in("s3://lab/d.h5/", item) == ("s3://lab/d.h5/", None)
    assert places_in("s3://lab/d.h5/f.h5", item) == ("s3://lab/d.h5/f.h5", None)
    assert places_in("/b", item) == (None, "/b")


def test_commands_and_lines_of_python() -> None:
    place = Location("s3", "run 1/scan.h5", "lab")
    node = DatasetNode(name="x", path="/a/x", shape=[5, 6, 7], dtype="int8", size=2, ndim=3, nbytes=2)
    item = Item("node", "x", place, "/a/x", node=node)
    view = View(parse_selection("2,1:3,:", (5, 6, 7)), log=True)
    shown = command_text(item, "plot", view)
    assert shown == "h5s3 preview 's3://lab/run 1/scan.h5' /a/x --slice 2,1:3,0:7 --log --only plot"
    assert command_text(item, "layout", View()) == "h5s3 meta 's3://lab/run 1/scan.h5' /a/x --chunks"
    assert command_text(item, "attributes", View()).endswith("/a/x --all-attrs")
    assert (
        command_text(Item("bucket", "lab", Location("s3", "", "lab")), "meta", View()) == "h5s3 ls s3://lab/"
    )
    assert (
        python_text(item, "plot", view)
        == "import h5s3; h5s3.get('s3://lab/run 1/scan.h5', '/a/x', selection='2,1:3,0:7')"
    )


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Three frames of packed temperatures over latitudes and longitudes."""
    with h5py.File(tmp_path / "t.nc", "w") as file:
        for name, values in (("time", [0, 6, 12]), ("lat", [10.0, 20.0]), ("lon", [1.0, 2.0, 3.0, 4.0])):
            file[name] = np.array(values)
            file[name].make_scale(name)
        file["time"].attrs["units"] = "hours since 2024-01-01"
        file["t2m"] = np.arange(24, dtype="i2").reshape(3, 2, 4)
        file["t2m"].attrs["scale_factor"] = 0.5
        file["line"] = np.arange(3, dtype="i2")
        file["line"].attrs["scale_factor"] = 0.5
        for number, name in enumerate(("time", "lat", "lon")):
            file["t2m"].dims[number].attach_scale(file[name])
        file["line"].dims[0].attach_scale(file["time"])
    return tmp_path


@pytest.mark.slow
def test_what_is_seen_is_written(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(packed)

    async def steps(screen: Screen) -> None:
        text = await screen.press("g", "=/line", "4", "w")
        assert screen.app.prompt.typed.value == screen.app.prompt.typed.selected_text == "line.csv"
        assert "(6 B), decoded, with coordinates, to: line.csv" in text and ".parquet" in text
        await screen.press("enter")
        await screen.shows("line.csv: 3")
        assert Path("line.csv").read_text().split() == [
            "time,line",
            "2024-01-01T00:00:00,0.0",
            "2024-01-01T06:00:00,0.5",
            "2024-01-01T12:00:00,1.0",
        ]
        await screen.press("w", *"own.csv", "enter")  # what is typed replaces the name alone
        await screen.shows("own.csv: 3")
        assert Path("own.csv").read_text() == Path("line.csv").read_text()
        await screen.press("w", "=own2.csv --raw --no-coords")
        await screen.shows("own2.csv: 3")
        assert Path("own2.csv").read_text().split() == ["line", "0", "1", "2"]
        assert "as stored, with coordinates, to:" in await screen.press("u", "w")
        await screen.press("=line.csv")
        await screen.shows("line.csv is there: overwrite it? y, or n")
        assert "line.csv is as it was" in await screen.press("n")
        assert Path("line.csv").read_text().startswith("time")
        await screen.press("w", "=line.csv", "y")
        await screen.shows("line.csv: 3")
        assert Path("line.csv").read_text().split()[-1] == "2024-01-01T12:00:00,2"
        assert "no option --sorted here; --all, --raw, --no-coords" in await screen.press(
            "w", "=a.csv --sorted"
        )

    browsing(packed / "t.nc", steps)


@pytest.mark.slow
def test_a_frame_is_written_or_all(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(packed)

    async def steps(screen: Screen) -> None:
        await screen.press("g", "=/t2m", "4")
        await screen.press("y", "y")
        assert screen.app.clipboard.endswith("'/t2m', selection='1,0:2,0:4', decode=True)")
        assert "write 8 values" in await screen.press("w")
        await screen.press("=frame.csv --no-coords")
        await screen.shows("frame.csv: 2")
        assert np.array_equal(
            np.loadtxt("frame.csv", delimiter=",", skiprows=1), np.arange(8, 16).reshape(2, 4) / 2
        )
        await screen.press("w", "=all.npy --all --raw")  # npy has no place for coordinates
        await screen.shows("all.npy: 3")
        assert np.array_equal(np.load("all.npy"), np.arange(24).reshape(3, 2, 4))
        await screen.press("3", "]", "y", "y")
        assert screen.app.clipboard.endswith("'/t2m', selection='2,0:2,0:4', decode=True)")
        await screen.press("w", "=next.npy")
        await screen.shows("next.npy: 2")
        assert np.array_equal(np.load("next.npy"), np.arange(16, 24).reshape(2, 4) / 2)

    browsing(packed / "t.nc", steps)


def test_options_stand_behind_the_name() -> None:
    usual = Output(Path("t.csv"), decode=True, coords=True)
    assert output_of(" a b.csv ", usual) == Output(Path("a b.csv"), decode=True, coords=True)
    assert output_of("a b.csv  --raw --no-coords", usual) == Output(Path("a b.csv"))
    assert output_of("a--all.npy --all", Output(Path("t.csv"))) == Output(Path("a--all.npy"), all=True)
    assert output_of("a.csv --decode --coords", Output(Path("t.csv"))) == replace(usual, path=Path("a.csv"))
    for text, said in (
        ("", "has a name"),
        (" --all", "has a name"),
        ("x.csv --where 1", "no option --where 1"),
        ("~nobody_of_this_name/x.csv", "~nobody_of_this_name is no user"),
    ):
        with pytest.raises(UsageError, match=said):
            output_of(text, usual)


def test_the_ending_of_a_name_is_chosen() -> None:
    found: list[Fitting] = []
    for text in ("a.b/t2m.csv", "t2m", "t2m.csv --all", ""):
        of_suffixes((".csv", ".npy"))(text, found.append)
    assert [list(one.texts) for one in found] == [["a.b/t2m.npy"], ["t2m.csv", "t2m.npy"], [], []]


def test_keys_that_come_before_the_cursor_rests_are_about_its_row(folder: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("g", "=/entry/data/counts", "2", "s", "=0:3")
        with mock.patch("h5s3.browse.frame.SETTLED", 60):
            await screen.pilot.press("j")
            assert "write 5 values" in await screen.press("w")

    browsing(folder / "a.h5", steps)


def test_keys_that_edit_are_taken_in_their_order(folder: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("g")
        for key in ("a", "b", "backspace", "c", "home", "x"):
            screen.app.post_message(Key(key, key if len(key) == 1 else None))
        await screen.settled()
        assert screen.app.prompt.typed.value == "xac"
        for key in ("end", "q", "escape"):
            screen.app.post_message(Key(key, key if len(key) == 1 else None))
        await screen.settled()
        assert screen.app.prompt.typed.value == "xacq" and not screen.app.prompt.open

    browsing(folder / "a.h5", steps)


def test_names_of_any_kind_are_proposed_as_names_of_files(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "n.h5", "w") as file:
        for name in ("a\x1b[31m\nb\u202e", "~root", "y" * 400):
            file[name] = [1]

    async def steps(screen: Screen) -> None:
        for wanted in ("a_[31m_b_", "y" * 60, "_root"):
            assert "to:" in await screen.press("j", "w")
            assert screen.app.prompt.typed.value == f"{wanted}.csv"
            await screen.press("escape")
        text = await screen.press("w", "=" + "x" * 300 + ".csv")
        assert "File name too long" in text, text

    browsing(tmp_path / "n.h5", steps)
