"""`browse` on a server that is slow, or goes away and comes back; and the files of the demo."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.storage.stores.s3 import S3Store
from tests.browse import pictures
from tests.browse.screen import Screen, browsing
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(samples: Path) -> Iterator[S3Server]:
    with rclone_server(samples) as server:
        yield server


@pytest.fixture
def here(demo: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the demo's server, which the environment leads to."""
    with Proxy(demo) as proxy:
        for name, value in demo.at(proxy.url).env().items():
            monkeypatch.setenv(name, value)
        yield proxy


def test_names_without_their_bucket_and_a_bucket_that_is_not_there(here: Proxy) -> None:
    async def steps(screen: Screen) -> None:
        text = await screen.press("g", *"scan", "tab", "enter")
        assert screen.app.item.location.display == "s3://demo/scan_0042.nxs" and "superblock" in text
        text = await screen.press("g", "=s3://nobucket/")
        assert "no such bucket" in text and "▸ climate_2024.nc" in text and "scan_0042.nxs" in text
        text = await screen.press("g", "=s3://demo/nothing/")
        assert "nothing is below s3://demo/nothing/" in text and "▸ climate_2024.nc" in text
        await screen.press("g", *"/arch", "tab", "enter")  # at a file: what is beside it, or in it
        assert screen.app.item.location.display == "s3://demo/archive_10k.h5"
        await screen.press("g", *"/ca", "tab", "enter")
        assert screen.app.item.path == "/catalog"
        await screen.press("g", "=s3://demo/scan_0042.nxs", "g", *"/entry/t", "tab")
        assert screen.app.prompt.typed.value.startswith("/entry/t") and "title" in screen.text
        text = await screen.press("=/entry/no/deeper")
        assert "no /entry/no in the file (asked: /entry/no/deeper), and none beside it" in text
        assert "no /nothing.h5 in the file, and none beside it" in await screen.press("g", "=/nothing.h5")
        await screen.press("home", "g", "=/climate_2024.nc/t2m")
        assert screen.app.item.path == "/t2m"

    browsing("s3://demo/", steps)


def test_a_new_user_reaches_five_values(here: Proxy, samples: Path) -> None:
    """Told only where to begin: arrows, Enter, and what the screen says."""
    with h5py.File(samples / "demo" / "climate_2024.nc") as file:
        lat = file["lat"][3]
    with h5py.File(samples / "demo" / "scan_0042.nxs") as file:
        total = file["entry/data/total_counts"][2]
        title = file["entry/title"][()].decode()

    async def steps(screen: Screen) -> None:
        text = await screen.press("down", "down", "right")
        assert "t2m  36 × 181 × 360  int16" in text  # the shape of the temperatures
        await screen.press("down", "down", "enter", "down", "down", "down")
        assert repr(float(lat)) in screen.text.splitlines()[-1]
        text = await screen.press("escape", "6")
        assert "degrees_north" in text  # what they are measured in
        text = await screen.press(
            "g", "=s3://demo/scan_0042.nxs /entry/data/total_counts", "4", "tab", *["down"] * 2
        )
        assert str(int(total)) in text.splitlines()[-1]
        await screen.press("escape", "f", "=title", "enter")
        assert title[:20] in screen.text or title[:20] in await screen.press("2")

    browsing("s3://demo/", steps, size=(110, 30))


def test_a_server_that_is_lost_and_comes_back(here: Proxy) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("down", "down", "right")
        fault = here.fault("status", status=403)
        text = await screen.press("down", "r")
        assert "r asks again" in text and fault.hits and "t2m" in text  # the tree stays
        text = await screen.press("up", "up", "right", "r")  # what was seen before is here still
        assert "denied" in text or "403" in text or "r asks again" in text
        here.clear()
        text = await screen.press("r")
        assert "r asks again" not in text
        assert "events" in (text := await screen.press("left", "right")), text

    browsing("s3://demo/", steps, size=(110, 30))


def test_keys_answer_while_a_slow_server_delivers(here: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread but those of the lanes waits for the wire, and the cursor moves meanwhile."""
    threads, answering = set[str](), threading.Event()
    for name in ("head", "first", "get_ranges"):
        real = getattr(S3Store, name)

        def noted(self: Any, *args: Any, real: Any = real, **named: Any) -> Any:
            threads.add(threading.current_thread().name)
            return real(self, *args, **named)

        monkeypatch.setattr(S3Store, name, noted)

    async def steps(screen: Screen) -> None:
        before = len(here.requests)
        here.delay, here.wait = 20, answering.wait
        await screen.pilot.press("down", "right")
        await screen.shows("reading")
        for _ in range(3):
            await screen.pilot.press("down")
        assert screen.app.tree_view.cursor == 4 and "paged_run.h5" in screen.text.splitlines()[0]
        assert screen.app.lanes.under_way() and len(here.requests) - before < 20
        here.delay = 0.0
        answering.set()
        await screen.settled()
        assert "catalog" in screen.text and "superblock" in screen.text

    browsing("s3://demo/", steps, size=(110, 30))
    threads.discard(
        threading.main_thread().name
    )  # which asked what the location is, before the screen was there
    assert threads and all(name.startswith("h5s3-browse") for name in threads)


def test_ten_thousand_children_by_pages(here: Proxy) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("g", "=s3://demo/archive_10k.h5 /events", "right")
        assert len(screen.app.outline.shown) < 2000
        assert "ev_0" in screen.text
        text = await screen.press("end")
        assert len(screen.app.outline.shown) > 10_000 and "ev_09999  " in text

    browsing("s3://demo/archive_10k.h5", steps, size=(110, 30))


def test_what_is_read_ahead_stays_within_its_budget(here: Proxy) -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("down", "b", "=0", "down", "down")
        await screen.rests()
        spent, asked = screen.app.lanes.ahead_bytes, len(here.requests)
        await screen.pilot.pause(0.3)
        assert len(here.requests) == asked and "ahead" in screen.text and "of 0" in screen.text
        await screen.press("b", "=8M", "down")
        await screen.rests()
        assert screen.app.lanes.ahead_bytes > spent
        requests = len(here.requests)
        await screen.press("right")  # what is below it is here already
        assert screen.app.tree_view.row.fetched and len(here.requests) == requests

    browsing("s3://demo/", steps, size=(130, 30))


@pytest.mark.parametrize("name", ["browse-map.svg", "browse-find.svg"])
def test_pictures_are_of_what_they_are_called(here: Proxy, demo: S3Server, tmp_path: Path, name: str) -> None:
    made = pictures.picture({**demo.env(), "H5S3_CACHE_DIR": str(tmp_path)}, pictures.SCREENS[name])
    shown = {
        "browse-meta.svg": "scale_factor",
        "browse-map.svg": "degrees_north",
        "browse-table.svg": "magnitude",
        "browse-line.svg": "877404 counts   [37]",
        "browse-find.svg": "/events/ev_00427",
    }[name]
    for text in (made, (pictures.EXAMPLES / name).read_text()):
        assert text.startswith("<svg") and shown in text.replace("&#160;", " ")


def test_a_group_of_many_children_is_scrolled(tmp_path: Path) -> None:
    """Rows that are shown are drawn, and no others: moving through 100,000 takes no longer."""
    with h5py.File(tmp_path / "many.h5", "w", libver="latest") as file:
        group = file.create_group("many")
        for number in range(20_000):
            group[f"{number:05}"] = h5py.SoftLink("/x")
        file["x"] = np.arange(3)

    async def steps(screen: Screen) -> None:
        await screen.press("down", "right")
        assert len(screen.app.outline.shown) < 3_000
        text = await screen.press("end")
        assert "x  3  int64" in text and len(screen.app.outline.shown) < 3_000  # below "more"
        for _ in range(60):
            if not any(row.more for row in screen.app.outline.shown):
                break
            screen.app.tree_view.move_to(len(screen.app.outline.shown) - 2)
            await screen.settled()
        assert len(screen.app.outline.shown) == 20_003
        assert "19999" in await screen.press("end", "up")

    browsing(tmp_path / "many.h5", steps)
