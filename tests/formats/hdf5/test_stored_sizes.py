"""`tree --stored`: the bytes that datasets take in the file, as h5py counts them, in few rounds."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.records import UNSET, DatasetNode, nodes_of
from h5s3.storage.location import Location
from tests.support.cli import file, run
from tests.support.servers.memory import MemoryStore, one_file_session

HERE = Location("s3", "file.h5", "memory")
FIXTURES = (
    "gzip",
    "plugins",
    "netcdf4",
    "nexus",
    "hard_link_alias",
    "virtual_same_file",
    "external_storage",
    "compact",
)


def datasets(store: MemoryStore, stored: bool = True) -> tuple[dict[str, DatasetNode], int]:
    """Datasets by path, and the rounds that they took."""
    with one_file_session(HERE, store) as session:
        found = tree(session, HERE, TreeRequest(depth=0, limit=0, stored=stored))
        nodes = {node.path: node for node in nodes_of(found) if isinstance(node, DatasetNode)}
        return nodes, session.trace.rounds


@pytest.mark.parametrize("name", FIXTURES)
def test_as_h5py_counts_them(name: str, files: dict[str, Path]) -> None:
    nodes, _ = datasets(MemoryStore(files[name].read_bytes()))
    seen = 0
    with h5py.File(files[name]) as h5:
        for path, node in nodes.items():
            if node.alias_of is UNSET and node.layout not in ("virtual", "external"):
                assert node.storage_size == h5[path].id.get_storage_size(), path
                seen += 1
    assert seen or name in ("virtual_same_file", "external_storage")
    assert all(node.storage_size == 0 for node in nodes.values() if node.layout in ("virtual", "external"))


def test_the_indexes_of_all_datasets_share_rounds() -> None:
    target = io.BytesIO()
    with h5py.File(target, "w") as h5:
        for number in range(200):
            h5.create_dataset(f"g{number % 10}/{number}", data=np.zeros(50_000), chunks=(500,), compression=1)
    store = MemoryStore(target.getvalue())
    (_, without), (nodes, rounds) = datasets(store, stored=False), datasets(store)
    assert len(nodes) == 200 and all(node.storage_size for node in nodes.values())
    assert rounds <= without + 4


def test_the_heading_says_which_sizes_are_shown() -> None:
    logical, stored = run("tree", file("gzip")), run("tree", file("gzip"), "--stored")
    assert "logical sizes)" in logical.lines[0] and "stored sizes)" in stored.lines[0]
    assert logical.lines[1].split()[-2:] != stored.lines[1].split()[-2:]
    lines = run("tree", file("gzip"), "--stored", "--jsonl").out.splitlines()
    assert sum('"storage_size":' in line for line in lines) == len(lines) - 1
    assert "sizes" not in run("tree", file("empty_root")).lines[0]
