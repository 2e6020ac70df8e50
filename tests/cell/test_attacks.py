"""Code that a file runs in the cell reaches nothing: a filter in C tries, loaded as `--plugins` asks."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support.cli import Result, spawn
from tests.support.servers.s3 import S3Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the walls are those of Linux"),
]
BUCKET, KEY = "attack", "attack.h5"
ATTEMPTS = (
    "credentials", "canary", "cache", "environment of the parent", "memory of the parent", "write",
    "vm_readv", "ptrace", "kill", "tcp", "unix", "udp", "fork", "exec", "system", "io_uring", "prlimit",
    "chmod", "truncate", "times", "attributes", "priority", "processors", "owner of a line",
    "uncounted memory",
    "thread", "variable", "secret in memory", "descriptors",
)  # fmt: skip
MAY = {
    "thread": 0,
    "variable": 0,
    "secret in memory": 0,
    "descriptors": 2,
}  # 2: the pipe that tells of the end, and the memory of a fixed size that both processes have
DENIED = {errno.EACCES, errno.EPERM, errno.ESRCH}
HOW = {"attack": 0, "noise": 1, "huge": 2, "endless": 3, "spin": 4, "devour": 5, "forks": 6, "crash": 7}


def hidden(text: str) -> str:
    """As C source, not to be found by who looks for the text."""
    return '"' + "".join(f'\\x{ord(char) ^ 1:02x}""' for char in text) + '"'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory with credentials, and files that are nobody's business."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".aws").mkdir()
    (folder / ".aws" / "credentials").write_text("[default]\n")
    (folder / "canary").write_text("canary")
    (folder / "cache").mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="module")
def plugins(home: Path, rclone: S3Server) -> Path:
    """The folder of the filter."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the filter cannot be made")
    folder = home / "plugins"
    folder.mkdir()
    named = {
        "CREDENTIALS": home / ".aws" / "credentials",
        "CANARY": home / "canary",
        "CACHE": home / "cache",
        "WRITTEN": home / "written",
        "VARIABLE": "AWS_SECRET_ACCESS_KEY",
    }
    defined = [f'-D{name}="{value}"' for name, value in named.items()]
    defined.append(f"-DHIDDEN={hidden(rclone.secret_key)}")
    source = Path(__file__).with_name("attacker.c")
    made = [compiler, "-shared", "-fPIC", *defined, "-o", str(folder / "libattacker.so"), str(source)]
    subprocess.run(made, check=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def stored(rclone: S3Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with a dataset for each way to attack."""
    where = tmp_path_factory.mktemp("file") / KEY
    with h5py.File(where, "w") as file:
        for name, number in HOW.items():
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((64,))
            plist.set_filter(451, h5py.h5z.FLAG_OPTIONAL, (number,))
            space = h5py.h5s.create_simple((64,))
            data = h5py.h5d.create(file.id, name.encode(), h5py.h5t.STD_I32LE, space, plist)
            data.write_direct_chunk((0,), np.zeros(64, "<i4").tobytes())
    rclone.put_file(BUCKET, KEY, where)
    return f"s3://{BUCKET}/{KEY}"


@pytest.fixture
def ask(home: Path, plugins: Path, stored: str, rclone: S3Server) -> Iterator[Any]:
    """Asks for a preview of one of the datasets. No process outlives the test."""
    mark = f"H5S3_CACHE_DIR={home / 'cache'}"

    def asked(name: str, *args: str, **more: str) -> Result:
        more = {
            "HDF5_PLUGIN_PATH": str(plugins),
            "HOME": str(home),
            "H5S3_CACHE_DIR": str(home / "cache"),
            **more,
        }
        return spawn("preview", stored, f"/{name}", "--plugins", *args, on=rclone, **more)

    yield asked
    until = time.monotonic() + 20  # what is left does not end by itself
    while left := [number for number in running() if mark in environment_of(number)]:
        assert time.monotonic() < until, f"a process was left: {left}"
        time.sleep(0.01)


def running() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def environment_of(number: int) -> str:
    try:
        return Path(f"/proc/{number}/environ").read_text(errors="replace")
    except OSError:
        return ""


def test_nothing_succeeds(ask: Any, home: Path) -> None:
    found = ask("attack", "--json", H5S3_CELL="strict").json["plot"]["data"]
    told = dict(zip(ATTEMPTS, zip(found[::2], found[1::2], strict=True), strict=False))
    for name, (result, number) in told.items():
        if name in MAY:
            assert 0 <= result <= MAY[name], (name, result)
        else:
            assert result == -1 and number in DENIED, (name, result, errno.errorcode.get(number))
    assert not (home / "written").exists()


SENTENCES = {
    "noise": (6, "sent what makes no sense"),
    "huge": (6, "sent what makes no sense"),
    "endless": (6, "sent what makes no sense"),
    "devour": (6, ""),
    "forks": (6, ""),
    "crash": (6, "crashed while it read this (Segmentation fault)"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_each_ends_in_its_sentence(name: str, ask: Any) -> None:
    code, words = SENTENCES[name]
    assert words in ask(name, H5S3_MEMORY="400M").failed(code)


def test_a_spin_ends_in_time(ask: Any) -> None:
    assert "not done within 1 s" in ask("spin", "--timeout", "1").failed(5)


def test_without_a_cell_they_would_succeed(ask: Any, home: Path) -> None:
    """The attempts are good ones: with the cell taken away, files are read and written."""
    found = ask("attack", "--json", "--no-cache", H5S3_CELL="0", HARMLESS="yes")
    told = dict(zip(ATTEMPTS, found.json["plot"]["data"][::2], strict=False))
    assert all(
        told[name] >= 0
        for name in (
            "credentials",
            "canary",
            "cache",
            "write",
            "tcp",
            "unix",
            "system",
            "chmod",
            "times",
            "uncounted memory",
        )
    )
    assert told["variable"] == 1 and told["secret in memory"] > 0
    (home / "written").unlink()
