"""`browse` in a terminal, by keys: a process of its own, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.cli.process.signals import ended_by_signals, interrupts_call
from h5s3.cli.screen.browse import unechoed
from tests.browse.screen import Screen, browsing
from tests.browse.terminal import Terminal, terminal
from tests.support.cli import command, environment, run
from tests.support.hostile.kills import descendants
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import rclone_server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "run.h5", "w") as made:
        made["entry/counts"] = [[1, 2, 3], [4, 5, 6]]
    return tmp_path / "run.h5"


@pytest.fixture
def opened(file: Path) -> Iterator[Terminal]:
    with terminal(command("browse", file), environment()) as opened:
        opened.shows("entry")
        yield opened


@pytest.mark.slow
def test_keys_in_a_terminal_lead_to_values(opened: Terminal) -> None:
    opened.typed("jl")
    opened.shows("counts")
    opened.typed("j2")
    opened.shows(r"mean 3\.5")
    opened.typed("q")
    assert opened.ended() == (0, opened.screen) and not opened.screen.strip()


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (200, 60)])
def test_the_demo_from_its_bucket_to_a_table_in_a_file(
    samples: Path, tmp_path: Path, columns: int, lines: int
) -> None:
    """Frames of a cube, a zoom, another size of the terminal, a filter, a search, a column in a file."""
    words = command("browse", "--no-cache", "s3://demo/")
    with (
        rclone_server(samples) as server,
        terminal(words, environment(server), columns, lines, tmp_path) as seen,
    ):
        seen.shows("climate_2024.nc")
        seen.keys("g")
        seen.shows("go to")
        seen.typed("s3://demo/climate_2024.nc/t2m\r")
        seen.shows(r"(?m)^ .*› t2m *$")
        seen.typed("3")
        seen.shows(r"t2m \[\d+,0:181.*]")
        seen.typed("]")
        seen.shows(r"t2m \[19,0:181.*]")
        seen.typed("+")
        seen.shows(r"t2m \[19,45:13\d,.*]")
        seen.resize(lines * 3, lines + 10)
        assert len(seen.shows(r"t2m \[19,45:13\d,.*]").splitlines()) == lines + 10
        seen.typed("/")
        seen.shows("filter")
        seen.typed("la\r")
        assert "lon  360" not in seen.shows("only names of .* with la")
        seen.typed("/")
        seen.shows("filter")
        seen.typed("\r")
        seen.shows(r"\blon  360")
        seen.typed("f")
        seen.shows("find in")
        seen.typed("lat\r")
        seen.shows("[12] found: lat")
        seen.typed("\r")
        seen.shows(r"(?m)^ .*› lat *$")
        seen.typed("4w")
        seen.shows(r"write 181 values \(.*\) to")
        seen.keys("C-u")
        seen.typed("lat.csv\r")
        seen.shows("lat.csv: 181 float32")
        seen.typed("q")
        assert seen.ended()[0] == 0
    written = (tmp_path / "lat.csv").read_text().splitlines()
    assert written[:2] == ["lat", "90.0"] and len(written) == 182


@pytest.mark.slow
def test_a_line_of_ten_million_samples_is_zoomed(tmp_path: Path) -> None:
    """Up to where each sample is seen: the one that is high is at its place."""
    values = np.zeros(10_000_000, "f4")
    values[5_000_000] = 7.0
    with h5py.File(tmp_path / "line.h5", "w") as made:
        made.create_dataset("signal", data=values, chunks=(100_000,), compression="lzf")
    with terminal(command("browse", tmp_path / "line.h5", "/signal"), environment(), 120, 30) as seen:
        seen.shows("› signal")
        seen.typed("3")
        seen.shows(r"/signal \[0:[\d:]+]")
        seen.typed("+" * 18)
        seen.shows(r"/signal \[49999\d\d:50000\d\d]")
        seen.typed("2")
        seen.shows(r"max 7 ")
        seen.typed("q")
        assert seen.ended()[0] == 0


@pytest.mark.slow
def test_a_server_that_is_gone_and_is_there_again(samples: Path) -> None:
    """What was read stays on the screen; what was not is a line, until it is asked for again."""
    words = command("browse", "--no-cache", "s3://demo/")
    with rclone_server(samples) as server:
        with Proxy(server) as before:
            port = before.port
            with terminal(words, environment(server.at(before.url)), 110, 30) as seen:
                seen.shows("scan_0042.nxs")
                seen.typed("b")
                seen.shows("bytes to read ahead")
                seen.typed("\x150\r")
                seen.shows("at most 0 B are read ahead")
                before.close()
                seen.typed("jj")
                seen.shows(r"› climate_2024.nc")
                seen.typed("l")
                seen.shows("(?m)^ +cannot connect")  # the row: what was asked for it is not on its way
                lost = seen.shows("r asks again")
                assert "scan_0042.nxs" in lost and "Traceback" not in lost
                with Proxy(server, port):
                    seen.typed("r")
                    seen.shows("t2m  36 × 181 × 360")
                    seen.typed("q")
                    assert seen.ended()[0] == 0


@pytest.mark.slow
def test_a_reader_that_is_killed_is_a_line(opened: Terminal) -> None:
    """The process that reads dies; the next question has another one."""
    readers = set(descendants(opened.process))
    assert readers
    for number in readers:
        os.kill(number, signal.SIGKILL)
    while readers & set(descendants(opened.process)):
        time.sleep(0.01)
    opened.typed("jl")
    opened.shows("counts")
    opened.typed("j2")
    opened.shows(r"mean 3\.5")
    opened.typed("q")
    assert opened.ended()[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_gives_the_screen_back(opened: Terminal, number: signal.Signals) -> None:
    os.kill(opened.process, number)
    code, rest = opened.ended()
    assert code == 130 and not rest.strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_its_work_is_no_exception_there(file: Path, number: signal.Signals) -> None:
    """One that is raised in a loop of events may end the loop before it gives the terminal back."""

    async def steps(screen: Screen) -> None:
        signal.signal(number, signal.SIG_DFL)  # the run may be one that ignores it, as below nohup
        with ended_by_signals(), interrupts_call(screen.app.interrupt):
            screen.app.deliver(lambda: signal.raise_signal(number))
            for _ in range(400):
                if screen.app.return_value is None:
                    await asyncio.sleep(0.05)

    before = signal.getsignal(number)
    try:
        assert browsing(file, steps).return_value == 130
    finally:
        signal.signal(number, before)


def test_it_needs_a_terminal_and_its_package(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "needs a terminal" in run("browse", file).failed(2)
    assert "--json" in run("browse", file, "--json").failed(2)
    monkeypatch.setattr("h5s3.cli.screen.browse._application", lambda: None)  # as on a terminal
    assert "no /entry/no in the file" in run("browse", file, "/entry/no").failed(3)
    assert "a PATH is one inside a file" in run("browse", file.parent, "/entry").failed(2)
    monkeypatch.undo()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(type(stream), "isatty", lambda self: True, raising=False)
    monkeypatch.setitem(sys.modules, "textual.binding", None)  # as if it were not there
    monkeypatch.delitem(sys.modules, "h5s3.browse.app", raising=False)
    from h5s3.cli.screen.browse import _application
    from h5s3.errors import UsageError

    with pytest.raises(UsageError, match=r"pip install 'h5s3\[browse\]'"):
        _application()


def test_keys_that_come_too_early_are_not_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed before there is a screen waits for it; afterwards the terminal is as it was."""
    outside, inside = os.openpty()
    with os.fdopen(outside, "r+b", buffering=0) as keyboard, os.fdopen(inside, "rb", buffering=0) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        before = termios.tcgetattr(typed)
        with unechoed():
            keyboard.write(b"j\n")
            assert typed.readline() == b"j\n"
            assert not select.select([keyboard], [], [], 0)[0]
        assert termios.tcgetattr(typed) == before
        keyboard.write(b"k\n")
        assert keyboard.read(3) == b"k\r\n"
