"""A command in a terminal of its own: tmux holds the screen, takes keys, and is asked what is shown."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.hostile import secrecy

SECONDS = 30.0  # until a screen that is waited for must be there
EVERY = 0.05  # seconds between looks
# A shell that says how a command ended, and stays. It says so to the terminal, as its title: when that is
# known, all that the command wrote is on the screen.
KEPT = r""""$@"; printf "\033]2;ended %d\007" $?; read -r _"""


@dataclass(frozen=True)
class Terminal:
    """A terminal; `folder` holds the socket of its tmux and nothing else."""

    folder: str

    @property
    def screen(self) -> str:
        """The lines of the screen as they are now, without colours."""
        text = self._told("capture-pane", "-p")
        secrecy.kept(text)
        return text

    @property
    def process(self) -> int:
        """The number of the process that was started."""
        return children(int(self._about("pane_pid")))[0]

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names (`Enter`, `C-u`, `Down` …), all at once."""
        self._told("send-keys", *names)

    def typed(self, text: str) -> None:
        """Type a text."""
        self._told("send-keys", "-l", text)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size."""
        self._told("resize-window", "-x", str(columns), "-y", str(lines))

    def shows(self, pattern: str) -> str:
        """Wait until a pattern is found on the screen; gives the screen."""
        begun = time.monotonic()
        while not re.search(pattern, text := self.screen):
            assert time.monotonic() - begun < SECONDS, f"{pattern!r} is not on the screen:\n{text}"
            time.sleep(EVERY)
        return text

    def ended(self) -> tuple[int, str]:
        """Wait for the end of the command: its exit code as a shell tells it, and what is left on the
        screen, which must be the one that was there before."""
        begun = time.monotonic()
        while (told := re.fullmatch(r"ended (\d+)", self._about("pane_title"))) is None:
            assert time.monotonic() - begun < SECONDS, f"it did not end:\n{self.screen}"
            time.sleep(EVERY)
        assert self._about("alternate_on") == "0"
        return int(told[1]), self.screen

    def _about(self, name: str) -> str:
        return self._told("display-message", "-p", f"#{{{name}}}").strip()

    def _told(self, *words: str) -> str:
        return _tmux(self.folder, *words)


@contextmanager
def terminal(
    words: list[str],
    environment: Mapping[str, str],
    columns: int = 80,
    lines: int = 24,
    at: Path | None = None,
) -> Iterator[Terminal]:
    """Run a command in a terminal, which ends with the block, and the command with it. Where there is no
    tmux the test is skipped."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    with tempfile.TemporaryDirectory(prefix="h5s3-") as folder:  # a short path: it names a socket
        size = ["-x", str(columns), "-y", str(lines)]
        settings = [
            *("set", "-g", "default-terminal", "screen-256color", ";"),
            *("set", "-g", "status", "off", ";"),
            *("set", "-s", "escape-time", "0", ";"),
        ]
        new = [
            "new-session",
            "-d",
            *size,
            "-c",
            str(at or folder),
            "sh",
            "-c",
            KEPT,
            "sh",
            *words,
        ]
        try:
            _tmux(folder, "start-server", ";", *settings, *new, environment=environment)
            yield Terminal(folder)
        finally:
            _tmux(folder, "kill-server")


def children(number: int) -> list[int]:
    """The processes that a process started."""
    return [int(one) for one in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


def _tmux(folder: str, *words: str, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        ["tmux", "-S", f"{folder}/tmux", "-f", "/dev/null", *words],
        env=environment, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
