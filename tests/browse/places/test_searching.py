"""A search tells how far it is, and ends when nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from h5s3.browse.places.items import Item
from h5s3.browse.places.searching import look_for
from h5s3.errors import StoppedError
from h5s3.explore.find import looking
from h5s3.explore.session import Session
from h5s3.settings import Settings
from tests.browse.screen import Screen, browsing

NAMES = 2_500  # more than are told together


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for letter in "abc":
        with h5py.File(tmp_path / f"{letter}.h5", "w") as file:
            file["one"] = 1
    return tmp_path


def search(place: Path, kind: Any, text: str, stopped: Callable[[], bool] = lambda: False) -> list[str]:
    """What is told of a search, last what it says at its end."""
    told: list[str] = []
    with Session(Settings(no_cache=True)) as session:
        item = Item(kind, place.name, session.location(f"{place}/" if kind == "prefix" else place))
        told.append(look_for(session, item, text, lambda items: None, stopped, told.append))
    return told


def test_how_many_objects_of_a_long_file_were_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SMALL", 0)
    with h5py.File(tmp_path / "long.h5", "w", libver="latest") as file:
        for number in range(NAMES):
            file.create_group(f"g{number}")
    *told, end = search(tmp_path / "long.h5", "file", "nowhere")
    counts = [int(words.split()[0].replace(",", "")) for words in told]
    assert counts[-1] == NAMES + 1 and counts == sorted(counts)
    assert end == "among groups, datasets and links, not fields"


def test_how_many_files_were_looked_at(folder: Path) -> None:
    assert search(folder, "prefix", "nowhere")[:-1] == [f"{done} of 3 files" for done in (1, 2, 3)]


def test_a_search_that_finds_nothing_ends_when_nobody_waits_for_it(folder: Path) -> None:
    asked = iter([False, True])
    with pytest.raises(StoppedError):
        search(folder, "prefix", "nowhere", lambda: next(asked))


def test_how_far_it_is_stands_above_the_matches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def slow(*asked: Any) -> str:
        asked[-1]("20,000 looked at")
        goes_on.wait(30)
        return "that is all"

    monkeypatch.setattr("h5s3.browse.app.look_for", slow)

    async def steps(screen: Screen) -> None:
        await screen.pilot.press("f", "x", "enter")
        await screen.shows("0 found: x  20,000 looked at …")
        goes_on.set()
        await screen.shows("0 found: x  that is all")

    browsing(folder / "a.h5", steps)
