"""Programs ask in cells, which are kept for the next question and gone with the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.cell import pool, process
from h5s3.cell.host import Cell
from h5s3.errors import DamagedError, NetworkError
from h5s3.explore.get import transfer
from tests.support.cli import file
from tests.support.hostile import misbehaving

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def own_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[pool.Pool]:
    """Cells of this test alone."""
    made = pool.Pool()
    monkeypatch.setattr(pool, "_pools", [made])
    yield made
    made.end()


def children() -> set[int]:
    """Processes that this one has started, and that run."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,stat=,args=", "--ppid", str(os.getpid())], capture_output=True
    )
    lines = [line.split(None, 2) for line in listed.stdout.decode().splitlines()]
    return {int(pid) for pid, state, args in lines if "h5s3.cell" in args and not state.startswith("Z")}


def test_one_cell_answers_many_questions() -> None:
    before = children()
    h5s3.tree(file("nexus"))
    one = children() - before
    assert len(one) == 1
    assert h5s3.meta(file("compounds")).num_children == h5s3.tree(file("compounds")).num_children
    assert h5s3.get(file("nexus"), "/entry/data/counts").size == 30
    assert children() - before == one


def test_threads_have_one_each() -> None:
    places = [file(name) for name in ("nexus", "netcdf4", "compounds", "variable_strings")] * 3
    expected = [h5s3.tree(place, depth=0).num_children for place in places]
    before = children()
    with ThreadPoolExecutor(pool.KEPT + 1) as threads:
        found = list(threads.map(lambda place: h5s3.tree(place, depth=0).num_children, places))
    assert found == expected
    assert len(children() - before) <= pool.KEPT


def test_what_kills_a_cell_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    h5s3.tree(file("nexus"))
    with monkeypatch.context() as patch:
        patch.setattr(process, "START", misbehaving.start("segfault"))
        made = pool.Pool()
        patch.setattr(pool, "_pools", [made])
        with pytest.raises(DamagedError, match="crashed while it read this"):
            h5s3.tree(file("nexus"), no_cache=True)
        assert not made._waiting
    assert h5s3.tree(file("nexus"), no_cache=True).num_children == 1


def test_a_thread_of_the_one_before_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hear late that its line is closed."""
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/nowhere")
    cell = Cell()
    cell.start()
    line, before = cell._others[0], cell._process
    assert before is not None
    cell.start(plugins=True)
    assert before.wait() == -signal.SIGKILL
    cell._serve_line(line, before)
    after = cell._process
    assert after is not None and after is not before and after._popen.poll() is None
    cell.end()


def test_timeout_ends_what_looks_at_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START", misbehaving.start("spin"))
    begun = time.monotonic()
    with pytest.raises(NetworkError, match="not done within 1 s"):
        h5s3.tree(file("nexus"), timeout=1)
    assert time.monotonic() - begun < 20


def test_a_forked_process_has_its_own() -> None:
    h5s3.tree(file("nexus"))
    ours = children()
    pid = os.fork()
    if pid == 0:  # os._exit: pytest is the other process'
        try:
            same = h5s3.tree(file("nexus"), no_cache=True).num_children == 1
            os._exit(0 if same and len(children()) == 1 else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert children() == ours
    assert h5s3.tree(file("nexus"), no_cache=True).num_children == 1
    assert children() == ours


ENDS = ["", "os.kill(os.getpid(), 9)", "raise KeyboardInterrupt"]


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_with_the_program(end: str, tmp_path: Path) -> None:
    program = f"""
import os, subprocess, sys, h5s3
h5s3.tree({str(file("nexus"))!r}, no_cache=True)
listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True)
print(listed.stdout.split()[0].decode(), flush=True)
{end}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    cell = int(done.stdout)
    until = time.monotonic() + 10
    while b"h5s3.cell" in command_line(cell):
        assert time.monotonic() < until
        time.sleep(0.01)


def command_line(number: int) -> bytes:
    """Of a process that runs; empty where it has ended, also while this is asked for."""
    with suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_bytes()
    return b""


def test_without_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H5S3_CELL", "0")
    before = children()
    assert h5s3.tree(file("nexus"), no_cache=True).num_children == 1
    assert children() == before


def test_a_kept_file_is_read_here() -> None:
    before = children()
    with h5s3.open(file("nexus")) as opened:
        assert list(opened) == ["entry"]
    assert children() == before


@pytest.mark.parametrize("cell", ["0", "1"])
@pytest.mark.parametrize("dtype", ["<f8", ">i4", [("a", "<i4"), ("b", "S12")], [("ä", "<f8")]])
def test_large_arrays_are_shared(
    cell: str, dtype: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("H5S3_CELL", cell)
    size = transfer.SENT_WHOLE // np.dtype(dtype).itemsize + 1000
    values = np.zeros(size, dtype)
    values.view("u1")[::7] = 5
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file["data"] = values
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    found = h5s3.get(tmp_path / "large.h5", "/data", selection="10:")
    assert found.dtype == values.dtype and found.tobytes() == values[10:].tobytes()
    found[0] = found[-1]  # it is the caller's own
    if before and cell == "0":
        del found
        assert len(os.listdir("/proc/self/fd")) <= before + 1
