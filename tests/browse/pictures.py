"""Screens of `browse` over the demo's files, as SVG: `python -m tests.browse.pictures` writes them."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from unittest import mock

from h5s3.browse.app import Browse
from h5s3.browse.places.items import starting
from h5s3.demo.samples import make_samples
from h5s3.demo.server import serve
from h5s3.explore.session import Session
from h5s3.settings import from_environment
from tests.browse.screen import Screen
from tests.support import ROOT

EXAMPLES = ROOT / "examples"
SIZE = (100, 30)
SCREENS: dict[str, tuple[str, ...]] = {
    "browse-meta.svg": ("j", "j", "enter", "j", "j", "j", "j"),
    "browse-map.svg": ("g", "=s3://demo/climate_2024.nc /t2m", "3", *["right_square_bracket"] * 2),
    "browse-table.svg": (
        "g",
        "=s3://demo/archive_10k.h5 /catalog/events",
        "4",
        "tab",
        "down",
        "down",
        "right",
    ),
    "browse-line.svg": (
        "g",
        "=s3://demo/scan_0042.nxs /entry/data/total_counts",
        "3",
        "plus",
        "i",
        "shift+right",
        *["left"] * 3,
    ),
    "browse-find.svg": ("j", "f", "=ev_0042"),
}


@contextmanager
def colours() -> Iterator[None]:
    """A terminal of 24-bit colours, whatever this one is."""
    with mock.patch.dict(os.environ, {"COLORTERM": "truecolor", "TERM": "xterm-256color"}):
        os.environ.pop("NO_COLOR", None)
        with mock.patch("textual.constants.COLOR_SYSTEM", "truecolor"):
            yield


def picture(environment: dict[str, str], keys: tuple[str, ...]) -> str:
    """The screen after these keys, as SVG without what varies."""

    async def run() -> str:
        with colours(), mock.patch.dict(os.environ, environment), Session(from_environment()) as session:
            app = Browse(session, starting(session, session.location("s3://demo/")))
            try:
                async with app.run_test(size=SIZE) as pilot:
                    screen = Screen(app, pilot)
                    await screen.settled()
                    await screen.press(*keys)
                    app.lanes.ahead_budget = 0
                    with mock.patch("h5s3.browse.widgets.status.receipt_text", lambda *_: ""):
                        app.status.refresh()
                        await pilot.pause()
                        return app.export_screenshot(title="h5s3 browse s3://demo/", simplify=True)
            finally:
                app.lanes.close()

    return re.sub(f"{date.today()}T[0-9:.+]+", "2026-01-01T00:00:00+00:00", asyncio.run(run()))


def main() -> None:
    """Write all of them."""
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as cache:
        make_samples(Path(made) / "demo")
        with serve(Path(made)) as server:
            for name, keys in SCREENS.items():
                (EXAMPLES / name).write_text(picture({**server.env(), "H5S3_CACHE_DIR": cache}, keys))


if __name__ == "__main__":
    main()
