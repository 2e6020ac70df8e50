"""A bar on standard error beside lines that are printed meanwhile, perhaps on the same terminal."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

from h5s3.render.console import stderr
from h5s3.render.diagnostics import Bar, progress

TICK = 0.1  # seconds between looks at the clock
QUIET = 0.3  # seconds without lines after which the bar is shown
HELD = 1.0  # seconds that lines of a pipe wait, so that the bar is seen between them
MOST_HELD = 10_000  # lines that wait


class Turns:
    """Lines and the bar in turns: the bar is erased before lines are printed and comes back once none were
    for a while.

    Who reads a pipe may print on the bar's terminal what it gets (`| grep`, `| tee`). Lines that come all the
    time would leave no time for the bar there: they are printed together, once a second. Where lines go into
    a file, or there is no terminal, each has its own way.
    """

    def __init__(self, kind: str) -> None:
        """`kind` of standard output: `terminal`, `pipe` or `apart`."""
        self._kind = kind
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._bar: Bar | None = None
        self._stack = ExitStack()
        self._latest: tuple[str, float] | None = None  # what the bar is to show
        self._drawn = ("", 0.0)
        self._waiting: list[Callable[[], object]] = []
        self._held = 0  # lines of these
        self._since = 0.0  # when the first of them came
        self._printed = time.monotonic()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="h5s3-bar")
        self._thread.start()

    def show(self, text: str, done: float) -> None:
        """What is being done, and how much is done (0 to 1)."""
        with self._lock:
            self._latest = text, done

    def print(self, lines: Callable[[], object], count: int = 1) -> None:
        """Have so many lines printed, by calling this. Raises what printing raised, now or before."""
        with self._lock:
            self._raise()
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting.append(lines)
            self._held += count
            if self._kind != "pipe" or self._held >= MOST_HELD:
                self._print()
            self._raise()

    def close(self) -> None:
        """Print what waits, and erase the bar for good. Raises as `print`."""
        self._over.set()
        self._thread.join()
        with self._stack:
            self._print()
        self._raise()

    def _run(self) -> None:
        while not self._over.wait(TICK):
            with self._lock:
                now = time.monotonic()
                if self._waiting and now - self._since >= HELD:
                    self._print()
                elif self._latest is not None and (self._kind == "apart" or now - self._printed >= QUIET):
                    self._draw(*self._latest)

    def _draw(self, text: str, done: float) -> None:
        if self._bar is None:  # only now: quick commands import no bar
            self._bar = self._stack.enter_context(progress())
        if self._bar is not None and not _pager():
            self._bar(text, done)
            self._latest, self._drawn = None, (text, done)

    def _print(self) -> None:
        waiting, self._waiting, self._held = self._waiting, [], 0
        if not waiting:
            return
        if self._bar is not None and self._kind != "apart":
            self._bar.hide()
            self._latest = self._latest or self._drawn  # to come back
        try:
            for lines in waiting:
                lines()
        except BaseException as error:  # noqa: BLE001 - raised by whoever prints next
            self._failure = error
        self._printed = time.monotonic()

    def _raise(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure


@contextmanager
def bar_beside_lines() -> Iterator[Turns | None]:
    """Turns of lines and a bar; None where standard error is no terminal."""
    if not stderr().is_terminal:
        yield None
        return
    turns = Turns(_kind())
    try:
        yield turns
    finally:
        turns.close()


def _pager() -> bool:
    """Whether a program that reads our lines has taken over the screen, as `less` does."""
    if termios is None:
        return False
    try:
        return not termios.tcgetattr(sys.stderr.fileno())[3] & termios.ICANON
    except (OSError, ValueError, termios.error):
        return False


def _kind() -> str:
    if sys.stdout.isatty():
        return "terminal"
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        return "pipe"
    return "pipe" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "apart"
