"""`browse`, driven by keys: what stands on the screen is what the other commands say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import pytest

from h5s3.browse.lanes import Question
from h5s3.browse.places.children import Children, Page
from h5s3.explore import tree as trees
from h5s3.explore.session import Session
from h5s3.storage.stores import local
from tests.browse.screen import Screen, browsing

Steps = Callable[[Screen], Coroutine[Any, Any, None]]


@pytest.fixture
def steps_of(tmp_path: Path) -> Iterator[Path]:
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["entry/counts"] = [[1, 2, 3], [4, 5, 6]]
        file["entry/counts"].attrs["units"] = "photons"
        file["entry/line"] = [float(n) for n in range(50)]
        file["entry/\x1b[31mred"] = 1
        file.create_group("nothing")
    (tmp_path / "notes.txt").write_text("no HDF5")
    yield tmp_path


@pytest.mark.slow
def test_from_a_folder_to_values_and_back(steps_of: Path) -> None:
    async def steps(screen: Screen) -> None:
        assert "run.h5" in screen.text and "notes.txt" in screen.text
        text = await screen.press("j", "j", "enter", "j", "right")
        assert "› run.h5 › entry" in text and "group" in text and "counts" in text
        text = await screen.press("j", "j")  # behind the one that begins with an escape
        assert "counts" in text and "int64" in text and "contiguous" in text
        assert "row 0 of 2" in await screen.press("enter")
        text = await screen.press("escape", "2")
        assert "min 1" in text and "max 6" in text and "mean 3.5" in text
        text = await screen.press("6")
        assert "units" in text and "photons" in text
        text = await screen.press("n", "3")
        assert "line [0:50]" in text and "┤" in text
        text = await screen.press("p", "5")
        assert "layout" in text
        text = await screen.press("h", "h")
        assert "counts" not in text.split("1 meta")[0] and "\x1b" not in text
        text = await screen.press("backspace", "backspace")
        assert steps_of.parent.name in text and f"▸ {steps_of.name}" in text.replace("▾", "▸")

    browsing(steps_of, steps)


def test_names_are_safe_and_what_is_no_file_says_so(steps_of: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.pilot.press("j")
        await screen.shows("signature")  # a word: where lines end depends on the length of the path
        await screen.shows("r asks again")
        await screen.pilot.press("enter")
        await screen.shows("    not an HDF5 file")
        await screen.press("end", "enter", "j", "enter", "j")
        await screen.shows("\\x1b[31mred")
        assert "\x1b" not in screen.text

    browsing(steps_of, steps, size=(80, 24))


@pytest.mark.slow
def test_without_colours_characters_draw(steps_of: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(screen: Screen) -> None:
        text = await screen.press("g", "=/entry/counts", "3")
        assert "░" in text and "█" in text and "▀" not in text

    browsing(steps_of / "run.h5", steps)


def test_all_reading_happens_elsewhere(steps_of: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No question is asked and no byte is read by the thread that draws."""
    threads = set()

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            threads.add(threading.current_thread().name)
            return function(*args, **named)

        return call

    monkeypatch.setattr(local.LocalStore, "get_ranges", noted(local.LocalStore.get_ranges))
    monkeypatch.setattr(local.LocalStore, "list", noted(local.LocalStore.list))
    monkeypatch.setattr(trees.Session, "read", noted(trees.Session.read))

    async def steps(screen: Screen) -> None:
        threads.clear()  # of what was asked before the screen was there
        await screen.press("j", "j", "enter", "j", "enter", "j", "2", "3", "4", "5", "6", "r")

    browsing(steps_of, steps)
    assert threads == {"h5s3-browse"}


def test_a_later_place_drops_the_earlier_question(steps_of: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pane shows what is under the cursor, whatever is answered meanwhile; keys work all the time."""
    going, asked = threading.Event(), []
    real = trees.Session.answer

    def slow(self: Any, kind: Any, location: Any, request: Any, question: Any) -> Any:
        asked.append(request.path)
        if request.path == "/entry" and kind.__name__ == "Meta":
            going.wait(20)
        return real(self, kind, location, request, question)

    async def steps(screen: Screen) -> None:
        screen.app.lanes.ahead_budget = 0
        await screen.press("j", "j", "enter")
        monkeypatch.setattr(trees.Session, "answer", slow)
        await screen.pilot.press("j")
        await screen.shows("reading meta /entry")
        await screen.pilot.press("j")
        await screen.shows("/nothing  group")
        going.set()
        await screen.settled()
        assert "/nothing  group" in screen.text and asked.count("/entry") == 1

    browsing(steps_of, steps)


@pytest.mark.slow
def test_a_file_that_goes_away_and_comes_back(steps_of: Path) -> None:
    path = steps_of / "run.h5"
    data = path.read_bytes()

    async def steps(screen: Screen) -> None:
        await screen.press("j", "j", "enter")
        path.unlink()
        text = await screen.press("j", "r")
        assert "no such file" in text and "r asks again" in text
        path.write_bytes(data)
        text = await screen.press("r")
        assert "/entry  group" in text and "no such file" not in text

    browsing(steps_of, steps)


@pytest.mark.slow
def test_a_row_that_failed_is_renewed_with_its_pane(steps_of: Path) -> None:
    path = steps_of / "run.h5"
    data = path.read_bytes()

    async def steps(screen: Screen) -> None:
        screen.app.lanes.ahead_budget = 0
        await screen.press("j", "j")
        path.write_bytes(b"gone")
        text = await screen.press("r", "enter")
        assert "    not an HDF5" in text
        path.write_bytes(data)
        text = await screen.press("r")
        assert "    not an HDF5" not in text and "nothing" in text and "1 superblock" not in text

    browsing(steps_of, steps)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_a_plot_fills_its_pane_and_is_drawn_again_for_another_size(
    steps_of: Path, size: tuple[int, int]
) -> None:
    async def steps(screen: Screen) -> None:
        text = await screen.press("j", "enter", "j", "j", "j", "3")
        lines = text.splitlines()
        assert len(lines) == size[1] and "dimension 0" in lines[-2]
        assert max(map(len, lines)) <= size[0] and len(lines[10]) > size[0] * 0.5
        await screen.pilot.resize_terminal(120, 40)
        await screen.settled()
        assert "dimension 0" in screen.text.splitlines()[-2]
        text = await screen.press("z")
        assert "▾" not in text and "line [0:50]" in text
        assert "▾" in await screen.press("escape")

    browsing(steps_of / "run.h5", steps, size)


@pytest.mark.slow
def test_help_and_leaving(steps_of: Path) -> None:
    async def steps(screen: Screen) -> None:
        assert "Backspace" in await screen.press("question_mark")
        assert "Backspace" not in await screen.press("escape")
        await screen.pilot.press("q")

    assert browsing(steps_of, steps).return_value == 0


@pytest.mark.slow
def test_enter_is_not_lost_while_children_are_read(steps_of: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked for once, and the cursor goes to the first one when they are there."""
    held, real, asked = threading.Event(), Children.next, list[str]()

    def next_page(self: Children, session: Session) -> Page:
        asked.append(self._item.path)
        assert held.wait(20)
        return real(self, session)

    async def steps(screen: Screen) -> None:
        await screen.press("j", "j")
        screen.app.lanes.drop("children ahead")
        screen.app.lanes.ahead_budget = 0
        monkeypatch.setattr(Children, "next", next_page)
        row = screen.app.tree_view.row
        row.ahead = None
        asked.clear()
        await screen.pilot.press("enter", "enter", "right")
        held.set()
        await screen.settled()
        assert screen.app.tree_view.row.parent is row and screen.app.tree_view.row.number == 0
        assert len(asked) == 1

    browsing(steps_of, steps)


def test_matches_that_come_at_once_are_all_shown(steps_of: Path) -> None:
    """A search may be over before there is a screen for what it finds."""

    async def steps(screen: Screen) -> None:
        ask = screen.app.lanes.ask

        def at_once(question: Question) -> None:
            if question.group == "find":
                question.work(screen.app.session)
                question.work = lambda session: None
            ask(question)

        with mock.patch.object(screen.app.lanes, "ask", at_once):
            await screen.press("f", "=line")
        assert "1 found: line" in screen.text and "float64" in screen.text

    browsing(steps_of / "run.h5", steps)


def test_keys_that_have_nothing_to_do_say_so(steps_of: Path) -> None:
    async def steps(screen: Screen) -> None:
        assert "this is the only tab; q leaves" in await screen.press("x")
        assert "this is the only tab; t opens another one" in await screen.press("full_stop")
        assert "marked" not in await screen.press("m", "enter")
        assert not screen.app.marks

    browsing(steps_of, steps)


def test_a_question_with_a_wide_name_is_read_whole(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "日本語.h5", "w") as file:
        file["x"] = 1

    async def steps(screen: Screen) -> None:
        assert "find in 日本語.h5 (groups, datasets, links):" in await screen.press("f")

    browsing(tmp_path / "日本語.h5", steps)
