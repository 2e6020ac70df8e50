"""Temporary files of runs that were killed: the next run for the same target clears them, and no others."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.export.atomic_file import atomic_write
from tests.support.cli import command, environment, run


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def written(target: Path, overwrite: bool = True) -> None:
    with atomic_write(str(target), overwrite) as (stream, _):
        stream.write(b"new")


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / f".a.csv.{gone()}-{'0' * 16}.part").write_text("half")
    written(tmp_path / "a.csv")
    assert names(tmp_path) == ["a.csv"] and (tmp_path / "a.csv").read_bytes() == b"new"


def test_other_files_stay(tmp_path: Path) -> None:
    pid, token = gone(), "0123456789abcdef"
    (tmp_path / "mine").write_text("mine")
    for name in (
        f".b.csv.{pid}-{token}.part",  # another target
        f".a.csv.{os.getpid()}-{token}.part",  # still alive
        f".a.csv.1-{token}.part",
        f".a.csv.{token}.part",
        f".a.csv.{pid}-{token}.part.txt",
        f".a.csv.{pid}-{token[:-1]}.part",
        f".a.csv.{pid}-{token[:-1]}X.part",
        f".a.csv.0-{token}.part",
    ):
        (tmp_path / name).write_text("theirs")
    (tmp_path / f".a.csv.{pid}-{'1' * 16}.part").symlink_to(tmp_path / "mine")
    (tmp_path / f".a.csv.{pid}-{'2' * 16}.part").mkdir()
    os.mkfifo(tmp_path / f".a.csv.{pid}-{'3' * 16}.part")
    before = names(tmp_path)
    written(tmp_path / "a.csv")
    assert names(tmp_path) == sorted([*before, "a.csv"]) and (tmp_path / "mine").read_text() == "mine"


def test_a_file_that_somebody_has_locked_stays(tmp_path: Path) -> None:
    """Its process may live on another machine."""
    left = tmp_path / f".a.csv.{gone()}-{'0' * 16}.part"
    left.write_text("half")
    with open(left) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        written(tmp_path / "a.csv")
        assert left.exists()
    written(tmp_path / "a.csv")
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_a_process_that_ended_and_nobody_waited_for_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None and ended.stdout.read() == b""
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie from here on
        (tmp_path / f".a.csv.{ended.pid}-{'0' * 16}.part").write_text("half")
        written(tmp_path / "a.csv")
        assert names(tmp_path) == ["a.csv"]


def test_two_runs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run looks dead by its number, and its file is locked."""
    target = tmp_path / "a.csv"
    monkeypatch.setattr("h5s3.export.atomic_file._is_alive", lambda process: False)
    with atomic_write(str(target), True) as (stream, temporary):
        written(target)
        assert Path(temporary).exists()
        stream.write(b"later")
    assert names(tmp_path) == ["a.csv"] and target.read_bytes() == b"later"


def test_sigkill_and_the_next_run(tmp_path: Path) -> None:
    source, folder = tmp_path / "source.h5", tmp_path / "out"
    folder.mkdir()
    with h5py.File(source, "w") as h5:
        h5.create_dataset("data", (1 << 28,), "f8", chunks=(1 << 16,))
        h5["small"] = np.arange(3)
    line = command("get", source, "/data", "-o", folder / "a.csv")
    with subprocess.Popen(line, env=environment(H5S3_CELL="0")) as process:
        until = time.monotonic() + 30
        while not names(folder) and time.monotonic() < until:
            time.sleep(0.02)
        (left,) = names(folder)
        assert left.startswith(f".a.csv.{process.pid}-") and left.endswith(".part")
        assert run("get", source, "/small", "-o", folder / "a.csv").code == 0
        assert names(folder) == [left, "a.csv"]  # the other still writes
        process.send_signal(signal.SIGKILL)
    assert names(folder) == [left, "a.csv"]
    assert run("get", source, "/small", "-o", folder / "a.csv", "--overwrite").code == 0
    assert names(folder) == ["a.csv"]
