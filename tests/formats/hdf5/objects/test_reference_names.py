"""References in attributes are shown as paths, in `tree` as in `meta`."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.explore.meta import meta
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import AttributedNode, Json, nodes_of
from h5s3.storage.location import Location
from tests.support.cli import file, run
from tests.support.servers.memory import MemoryStore, in_blocks, one_file_session

HERE = Location("s3", "file.h5", "memory")


def attributes(store: MemoryStore, path: str, depth: int) -> dict[str, Json]:
    """The values of all attributes below a path, by `object@attribute`."""
    asked = TreeRequest(path, depth, 0, attributes=True, all_attributes=True)
    with in_blocks(512), one_file_session(HERE, store) as session:
        nodes = [n for n in nodes_of(tree(session, HERE, asked)) if isinstance(n, AttributedNode)]
    return {f"{n.path}@{a.name}": a.value for n in nodes for a in n.attributes or ()}


@pytest.mark.parametrize("name", ["netcdf4", "object_references", "region_references", "dimension_scales"])
def test_the_tree_says_what_meta_says(name: str, files: dict[str, Path]) -> None:
    store = MemoryStore(files[name].read_bytes())
    found = attributes(store, "/", 0)
    for key, value in found.items():
        path, _, attribute = key.partition("@")
        with one_file_session(HERE, store) as session:
            (other,) = meta(session, HERE, MetaRequest(path, attribute)).attributes or ()
        assert alike(value, other.value), key


def alike(walked: Json, alone: Json) -> bool:
    """Whether both say the same; who looks at one object does not know the names of all others."""
    if isinstance(walked, list) and isinstance(alone, list):
        return len(walked) == len(alone) and all(map(alike, walked, alone))
    if isinstance(walked, dict) and isinstance(alone, dict):
        return walked.keys() == alone.keys() and all(alike(walked[key], alone[key]) for key in walked)
    return walked == alone or (str(alone).startswith("@") and str(walked).startswith("/"))


def store_of_references() -> MemoryStore:
    target = io.BytesIO()
    with h5py.File(target, "w") as h5:
        h5["a/b/data"], h5["elsewhere/data"] = np.arange(3), 1
        attrs = h5["a/b/data"].attrs
        attrs["up"], attrs["beside"], attrs["away"] = h5["a"].ref, h5["a/b"].ref, h5["elsewhere/data"].ref
        attrs["text"] = "@800"
        attrs["part"] = h5["a/b/data"].regionref[1:2]
    return MemoryStore(target.getvalue())


def test_below_a_path_the_way_to_it_is_known() -> None:
    store = store_of_references()
    for path, depth in (("/a/b", 1), ("/a/b/data", 1)):
        found = attributes(store, path, depth)
        assert found["/a/b/data@up"] == "/a" and found["/a/b/data@beside"] == "/a/b"
        assert str(found["/a/b/data@away"]).startswith("@") and found["/a/b/data@text"] == "@800"
        assert found["/a/b/data@part"] == "/a/b/data[1:2]"
    assert attributes(store, "/", 0)["/a/b/data@away"] == "/elsewhere/data"


def test_the_text_shows_paths() -> None:
    shown = run("tree", file("netcdf4"), "--all-attrs").out
    assert "@DIMENSION_LIST = [[/time], [/lat], [/lon]]" in shown
