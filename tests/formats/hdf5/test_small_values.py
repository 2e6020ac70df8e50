"""`meta` and `tree --values` show the values of small datasets, as h5py reads them, in few rounds."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.explore.meta import meta
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import UNSET, DatasetNode, nodes_of
from h5s3.storage.location import Location
from tests.support.cli import file, run
from tests.support.h5files import make as h5files
from tests.support.servers.memory import MemoryStore, in_blocks, one_file_session

HERE = Location("s3", "file.h5", "memory")
WITH_VALUES = TreeRequest(depth=0, limit=0, values=True)


def values_in(path: Path) -> dict[str, DatasetNode]:
    with in_blocks(512), one_file_session(HERE, MemoryStore(path.read_bytes())) as session:
        found = tree(session, HERE, WITH_VALUES)
        return {node.path: node for node in nodes_of(found) if isinstance(node, DatasetNode)}


def alike(shown: Any, read: Any) -> bool:
    if isinstance(shown, list):
        return len(shown) == len(read) and all(map(alike, shown, read))
    if shown is None:
        return not math.isfinite(read)
    if isinstance(read, bytes):
        whole = read.decode("utf-8", "backslashreplace")
        return whole == shown or (len(read) > 400 and len(shown) > 100 and whole.startswith(shown))
    return bool(shown == read)


@pytest.mark.parametrize("name", sorted(h5files.FILES))
def test_values_are_those_that_h5py_reads(name: str) -> None:
    """Of numbers and texts; `meta` and `tree` say the same."""
    path = file(name)
    nodes = values_in(path)
    with h5py.File(path) as plain:
        for where, node in list(nodes.items())[:50]:
            if node.value is UNSET or node.alias_of is not UNSET or node.name_b64 is not UNSET:
                continue
            with one_file_session(Location("local", str(path))) as session:
                other = meta(session, Location("local", str(path)), MetaRequest(where)).value
            assert other == node.value or "'/" in str([other, node.value])  # where a reference leads
            dataset = plain[where]
            assert dataset.size <= 16 and dataset.ndim <= 1
            if dataset.dtype.kind in "iuf" and not h5py.check_enum_dtype(dataset.dtype):
                assert alike(node.value, dataset[()].tolist()), where
            elif h5py.check_string_dtype(dataset.dtype):
                assert alike(node.value, dataset[()].tolist() if dataset.ndim else dataset[()]), where


def test_what_is_small() -> None:
    nodes = values_in(file("nexus"))
    assert nodes["/entry/title"].value == "a scan"
    assert nodes["/entry/data/angle"].value == [0, 0.25, 0.5, 0.75, 1]
    assert nodes["/entry/data/counts"].value is UNSET  # two dimensions
    assert values_in(file("floats"))["/f64_le"].nan_count == 1
    for name in ("giant_chunk", "external_storage", "virtual_other_file", "broken_chunks"):
        assert all(node.value is UNSET for node in values_in(file(name)).values())


def scan() -> bytes:
    """An entry of 300 scalars and texts, between blocks of data that scatter them."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as h5:
        entry = h5.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        for number in range(300):
            group = entry.require_group(f"device_{number % 20}")
            group[f"scalar_{number}"] = number / 3 if number % 3 else f"text {number}"
            if number % 10 == 0:
                group.create_dataset(f"data_{number}", data=np.zeros(20_000))
    return buffer.getvalue()


def test_all_scalars_of_an_entry_cost_three_rounds_at_most() -> None:
    data, spent = scan(), {}
    for values in (False, True):
        with one_file_session(HERE, MemoryStore(data)) as session:
            found = tree(session, HERE, TreeRequest(depth=0, limit=0, values=values))
            spent[values] = session.trace.rounds
    shown = [node for node in nodes_of(found) if isinstance(node, DatasetNode) and node.value is not UNSET]
    assert len(shown) == 300 and spent[True] <= spent[False] + 3


def test_the_text_shows_them() -> None:
    lines = run("tree", file("nexus"), "-d", 0, "--values").lines
    assert [line for line in lines if "title" in line and line.endswith("= a scan")]
    assert [line for line in lines if "angle " in line and line.endswith("= [0, 0.25, 0.5, 0.75, 1]")]
    assert any(
        line.split() == ["value", "a", "scan"] for line in run("meta", file("nexus"), "/entry/title").lines
    )
    found = run("tree", file("nexus"), "-r", "--values", "--json").json
    assert found["children"][0]["name"] == "entry"
    assert any(
        '"value":"a scan"' in line
        for line in run("tree", file("nexus"), "-r", "--values", "--jsonl").out.splitlines()
    )


def test_attributes_that_conventions_use_inside() -> None:
    shown = run("tree", file("netcdf4"), "--attrs").out
    assert "@units = degrees_north" in shown and "DIMENSION_LIST" not in shown and "@CLASS" not in shown
    everything = run("tree", file("netcdf4"), "--all-attrs").out
    assert "@DIMENSION_LIST" in everything and "@CLASS = DIMENSION_SCALE" in everything
    assert run("tree", file("attributes_many"), "--all-attrs").out.count("@") > 100
