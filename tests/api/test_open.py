"""`h5s3.open`: a file that may be kept, and that never takes the interpreter down with it."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

import h5s3
from h5s3.cache import Cache
from h5s3.errors import ChangedError, H5s3Error, NotFoundError
from h5s3.formats.hdf5.objects import lasting
from h5s3.storage.stores.local import LocalStore
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

BEGIN = "import h5s3, sys\nf = h5s3.open(sys.argv[1])\n"
ENDINGS = {
    "forgotten": ("", 0),
    "with": ("with f: f['x'][0]", 0),
    "closed": ("f.close(); f.close()", 0),
    "twice": ("g = h5s3.open(sys.argv[1]); d = g['x']; e = f['x']; f.close()", 0),
    "dataset alone": ("d = f['x']; del f", 0),
    "attribute alone": ("d = f.attrs.get_id('a'); del f", 0),
    "group and type": ("d = f['g'], f['t'], f['x'].dtype, f['g'].ref; del f", 0),
    "cycle": ("l = [f, f['x']]; l.append(l); sys.kept = l", 0),
    "in a module": ("import string; string.kept = f['x']", 0),
    "chunks": ("i = iter(f['x']); next(i)", 0),
    "sys.exit": ("d = f['x']; sys.exit(3)", 3),
    "exception": ("d = f['x']\ndef a(d): d['nothing']\na(d)", 1),
    "h5s3 error": ("d = f['x']; h5s3.tree(sys.argv[1], '/nothing')", 1),
    "Ctrl-C": ("import os, signal; d = f['x']; os.kill(os.getpid(), signal.SIGINT); input()", -signal.SIGINT),
    "thread": ("import threading; t = threading.Thread(target=lambda: f['x'][:]); t.start()", 0),
    "opened in a thread": (
        "import threading; k = []\ndef go(): k.append(h5s3.open(sys.argv[1])['x'])\n"
        "t = threading.Thread(target=go); t.start(); t.join(); k[0][:]",
        0,
    ),
    "daemon": (
        "import threading\ndef read():\n while True: f['x'][:]\n"
        "threading.Thread(target=read, daemon=True).start(); f['x'][:]",
        0,
    ),
    "pool": (
        "from concurrent.futures import ThreadPoolExecutor as P\n"
        "p = P(4); k = list(p.map(lambda i: h5s3.open(sys.argv[1])['x'], range(8)))",
        0,
    ),
    "os.fork": ("import os; d = f['x']; p = os.fork(); p and sys.exit(os.waitpid(p, 0)[1] + int(d[0]))", 0),
    "fork": (
        "import multiprocessing as m; d = f['x']; p = m.get_context('fork').Process(target=len, args=('',));"
        " p.start(); p.join(); d[0]; sys.exit(p.exitcode)",
        0,
    ),
    "other files": ("import h5py; h = h5py.File(sys.argv[1]); k = h['x']; f['x']", 0),
    "atexit before": ("import atexit; atexit.register(lambda: print(f['x'][1]))", 0),
}
SPAWN = """
import h5s3, multiprocessing, sys
f = h5s3.open(sys.argv[1])
def read(where):
    d = h5s3.open(where)['x']
    assert d[3] == 3
if __name__ == "__main__":
    p = multiprocessing.get_context('spawn').Process(target=read, args=(sys.argv[1],))
    p.start(); p.join(); sys.exit(p.exitcode)
"""
FORKED = """
import os
p = os.fork()
if p:
    os.waitpid(p, 0); assert f['x'][9] == 9; sys.exit()
try:
    f['x'][:]
except h5s3.errors.RefusedError as error:
    print(error)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A local file that is larger than what is fetched at once."""
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as made:
        made["x"] = range(10)
        made["t"] = made["x"].dtype
        made.attrs["a"] = 1
        made.create_group("g")
        made.create_dataset("large", (200_000,), "i8", chunks=(1000,), fillvalue=0)[:] = 1
    return path


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


RARE = {"with", "closed", "twice", "attribute alone", "group and type", "chunks", "thread", "sys.exit"}
RARE |= {"opened in a thread", "h5s3 error", "in a module", "atexit before"}
ON_A_SERVER = ("forgotten", "dataset alone", "pool", "os.fork", "Ctrl-C")  # where more is to be ended
RARE |= set(ON_A_SERVER)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in RARE else []) for name in ENDINGS]
)
def test_the_interpreter_ends_as_it_should(name: str, file: Path) -> None:
    code, expected = ENDINGS[name]
    ended = run(BEGIN + code, file)
    assert ended.returncode == expected, ended.stderr
    if expected in (0, 3):
        assert ended.stderr == ""
    if name == "atexit before":
        assert ended.stdout == "1\n"


def test_files_on_a_server_end_well(file: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("keeping", "file.h5", file.read_bytes())
    reach(server, monkeypatch)
    for name in ON_A_SERVER:
        code, expected = ENDINGS[name]
        ended = run(BEGIN + code, "s3://keeping/file.h5")
        assert ended.returncode == expected, (name, ended.stderr)


def test_a_spawned_process(file: Path, tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(SPAWN)
    ended = subprocess.run([sys.executable, script, file], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_forked_process_is_told_to_open_its_own(file: Path) -> None:
    ended = run(BEGIN + FORKED, file)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith(
        "opened before this process was forked; open it in the process that reads it\n"
    )


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What was closed so far: stores and caches."""
    seen: list[str] = []
    for kind in (LocalStore, Cache):
        before = kind.close

        def close(self: object, before: Callable[[object], None] = before, kind: type = kind) -> None:
            seen.append(kind.__name__)
            before(self)

        monkeypatch.setattr(kind, "close", close)
    return lambda: sorted(seen)


def test_all_is_closed_with_the_file(file: Path, closed: Callable[[], list[str]]) -> None:
    opened = h5s3.open(file)
    assert isinstance(opened, h5py.File) and opened.mode == "r" and opened.filename == str(file)
    kept = opened["x"]
    assert closed() == []
    opened.close()
    assert not opened and not kept
    assert closed() == ["Cache", "LocalStore"]
    with h5s3.open(file) as opened:
        assert opened["x"][2] == 2
    assert not opened
    assert closed() == ["Cache", "Cache", "LocalStore", "LocalStore"]


def test_a_file_lives_as_long_as_anything_of_it(file: Path, closed: Callable[[], list[str]]) -> None:
    kept = h5s3.open(file)["x"]
    gc.collect()
    assert kept[:].tolist() == list(range(10))
    assert closed() == []
    del kept
    gc.collect()
    assert closed() == ["Cache", "LocalStore"]


def test_what_cannot_be_opened_is_closed(file: Path, tmp_path: Path, closed: Callable[[], list[str]]) -> None:
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(H5s3Error, match="not an HDF5"):
        h5s3.open(tmp_path / "text.h5")
    assert closed() == ["Cache", "LocalStore"]
    with pytest.raises(NotFoundError):
        h5s3.open(tmp_path / "nothing.h5")


def test_only_files_of_ours_are_closed_at_exit(file: Path) -> None:
    ours = h5s3.open(file)
    with h5py.File(file) as path, file.open("rb") as stream, h5py.File(stream) as other:
        lasting.close_all()
        assert not ours and path["x"][1] == 1 and other["x"][1] == 1


def test_an_error_in_the_block_is_raised_and_names_the_object(
    file: Path, rclone: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    rclone.put("keeping", "changes.h5", file.read_bytes())
    reach(rclone, monkeypatch)
    with (
        pytest.raises(ChangedError, match="changes"),
        h5s3.open("s3://keeping/changes.h5") as opened,
    ):
        rclone.put("keeping", "changes.h5", file.read_bytes()[:-1] + b"!")
        opened["large"][:]
    with h5s3.open("s3://keeping/changes.h5") as opened:
        assert opened["large"][-1000] == 1
