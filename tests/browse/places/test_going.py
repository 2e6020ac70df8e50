"""Ways to a place: typed, with all that may follow; found; by keys that come all at once."""

from __future__ import annotations

import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from textual.events import Key

from h5s3.browse.lanes import Question
from h5s3.browse.places import going
from h5s3.browse.places.items import Item
from h5s3.browse.places.naming import folders_of, is_relative
from h5s3.explore.completion.remembered import Names
from h5s3.storage.location import Location
from tests.browse.screen import Screen, browsing


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "run.h5", "w") as file:
        for number in range(40):
            file[f"entry/sensor_{number:02}"] = number
        file["entry/deep/down/counts"] = [1, 2, 3]
        file["entry/se\x1b[31m"] = 1
        file["energy"] = 2
        file["x"] = 1
    return tmp_path / "run.h5"


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_all_that_may_follow_is_shown_and_gone_through(file: Path, size: tuple[int, int]) -> None:
    async def steps(screen: Screen) -> None:
        typed = screen.app.prompt.typed
        text = await screen.press("g", *"/en")
        assert "energy  entry/" in text and typed.value == "/en"
        await screen.press("tab")
        assert typed.value == "/energy"
        await screen.press("tab", "tab", "shift+tab")
        assert typed.value == "/entry/" and "energy  entry/" in screen.text
        text = await screen.press("right")
        assert "sensor_00  sensor_01" in text and "\x1b" not in text and "deep/" in text
        text = await screen.press(*"de", "tab")
        assert typed.value == "/entry/deep/" and "down/" in text  # the only one: what is below it
        await screen.press("tab", "tab")
        assert typed.value == "/entry/deep/down/counts"
        assert "deep" in await screen.press("enter") and screen.app.item.path == "/entry/deep/down/counts"
        assert not screen.app.prompt.choices.display
        lines = (await screen.press("g", *"/entry/s")).splitlines()
        assert len(lines) == size[1] and max(map(len, lines)) <= size[0]
        shown = sum("sensor_" in line for line in lines)
        assert "1-35 of 40" in lines[-2] if size[0] == 80 else shown >= 2
        for _ in range(37):
            screen.app.post_message(Key("tab", None))
        await screen.settled()
        assert typed.value == "/entry/sensor_36" and "sensor_39" in screen.text
        await screen.press("escape")
        assert not screen.app.prompt.choices.display

    browsing(file, steps, size=size)


def test_tab_waits_for_what_is_asked(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        for key in ("g", *"/entry/dee", "tab"):
            screen.app.post_message(Key(key, key if len(key) == 1 else None))
        await screen.settled()
        assert screen.app.prompt.typed.value == "/entry/deep/"

    browsing(file, steps)


def test_keys_behind_enter_in_the_list_of_matches_are_for_the_match(file: Path) -> None:
    """None is lost, and none acts on the row where the cursor was before."""

    async def steps(screen: Screen) -> None:
        await screen.press("j", "f", "=counts")
        await screen.shows("1 found")
        for key in ("enter", "4", "w"):
            screen.app.post_message(Key(key, key if len(key) == 1 else None))
        await screen.settled()
        assert screen.app.prompt.open and "write" in screen.text and "counts.csv" in screen.text
        await screen.press("escape")
        assert screen.app.item.path == "/entry/deep/down/counts" and screen.app.side.pane == "table"
        await screen.press("tab")
        assert screen.app.side.grid.has_focus
        await screen.press("down")
        await screen.shows("row 1 of 3")
        await screen.press("escape", "f", "=sensor_0?")
        await screen.shows("10 found")
        for key in ("j", "j", "q", "k"):  # the list is left; the tree takes the last one
            screen.app.post_message(Key(key, key if len(key) == 1 else None))
        await screen.settled()
        assert screen.app.item.path == "/entry/deep/down" and len(screen.app.screen_stack) == 1

    browsing(file, steps)


@pytest.mark.slow
def test_escape_shows_all_names_again_and_the_cursor_is_where_it_was(file: Path) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("j", "j", "enter", *"jjj")
        at = screen.app.item.path
        text = await screen.press("slash", "=wave")
        assert "no name of 45 loaded with wave; Esc shows all" in text and "sensor_00" not in text
        text = await screen.press("escape")
        assert "sensor_00" in text and "Esc" not in text and screen.app.item.path == at
        await screen.press("slash", "=sensor_07", *"jj")  # now it is moved
        assert screen.app.item.path == "/entry/sensor_07"
        await screen.press("tab", "escape")
        assert screen.app.outline.filter == "sensor_07"
        await screen.press("escape")
        assert screen.app.outline.filter == "" and screen.app.item.path == "/entry/sensor_07"
        await screen.press("slash", *"zz", "escape")  # given up while it is typed
        assert screen.app.item.path == "/entry/sensor_07" and "sensor_08" in screen.text

    browsing(file, steps, size=(80, 24))


@pytest.mark.slow
def test_names_that_are_on_the_screen_can_be_typed(file: Path) -> None:
    """Of what is in the group under the cursor, or beside it, in the file or the folder."""
    with h5py.File(file.parent / "other.h5", "w") as other:
        other["only"] = 1

    async def steps(screen: Screen) -> None:
        await screen.press("g", "=/entry", "g", *"de", "tab", "tab")
        assert screen.app.prompt.typed.value == "deep/down/"
        await screen.press("enter")
        assert screen.app.item.path == "/entry/deep/down"
        await screen.press("g", "=counts", "g", "=counts")
        assert screen.app.item.path == "/entry/deep/down/counts"
        assert "no nowhere here, and none beside it" in await screen.press("g", "=nowhere")
        assert screen.app.item.path == "/entry/deep/down/counts"
        await screen.press("g", "=other.h5/only")
        assert screen.app.item.location.name == "other.h5" and screen.app.item.path == "/only"

    browsing(file, steps)


@pytest.mark.parametrize(("item", "folders"), [
    (Item("account", "s3://", Location("s3", "")), ["s3://"]),
    (Item("bucket", "b", Location("s3", "", "b")), ["s3://b/"]),
    (Item("prefix", "p", Location("s3", "a/p/", "b")), ["s3://b/a/p/", "s3://b/a/"]),
    (Item("file", "x.h5", Location("s3", "x.h5", "b")), ["s3://b/"]),
    (Item("node", "n", Location("s3", "a/x.h5", "b"), "/g/n"), ["s3://b/a/"]),
    (Item("file", "x.h5", Location("web", "https://h/x.h5")), []),
])  # fmt: skip
def test_where_a_name_may_stand(item: Item, folders: list[str]) -> None:
    assert folders_of(item) == folders
    assert is_relative("x.h5", item) and not is_relative("s3://b/x.h5", item)
    assert is_relative("/x.h5", item) == (not item.inside)


@pytest.mark.slow
def test_what_is_opened_or_gone_to_is_in_sight_with_what_is_beside_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "many.h5", "w") as file:
        for number in range(9):
            file[f"g{number}/a_rather_long_name"] = np.zeros((60, 256, 256), "i1")
            file[f"g{number}/a_longer_name_and"] = np.zeros((60, 256, 256), "i1")

    async def steps(screen: Screen) -> None:
        text = await screen.press(*"jjjjjjjjj", "enter")
        assert "a_rather_long_name" in text and "▾ g8" in text
        assert "60 × 256 × 256" not in text and " 60 " not in text  # there is no room beside the scroll bar
        lines = (await screen.press("g", "=/g3/a_rather_long_name")).splitlines()[1:-1]
        (at,) = [number for number, line in enumerate(lines) if "a_rather" in line and "g8" not in line][:1]
        assert 0 < at < len(lines) - 2 and "▾ g3" in "".join(lines) and "▸ g5" in "".join(lines)

    browsing(tmp_path / "many.h5", steps, size=(80, 12))


def test_both_neighbours_are_read_ahead(file: Path) -> None:
    """The one in the direction of the cursor first, both within the budget."""
    asked: list[tuple[str, str]] = []

    async def steps(screen: Screen) -> None:
        lanes = screen.app.lanes
        real = lanes.ask

        def noted(question: Question) -> None:
            if question.idle:
                asked.append((question.group, question.what))
            real(question)

        lanes.ask = noted  # type: ignore[method-assign]
        for key in "jjk":
            screen.app.side.answers.forget()
            await screen.press(key)

    browsing(file, steps)
    beside = [(group.split()[1], what.split()[1]) for group, what in asked if group.startswith("item")]
    assert beside == [
        *(("ahead", "/entry"), ("behind", "/")),
        *(("ahead", "/x"), ("behind", "/energy")),
        *(("ahead", "/"), ("behind", "/entry")),
    ]


def test_names_are_dropped_with_the_question(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(going, "children", lambda *asked: gate.wait(30) and Names([]))

    async def steps(screen: Screen) -> None:
        def groups() -> list[str]:
            return [one.group for one in screen.app.lanes.under_way()]

        for key in ("g", "/"):
            screen.app.post_message(Key(key, key))
        while "complete" not in groups():
            await screen.pilot.pause(0.01)
        await screen.pilot.press("escape")
        assert "complete" not in groups()
        gate.set()

    browsing(file, steps)
