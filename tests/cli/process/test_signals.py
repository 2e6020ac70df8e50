"""Ctrl-C is heard wherever it lands, and what was begun is cleared away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

IN_A_DESTRUCTOR = """
import time, types, sys
import h5s3.cli

class Interrupted:
    def __del__(self):
        raise KeyboardInterrupt

def run():
    Interrupted()
    time.sleep(20)
    return 0

sys.modules["h5s3.cli.app"] = types.SimpleNamespace(run=run)
h5s3.cli.main()
"""


def test_an_interrupt_that_a_destructor_drops_comes_again() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_DESTRUCTOR], capture_output=True, text=True, timeout=15)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


AN_ALARM_IN_A_DESTRUCTOR = """
import time, types, sys
import h5s3.cli
from h5s3.cli.process.errors import guarded
from h5s3.cli.process.signals import time_limit

class Slow:
    def __del__(self):
        time.sleep(5)

def work():
    with time_limit(0.1):
        Slow()
        time.sleep(20)

sys.modules["h5s3.cli.app"] = types.SimpleNamespace(run=lambda: guarded(work, False))
h5s3.cli.main()
"""


def test_a_time_limit_that_a_destructor_drops_comes_again() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AN_ALARM_IN_A_DESTRUCTOR], capture_output=True, text=True, timeout=15
    )
    assert done.stderr.splitlines()[0] == "h5s3: not done within 0.1 s; raise --timeout"
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_ended_early_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "h5s3", "demo", "--serve"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 20
    while not any(tmp_path.glob("h5s3-demo-*")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=20)
    finally:
        process.terminate()  # it clears up after itself; nothing where it has ended
    assert (process.returncode, said) in ((130, b""), (0, b""))
    assert not list(tmp_path.iterdir())


WHILE_A_FOLDER_IS_MADE = """
import signal, sys, tempfile
import h5s3.cli

real, number = tempfile.mkdtemp, int(sys.argv.pop())

def made(*given, **named):
    folder = real(*given, **named)
    signal.raise_signal(number)
    return folder

tempfile.mkdtemp = made
h5s3.cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_folder_of_the_demo_is_made(number: signal.Signals, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHILE_A_FOLDER_IS_MADE, "demo", "--serve", str(int(number))],
        env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "")
    assert not list(tmp_path.iterdir())


SWALLOWED_BY_A_LIBRARY = """
import signal, sys
import h5s3.cli
from h5s3.demo import samples

def first(path):
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        pass

samples._nexus, samples._climate = first, lambda path: sys.stderr.write("it went on")
h5s3.cli.main()
"""


def test_a_signal_that_a_library_swallows_ends_the_demo_after_the_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED_BY_A_LIBRARY, "demo", "--serve"],
        env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (130, "", [])


HEARD_BY_ANOTHER_THREAD = """
import os, signal, socket, sys, types
import h5s3.cli

def run():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the main thread sleeps through it
    print("ready", flush=True)
    here, there = socket.socketpair()
    here.recv(1)
    return 0

sys.modules["h5s3.cli.app"] = types.SimpleNamespace(run=run)
h5s3.cli.main()
"""


def test_an_interrupt_that_does_not_end_a_wait_ends_it_soon() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HEARD_BY_ANOTHER_THREAD], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (130, b"", b"")
