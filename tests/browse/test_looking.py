"""Frames, zoom, slices, colours, and a table of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from textual.events import Key

from h5s3.browse import side
from h5s3.render.screen.cells import slice_line
from h5s3.storage.stores.local import LocalStore
from tests.browse.screen import Screen, browsing


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cube") / "cube.h5"
    with h5py.File(path, "w") as file:
        numbers = np.arange(10 * 1000 * 100, dtype="f8").reshape(10, 1000, 100) / 3
        file.create_dataset("cube", data=numbers, chunks=(1, 100, 100), compression="gzip")
        file["rows"] = np.array([(1, 2.5, b"x"), (3, 4.5, b"yy")], dtype="i4,f8,S4")
    return path


@pytest.mark.slow
def test_frames_zoom_and_pan(cube: Path) -> None:
    async def steps(screen: Screen) -> None:
        assert "cube [5,0:" in await screen.press("j", "3")
        assert "cube [6,0:" in await screen.press("right_square_bracket")
        assert "cube [4,0:" in await screen.press("left_square_bracket", "left_square_bracket")
        text = await screen.press("plus", "plus")
        assert "cube [4,375:625,37:62]" in text
        assert "cube [4,375:625,43:68]" in await screen.press("tab", "right")
        assert "cube [4,437:687,43:68]" in await screen.press("down")
        assert "cube [5,437:687,43:68]" in await screen.press("right_square_bracket")
        text = await screen.press("minus", "minus", "minus", "minus")
        assert "[5,0:" in text and "that is all of it" in text
        assert "logarithmic" in await screen.press("l") and "logarithmic" not in await screen.press("l")
        assert "colours: viridis, all values" in await screen.press("c")
        assert "colours: gray" in await screen.press("c")

    browsing(cube, steps, size=(120, 30))


def test_a_frame_and_a_window_of_it(cube: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("j", "3", "right_square_bracket", "plus")
        assert "cube [6,250:749:2,25:75]" in screen.text

    browsing(cube, steps, size=(120, 30))


@pytest.mark.slow
def test_keys_that_come_faster_than_plots_all_count(cube: Path) -> None:
    """Also those that come before the first plot is there."""

    async def steps(screen: Screen) -> None:
        await screen.press("j")
        await screen.pilot.press("3", "right_square_bracket", "plus", *["left_square_bracket"] * 2)
        await screen.settled()
        assert "cube [4,250:749:2,25:75]" in screen.text
        await screen.pilot.press(*["right_square_bracket"] * 30)
        await screen.settled()
        assert "cube [9,250:749:2,25:75]" in screen.text and "no more frames" in screen.text
        await screen.press("s", "=2")
        await screen.pilot.press(*["left_square_bracket"] * 2, *["plus"] * 4)
        await screen.settled()
        assert "cube [0,468:530,46:52]" in screen.text and "3 shows the plot" not in screen.text

    browsing(cube, steps, size=(120, 30))


@pytest.mark.slow
def test_a_slice_and_dimensions_are_typed(cube: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("j", "3", "s", "=3,10:20")
        assert "cube [3,10:20,0:100]" in screen.text
        await screen.press("s", "=70")  # in place of what stands there
        assert "index 70" in screen.text or "does not fit" in screen.text
        await screen.press("s", "escape")
        assert "slice of" not in screen.text
        await screen.press("d", "=0,2")
        assert "cube [0:10,500,0:100]" in screen.text
        await screen.press("d", "=x")
        assert "not two numbers" in screen.text
        for wrong in ("0,7", "1,1", "-1,0", "2"):
            text = await screen.press("d", f"={wrong}")
            assert "two dimensions are drawn, such as 0,1, of those from 0 to 2" in text
        assert "cube [0:10,500,0:100]" in screen.text
        assert "3 draws them; a table has the last two" in await screen.press("4", "d", "=0,1")
        assert "cube [0:10,0:" in await screen.press("3")

    browsing(cube, steps, size=(120, 30))


@pytest.mark.slow
def test_the_next_frame_is_read_ahead(cube: Path) -> None:
    asked: list[str] = []

    async def steps(screen: Screen) -> None:
        await screen.press("j", "3", "right_square_bracket")
        await screen.rests()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(side, "Question", lambda group, *_, **__: asked.append(group))
            patch.setattr(screen.app.lanes, "ask", lambda question: None)
            await screen.pilot.press("right_square_bracket")
            await screen.pilot.pause()
        assert "cube [7,0:" in screen.text and "frame ahead" in asked

    browsing(cube, steps, size=(120, 30))


def test_the_table_is_scrolled_through_to_its_end(cube: Path) -> None:
    """Only what is in sight is read; the value under the cursor has all its digits."""

    async def steps(screen: Screen) -> None:
        text = await screen.press("j", "enter")
        assert "166666.66666666666   row 0 of 1,000, column 0" in text and "166667" in text
        read.clear()
        text = await screen.press("end")
        assert "row 999 of 1,000" in text and "199966.66666666666" in text and "999  " in text
        assert sum(read) < 300_000
        assert "199999.66666666666   row 999 of 1,000, column 99" in await screen.press("ctrl+end")
        assert "166666.66666666666" in await screen.press("home", "ctrl+home")
        text = await screen.press("right_square_bracket")
        assert "200000.0   row 0" in text and "/cube  [6,0:1000,0:100]" in text

    read: list[int] = []
    real = LocalStore.get_ranges

    def counted(self: LocalStore, obj: Any, ranges: Any, *more: Any) -> Any:
        found = real(self, obj, ranges, *more)
        read.append(sum(map(len, found.values())))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "get_ranges", counted)
        browsing(cube, steps, size=(100, 24))


@pytest.mark.slow
def test_a_slice_in_the_table(cube: Path) -> None:
    """Rows and columns are called by their indices in the array; also where one of them is fixed."""

    async def steps(screen: Screen) -> None:
        await screen.press("j", "enter", *["pagedown"] * 9)
        text = await screen.press("s", "=3,10:20:2,40:42")
        assert "/cube  [3,10:19:2,40:42]" in text and "row 10, column 40" in text
        text = await screen.press("end", "ctrl+end")
        assert f"{(3 * 100000 + 1841) / 3!r}   row 18, column 41" in text
        text = await screen.press("right_square_bracket")
        assert f"{(4 * 100000 + 1841) / 3!r}   row 18, column 41" in text and "[4,10:19:2,40:42]" in text
        text = await screen.press("s", "=:,7,5:6", "left_square_bracket")
        assert "[0:10,6,5:6]" in text and f"{605 / 3!r}   row 0 of 10" in text
        text = await screen.press("s", "=1,2,3:6")
        assert "/cube  [1,2,3:6]" in text and f"{100203 / 3!r}   row 3" in text
        assert f"{100203 / 3!r}   row 3" in await screen.press("s", "=1,2,3")

    browsing(cube, steps)


@pytest.mark.slow
def test_a_table_that_is_the_whole_file(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = {f"c{n:02}": [f"{n}/{row}" if row % 7 else None for row in range(500)] for n in range(40)}
    pq.write_table(pa.table(rows), tmp_path / "t.parquet", row_group_size=100)

    async def steps(screen: Screen) -> None:
        text = await screen.press("4", "tab")
        assert "c00" in text and "null   row 0 of 500, c00" in text
        assert "39/499   row 499 of 500, c39" in await screen.press("end", "ctrl+end")
        assert "39/489   row 489 of 500, c39" in await screen.press(*["up"] * 10)
        assert "0/20   row 20, c00" in await screen.press("s", "=20:30", "home")

    browsing(tmp_path / "t.parquet", steps)


@pytest.mark.slow
def test_missing_values_in_the_table_are_called_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "gaps.h5", "w") as file:
        file["x"] = [1.5, -9.0]
        file["x"].attrs["_FillValue"] = -9.0
        file["x"].attrs["units"] = "mm"
        file.create_group("g")

    async def steps(screen: Screen) -> None:
        await screen.press("j", "j", "enter")
        assert "missing   row 1 of 2" in await screen.press("down")
        text = await screen.press("escape", "p")
        assert "a group has no values; below are its facts" in text and "h5s3 tree" not in text

    browsing(tmp_path / "gaps.h5", steps, size=(250, 30))


@pytest.mark.slow
def test_what_has_no_values_shows_its_facts(cube: Path) -> None:
    """In every pane, and no error; what is next is shown as ever."""

    async def steps(screen: Screen) -> None:
        for pane in "234":
            text = await screen.press(pane)
            assert "a group has no values; below are its facts" in text and "superblock" in text
            assert "r asks again" not in text and "h5s3 tree" not in text
        assert "row 0 of 1,000" in await screen.press("tab", "escape", "j", "tab")
        text = await screen.press("escape", "j", "5")
        assert "contiguous" in text and "r asks again" not in text
        with h5py.File(cube, "r") as file:
            assert f"32 bytes, stored in 32, at byte {file['rows'].id.get_offset():,} of the file" in text
        text = await screen.press("k")
        sizes = [f"{screen.app.side.found[0].chunk_index[at].size:,} B" for at in (0, 99)]
        assert sizes[0] in text and "0,0,0" in text and "8,000,000 bytes, stored in " in text
        assert sizes[1] in await screen.press("tab", "end") and "9,900,0" in screen.text
        assert "more (" not in screen.text

    browsing(cube, steps)


@pytest.mark.slow
def test_a_table_of_fields(cube: Path) -> None:
    async def steps(screen: Screen) -> None:
        text = await screen.press("j", "j", "enter")
        assert "f0" in text and "4.5" in text and "yy" in text
        assert "yy   row 1 of 2, f2" in await screen.press("down", "right", "right")

    browsing(cube, steps)


@pytest.mark.slow
def test_a_line_of_ten_million_samples_is_zoomed(tmp_path: Path) -> None:
    """What is drawn closer is read, and the peak in it is seen."""
    line = np.zeros(10_000_000, dtype="f4")
    line[4_999_000] = 77
    with h5py.File(tmp_path / "line.h5", "w") as file:
        file.create_dataset("line", data=line, chunks=(100_000,))

    async def steps(screen: Screen) -> None:
        text = await screen.press("j", "3")
        assert "read" in text or "drawn" in text  # not all of it was
        text = await screen.press(*["plus"] * 8)
        assert "line [4980468:5019530]" in text and "⡇" in text
        assert "line [5000000:5039062]" in await screen.press("tab", *["right"] * 2)

    browsing(tmp_path / "line.h5", steps, size=(120, 30))


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Values by date and place, as a model writes them."""
    path = tmp_path_factory.mktemp("days") / "days.nc"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("a/field", data=np.arange(4 * 50 * 6.0).reshape(4, 50, 6))
        data.attrs["units"] = "kg m-2 s-1"
        axes = {"date": np.arange(4.0), "lat": np.linspace(-49, 49, 50), "lon": np.arange(6.0)}
        for dimension, (name, values) in enumerate(axes.items()):
            file[name] = values
            file[name].make_scale(name)
            data.dims[dimension].attach_scale(file[name])
        file["date"].attrs["units"] = "days since 2024-07-06"
        file["zone"] = 7.5
        file["zone"].attrs["units"] = "keV"
    return path


@pytest.mark.slow
def test_where_a_frame_stands_and_in_which_units(days: Path) -> None:
    """On 80 columns, too; the column of coordinates is no wider than they are."""

    async def steps(screen: Screen) -> None:
        text = await screen.press("g", "=/a/field", "4", "right_square_bracket")
        assert " [3,0:50,0:6]  at date 2024-07-09  kg m-2 s-1\n" in text
        assert " 0  -49 " in text
        await screen.press("3", "left_square_bracket")
        assert "field [2,0:50,0:6] at date 2024-07-08" in screen.text
        text = await screen.press("g", "=/zone", "4", "tab")
        assert "7.5 keV" in text and "row 0" not in text

    browsing(days, steps, size=(80, 24))


@pytest.mark.slow
def test_a_slice_by_coordinates(days: Path) -> None:
    """As `preview --sel` takes them; what is wrong with them is said, and all stays as it was."""

    async def steps(screen: Screen) -> None:
        await screen.press("g", "=/a/field", "4", "s")
        assert "slice of 4 × 50 × 6, or date=…:" in screen.text
        text = await screen.press("=date=2024-07-07,lat=-49:-40", "tab")
        assert "[1,0:5,0:6]  at date 2024-07-07" in text and "300.0 kg m-2 s-1" in text
        text = await screen.press("s", "=lat=48")
        assert (
            "no lat=48; the nearest are 47.0 and 49.0; for the nearest: 'lat=~48'" in text
            and "[1,0:5,0:6]" in text
        )
        assert "no dimension height" in await screen.press("s", "=height=2")
        assert "--" not in screen.text
        assert "field [0:4,0,0:6] at lat -49" in await screen.press("3", "s", "=lat=~-90")

    browsing(days, steps, size=(110, 24))


def test_as_much_of_a_path_as_there_is_room_for() -> None:
    """Where a slice stands, and its units, come first."""

    def shown(width: int) -> str:
        return "".join(text for text, _ in slice_line("/a/field", "[3,0:50]", "date 2024-07-09", "K", width))

    assert shown(41) == "/a/field  [3,0:50]  at date 2024-07-09  K"
    assert shown(40) == "field  [3,0:50]  at date 2024-07-09  K"
    assert shown(31) == shown(9) == "[3,0:50]  at date 2024-07-09  K"


@pytest.mark.slow
def test_the_first_values_fill_their_pane(cube: Path, days: Path) -> None:
    """What is below them is scrolled to, and what is not there is said to be in the table."""

    async def short(screen: Screen) -> None:
        text = await screen.press("g", "=/a/field", "2")
        assert " 10  -29 " in text and "more rows" not in text
        assert " 49   49 " in await screen.press("tab", "end")
        assert "4 shows all" not in screen.text
        pane = screen.app.side.drawing
        for width in range(76, 100, 2):
            await screen.pilot.resize_terminal(width, 24)
            await screen.settled()
            assert pane.virtual_size.width <= pane.scrollable_size.width  # the bar covers nothing

    async def long(screen: Screen) -> None:
        assert "4 shows all of them" in await screen.press("j", "2", "tab", "end")

    browsing(days, short, size=(100, 40))
    browsing(cube, long)


@pytest.mark.slow
def test_what_a_file_and_its_listing_tell_stands_once(days: Path) -> None:
    async def steps(screen: Screen) -> None:
        text = await screen.press("j", "enter", "k", "j")
        size = f"({days.stat().st_size:,} bytes)"
        assert text.count(size) == 1 and "modified" in text

    browsing(days.parent, steps, size=(120, 30))


def test_wide_characters_have_their_room_in_the_table(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("wide", data=[["日本語日本語", "b"]], dtype=h5py.string_dtype())

    async def steps(screen: Screen) -> None:
        assert "日本語日本語  b" in await screen.press("j", "4")

    browsing(tmp_path / "w.h5", steps)


def test_a_slice_that_cuts_a_dimension_that_was_drawn(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["small"] = np.arange(4 * 5 * 6).reshape(4, 5, 6)

    async def steps(screen: Screen) -> None:
        assert "small [0:4,2,0:6]" in await screen.press("j", "3", "d", "=0,2")
        assert "small [3,1,0:6]" in await screen.press("s", "=3,1")

    browsing(tmp_path / "s.h5", steps)


def test_keys_that_move_in_the_tree_from_a_pane(cube: Path) -> None:
    """The keys stay with the pane, also where the next one is no table."""

    async def steps(screen: Screen) -> None:
        assert "row 0 of 2, f0" in await screen.press("j", "4", "z", "n", "right", "left")
        assert "a group has no values" in await screen.press("backspace")
        assert screen.app.focused is screen.app.side.drawing
        await screen.press("g", "=/rows")
        assert screen.app.focused is screen.app.side.grid
        assert "row 1 of 2, f0" in await screen.press("end")

    browsing(cube, steps)


def test_the_end_of_a_table_is_reached_also_before_it_is_there(cube: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("g", "=/rows")
        for key in ("4", "tab", "end"):
            screen.app.post_message(Key(key, key if len(key) == 1 else None))
        await screen.shows("row 1 of 2")

    browsing(cube, steps)
