"""`browse` on a screen that is no terminal, driven by keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from textual.pilot import Pilot

from h5s3.browse.app import Browse
from h5s3.browse.places.items import starting
from h5s3.explore.session import Session
from h5s3.settings import Settings
from tests.support.hostile import secrecy

QUIET = 3  # looks at a screen on which nothing is under way
SECONDS = 30.0  # until a screen that is waited for must be there


@dataclass
class Screen:
    """A running application."""

    app: Browse
    pilot: Pilot[int]

    @property
    def text(self) -> str:
        """All lines of the screen."""
        lines = [strip.text for strip in self.app.screen._compositor.render_strips()]
        text = "\n".join(line.rstrip() for line in lines)
        secrecy.kept(text)
        return text

    async def press(self, *keys: str) -> str:
        """Press keys, each after the work of the one before; `=text` is typed in. Gives the screen."""
        for key in keys:
            if key.startswith("="):
                self.app.prompt.typed.value = key[1:]
                await self.pilot.press("enter")
            else:
                await self.pilot.press(key)
            await self.settled()
        return self.text

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        begun, quiet = time.monotonic(), 0
        await self.pilot.pause()
        while quiet < QUIET:  # an answer that is on its way may lead to the next question
            assert time.monotonic() - begun < SECONDS, self.text
            await self.pilot.pause(0.005)
            quiet = 0 if self.app.busy else quiet + 1

    async def rests(self) -> None:
        """Wait until nothing is read in idle time either."""
        begun, lanes = time.monotonic(), self.app.lanes
        while lanes._waiting or lanes.under_way():  # in this order: those that wait become those that run
            assert time.monotonic() - begun < SECONDS, self.text
            await self.pilot.pause(0.01)
        await self.settled()

    async def shows(self, text: str) -> None:
        """Wait until a text is on the screen."""
        begun = time.monotonic()
        while text not in self.text:
            assert time.monotonic() - begun < SECONDS, self.text
            await self.pilot.pause(0.02)


def browsing(
    place: str | Path,
    steps: Callable[[Screen], Coroutine[Any, Any, None]],
    size: tuple[int, int] = (100, 30),
    session: Session | None = None,
    unicode: bool = True,
    **settings: Any,
) -> Browse:
    """Run the application at a place, while keys are pressed and looked at what they do."""

    async def run() -> Browse:
        with (
            mock.patch("h5s3.browse.frame.SETTLED", 0.01),
            session or Session(Settings(no_cache=True, **settings)) as opened,
        ):
            app = Browse(opened, starting(opened, opened.location(place)), unicode)
            try:
                async with app.run_test(size=size) as pilot:
                    screen = Screen(app, pilot)
                    await screen.settled()
                    await steps(screen)
            finally:
                app.lanes.close()
            return app

    return asyncio.run(run())
