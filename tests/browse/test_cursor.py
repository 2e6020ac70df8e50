"""The cursor in a plot: exact values, whatever the plot shows."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.browse import cursor
from h5s3.explore.preview.exact.point import PointRequest, point
from h5s3.records import Point
from h5s3.render.screen.digits import float_text
from tests.browse.screen import Screen, browsing
from tests.support.cli import run

RANDOM = np.random.default_rng(17)


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("values") / "values.h5"
    with h5py.File(path, "w") as file:
        line = RANDOM.random(500).astype("f4")
        line[7] = np.nan
        file["a_line"] = line
        cube = RANDOM.normal(size=(6, 90, 120))
        file.create_dataset("b_cube", data=cube, chunks=(1, 30, 40), compression="gzip")
        long = RANDOM.normal(size=1_000_000).astype("f4")
        long[123_456] = 99
        file.create_dataset("c_long", data=long, chunks=(50_000,))
        packed = np.arange(40, dtype="i2")
        packed[5] = -1
        file["d_packed"] = packed
        for name, value in {"scale_factor": 0.5, "add_offset": 10.0, "_FillValue": np.int16(-1)}.items():
            file["d_packed"].attrs[name] = value
        file["d_packed"].attrs["units"] = "K"
    return path


def stored(path: Path, name: str) -> Any:
    """All values of a dataset, as h5py reads them."""
    with h5py.File(path) as file:
        return file[name][()]


def status(screen: Screen) -> str:
    """The message in the last lines."""
    return " ".join(screen.app.told.split())


def told(screen: Screen) -> tuple[str, tuple[int, ...]]:
    """The value and the indices that the status tells."""
    found = re.match(r"(\S+).*? \[([0-9,]+)\]", status(screen))
    assert found, screen.text
    return found[1], tuple(map(int, found[2].split(",")))


def check(screen: Screen, expected: Any) -> None:
    """What is told of the place of the cursor is what is there."""
    text, at = told(screen)
    assert text == (str(expected[at]) if np.isfinite(expected[at]) else "NaN"), screen.text


@pytest.mark.slow
def test_values_under_the_cursor_of_a_line(values: Path) -> None:
    line = stored(values, "a_line")

    async def steps(screen: Screen) -> None:
        await screen.press("j", "3", "i")
        for key in ("right", "left", "shift+right", "pageup", "home", "end"):
            await screen.press(key)
            check(screen, line)
        await screen.press("home", "right", "right")
        assert "this cell" in status(screen)
        await screen.press("plus", "plus", "plus", "plus", "home")
        assert "this cell" not in status(screen)
        seen = {told(screen)[1][0]}
        for _ in range(10):
            await screen.press("right")
            check(screen, line)
            seen.add(told(screen)[1][0])
        assert 7 in seen and len(seen) == 11
        await screen.press("escape")
        assert status(screen) == "" and screen.app.side.drawing.has_focus

    browsing(values, steps)


@pytest.mark.slow
def test_values_under_the_cursor_of_a_frame(values: Path) -> None:
    """Also in another frame, closer, by the mouse, and where a cell stands for several."""
    cube = stored(values, "b_cube")

    async def steps(screen: Screen) -> None:
        await screen.press("j", "j", "3", "i")
        check(screen, cube)
        assert told(screen)[1][0] == 3
        await screen.press("right_square_bracket", "down", "down", "right", "shift+left")
        check(screen, cube)
        frame, row, column = told(screen)[1]
        assert frame == 4
        await screen.press("plus", "plus")
        assert told(screen)[1] == (frame, row, column) and f"[{frame}," in screen.text
        check(screen, cube)
        for keys in (("down",) * 3, ("pageup",), ("L",), ("home",), ("end",)):
            await screen.press(*keys)
            check(screen, cube)
        await screen.press("minus", "minus", "minus")
        drawing = screen.app.side.drawing
        await screen.pilot.click(drawing, offset=(drawing.canvas.left + 5, drawing.canvas.top + 9))
        await screen.settled()
        check(screen, cube)
        low, high = (float(text) for text in re.findall(r"(?:low|high)est (\S+)", status(screen)))
        part = re.search(r"this cell: ([0-9,]+) values ([0-9:]+),([0-9:]+):", status(screen))
        assert part, status(screen)
        rows, columns = (slice(*map(int, text.split(":"))) for text in part.groups()[1:])
        assert (low, high) == (cube[4, rows, columns].min(), cube[4, rows, columns].max())
        assert repr(high) in screen.text and repr(low) in screen.text  # however long that is

    browsing(values, steps, size=(80, 24))


@pytest.mark.slow
def test_extremes_below_the_cursor_of_a_long_line(values: Path) -> None:
    """A peak among very many samples is told with its index; on a logarithmic scale too."""
    long = stored(values, "c_long")

    async def steps(screen: Screen) -> None:
        await screen.press("j", "j", "j", "3", "i", "home", "l")
        while told(screen)[1][0] < 123_456:
            await screen.press("right")
            check(screen, long)
        await screen.press("left")
        assert "highest 99.0 [123456]" in status(screen)
        await screen.press(*["plus"] * 15)
        check(screen, long)
        assert "this cell" not in status(screen)

    browsing(values, steps, size=(120, 30))


def test_digits_that_mean_something() -> None:
    single = float(np.float32(-3.7150342))
    assert [float_text(single, "float32"), float_text(single)] == ["-3.7150342", "-3.715034246444702"]
    packed = 1808 * 0.01 + 273.15
    assert [float_text(packed), float_text(packed, "packed")] == ["291.22999999999996", "291.23"]
    assert float_text(float(np.float16(0.1)), "float16") == "0.1" and float_text(12.0, "packed") == "12.0"
    for value in RANDOM.normal(size=100).astype("f4"):
        assert np.float32(float_text(float(value), "float32")) == value


def test_what_stored_numbers_mean_below_the_cursor(values: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press(*"jjjj3i", "home", *["right"] * 4)
        assert status(screen).startswith("12.0 K (stored 4) [4]")
        assert (await screen.press("right")) and status(screen).startswith("fill (stored -1) [5]")

    browsing(values, steps, size=(120, 30))


@pytest.mark.slow
def test_moving_on_drops_a_value_that_is_on_its_way(values: Path) -> None:
    """The place is told at once; a value that comes late is not told of another place."""
    line, held, asked = stored(values, "a_line"), threading.Event(), []

    def slow(session: Any, location: Any, asking: PointRequest) -> Point:
        asked.append(asking.at)
        if len(asked) == 1:
            held.wait(20)
        return point(session, location, asking)

    async def steps(screen: Screen) -> None:
        await screen.press("j", "3")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cursor, "point", slow)
            await screen.pilot.press("i")
            await screen.pilot.pause()
            assert re.match(r"… \[[0-9]+\] this cell: ", status(screen))
            await screen.pilot.press("right", "right")
            while status(screen).startswith("…"):
                await screen.pilot.pause(0.01)
            check(screen, line)
            told_before = status(screen)
            held.set()
            await screen.settled()
        assert status(screen) == told_before and len(asked) >= 2
        at = str(told(screen)[1][0])
        assert at in asked and at != asked[0]

    browsing(values, steps)


@pytest.mark.slow
def test_values_of_what_is_drawn_from_an_overview(tmp_path: Path) -> None:
    """The values are those of the array itself, not of its overview; closer it is drawn itself."""
    pytest.importorskip("zarr")
    line = RANDOM.normal(size=2_000_000).astype("f4")
    line[1_234_567] = 99
    with h5py.File(tmp_path / "line.h5", "w") as file:
        file.create_dataset("line", data=line, chunks=(50_000,))
    assert run("convert", tmp_path / "line.h5", "-o", tmp_path / "line.zarr", "--overviews").code == 0

    async def steps(screen: Screen) -> None:
        await screen.press("j", "3", "i", "home")
        assert "from an overview" in screen.text
        check(screen, line)
        while "99.0 [1234567]" not in status(screen):
            await screen.press("right")
            check(screen, line)
        await screen.press(*["plus"] * 8)
        assert "from an overview" not in screen.text
        check(screen, line)

    browsing(tmp_path / "line.zarr", steps, size=(120, 30))
