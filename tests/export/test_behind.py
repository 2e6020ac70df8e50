"""Values are written while the next are decoded; what goes wrong is raised, and nothing is left behind."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import H5s3Error
from h5s3.export import npy
from h5s3.export.behind import Behind
from tests.support.get import boxes_of, take
from tests.support.servers.memory import MemoryStore

DATA = np.random.default_rng(1).integers(0, 99, (512, 1024), dtype="<i4")


def store(folder: Path) -> MemoryStore:
    with h5py.File(folder / "source.h5", "w") as h5:
        h5.create_dataset("data", data=DATA, chunks=(16, 1024), compression="gzip")
    return MemoryStore((folder / "source.h5").read_bytes())


def tall(folder: Path) -> MemoryStore:
    """Chunks that are taller than a box: put in order on the disk first."""
    with h5py.File(folder / "source.h5", "w") as h5:
        h5.create_dataset("data", data=DATA, chunks=(512, 16), compression="gzip")
    return MemoryStore((folder / "source.h5").read_bytes())


def test_one_piece_at_a_time_in_a_thread() -> None:
    behind, done = Behind(), list[tuple[int, str]]()
    for number in range(50):
        behind.do(lambda n=number: done.append((n, threading.current_thread().name)))  # type: ignore[misc]
    behind.wait()
    assert done == [(number, "h5s3-write") for number in range(50)]


def test_a_failure_is_raised_once() -> None:
    behind = Behind()
    behind.do(lambda: os.close(-1))
    with pytest.raises(OSError):
        behind.do(lambda: None)
    behind.wait()
    behind.do(lambda: os.close(-1))
    behind.end()
    behind.wait()


def test_boxes_arrive_where_they_belong(tmp_path: Path) -> None:
    with boxes_of(1 << 17):
        take(store(tmp_path), tmp_path / "a.npy")
    assert (np.load(tmp_path / "a.npy") == DATA).all()


@pytest.mark.parametrize("kind", ["json", "npz"])
def test_what_was_put_in_order_on_the_disk_is_read_back_complete(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, real = tall(tmp_path), npy.write_at

    written: list[int] = []

    def slow(descriptor: int, data: memoryview, offset: int) -> None:
        if len(written) % 500 == 0:  # a box is of some five hundred runs
            time.sleep(0.02)
        written.append(offset)
        real(descriptor, data, offset)

    monkeypatch.setattr(npy, "write_at", slow)
    with boxes_of(1 << 17):
        take(source, tmp_path / f"a.{kind}")
    if kind == "json":
        found = json.loads((tmp_path / "a.json").read_text())["data"]
    else:
        found = np.load(tmp_path / "a.npz")["data"]
    assert (np.asarray(found) == DATA).all()


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, calls = store(tmp_path), list[str]()

    def full(*arguments: Any) -> None:
        calls.append(threading.current_thread().name)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(npy, "write_at", full)
    with boxes_of(1 << 17), pytest.raises(H5s3Error, match="No space left"):
        take(source, tmp_path / "a.npy")
    assert calls == ["h5s3-write"] and [path.name for path in tmp_path.iterdir()] == ["source.h5"]
    assert not [thread for thread in threading.enumerate() if thread.name == "h5s3-write"]
