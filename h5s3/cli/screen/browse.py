"""`h5s3 browse`."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cli.options import Following, ObjectPath
from h5s3.cli.process.signals import ended_by_signals, interrupts_call
from h5s3.errors import H5s3Error, UsageError
from h5s3.sizes import parse_size
from h5s3.wanted import Wanted, asking

if TYPE_CHECKING:
    from h5s3.browse.app import Browse

SWITCH = 0.001  # seconds that a thread may compute while others wait
LOADED = 1.0  # seconds after which the screen is there


def browse(
    location: Annotated[
        str,
        typer.Argument(metavar="LOCATION", help="A bucket, a prefix or a file; without it, all buckets."),
    ] = "s3://",
    path: ObjectPath = "/",
    ahead: Annotated[
        str,
        typer.Option(
            "--ahead", metavar="SIZE", help="Read at most this much in idle time, of what is likely next."
        ),
    ] = "32M",
    *,
    common: Following,
) -> None:
    """Look around in a full-screen terminal: buckets, files and what is in them.

    A tree stands on the left, beside it what is known of the place under the cursor: facts, values, a plot,
    what it takes, attributes. Arrows move, Enter opens, 1 to 6 choose what is shown, ? shows all keys, q
    leaves. What is asked, and what it cost, stands in the last line. --timeout is for each question.

    It needs the package textual: pip install 'h5s3[browse]'.

    \b
    Examples:
      h5s3 browse
      h5s3 browse s3://bucket/2024/
      h5s3 browse s3://bucket/scan.nxs /entry/data
    """
    if common.json:
        raise UsageError("browse fills a terminal: it has no --json", hint="try: h5s3 tree LOCATION --json")
    budget = parse_size(ahead)
    with ended_by_signals(), unechoed():
        application = _application()
        from h5s3.browse.places.going import found_item
        from h5s3.browse.places.items import starting
        from h5s3.render.console import can_show_unicode

        with common.session(whole=False) as opened:
            with asking(Wanted(common.timeout)):
                start = starting(opened, opened.location(location))
                if path != "/" and start.kind != "file":
                    place = start.location.display
                    raise UsageError("a PATH is one inside a file, and this is none", location=place)
                goal = found_item(opened, None, path, start) if start.kind == "file" else start
            app = application(opened, start, can_show_unicode())
            app.goal = goal
            app.lanes.seconds = common.timeout
            app.lanes.ahead_budget = budget
            app.error_console.quiet = not common.debug
            threading.Thread(target=be_prompt, daemon=True).start()
            try:
                with interrupts_call(app.interrupt):
                    code = app.run()
            finally:
                app.lanes.close()
            if app.return_code and code is None:
                raise H5s3Error("internal error: it could not go on", hint="--debug shows more")
    if code:
        raise typer.Exit(code)


@contextmanager
def unechoed() -> Iterator[None]:
    """Keys that come before there is a screen, which takes them, leave no trace on the terminal."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    changed = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(number, termios.TCSANOW, changed)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSANOW, before)


def be_prompt() -> None:
    """Let nothing make keys wait: no thread that computes, and no look through all that was loaded, now and
    soon, whether it is garbage, which takes 50 ms."""
    sys.setswitchinterval(SWITCH)
    gc.freeze()
    from h5s3.render.preview import load

    load()
    time.sleep(LOADED)
    gc.freeze()


def _application() -> type[Browse]:
    """The application. Raises `UsageError` where it cannot be shown."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError("browse needs a terminal", hint="h5s3 tree and h5s3 preview write into pipes")
    try:
        from h5s3.browse.app import Browse
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise UsageError("browse needs the package textual", hint="pip install 'h5s3[browse]'") from None
    return Browse
