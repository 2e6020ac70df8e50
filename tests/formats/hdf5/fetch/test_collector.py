"""The garbage collector and h5py's lock: a thread that fetches must not meet an object of h5py in a cycle."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import h5py

from h5s3.formats.hdf5.fetch.collector import held_back

PROGRAM = """
import gc, sys, threading
import h5py
import h5s3.explore.session
from h5s3.formats.requests import TreeRequest
from h5s3.explore.tree import tree
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, memory_session

class Threaded(MemoryStore):
    def get_ranges(self, obj, ranges, on_arrival=None):
        found = {}
        cycle = [h5py.File(sys.argv[1], "r")]
        cycle.append(cycle)
        del cycle
        def fetch():
            for _ in range(50_000):  # what the collector counts
                item = []
                item.append(item)
            found.update(MemoryStore.get_ranges(self, obj, ranges, on_arrival))
        other = threading.Thread(target=fetch)
        other.start()
        other.join()
        return found

h5s3.explore.session.FIRST_BYTES = 0
data = open(sys.argv[1], "rb").read()
with in_blocks(512, ahead=False), memory_session(Threaded(data)) as session:
    print(len(tree(session, LOCATION, TreeRequest(depth=0)).children), gc.isenabled())
"""


def test_a_fetching_thread_collects_nothing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(30):
            file[f"group {number}/data"] = list(range(number))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "a.h5")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode) == ("30 True\n", 0), ended.stderr


def test_it_comes_back_when_the_last_fetch_has_ended() -> None:
    with held_back():
        with held_back():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
