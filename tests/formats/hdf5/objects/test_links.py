"""Paths inside a file: which object they lead to, through which links, and what is never followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.errors import NotFoundError, RefusedError
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import Meta, Tree
from tests.support.h5files import make as h5files
from tests.support.reference.previews import stored
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session


def fill(h5: h5py.File) -> None:
    """Links of every kind; the targets of the external ones exist in this file too."""
    h5["group/data"] = np.arange(3)
    h5["type"] = np.dtype("<f4")
    h5["soft"] = h5py.SoftLink("/group/data")
    h5["to_group"] = h5py.SoftLink("group")
    h5["nowhere"] = h5py.SoftLink("/absent")
    h5["outside"] = h5py.ExternalLink("other.h5", "/group/data")
    h5["outside_group"] = h5py.ExternalLink("other.h5", "/group")
    h5["soft_outside"] = h5py.SoftLink("/outside")
    h5["soft_through"] = h5py.SoftLink("/outside_group/data")
    h5["loop"] = h5py.SoftLink("/loop")
    h5["group"].attrs["unit"] = "m"


def meta_of(path: str, store: MemoryStore | None = None) -> Meta:
    with memory_session(store or stored(fill)) as session:
        return meta(session, LOCATION, MetaRequest(path))


def tree_of(path: str, store: MemoryStore | None = None) -> Tree:
    with memory_session(store or stored(fill)) as session:
        return tree(session, LOCATION, TreeRequest(path, depth=0))


@pytest.mark.parametrize("path", ["group/data", "/group/data", "//group//data//", "/./group/./data/."])
def test_spellings_of_a_path(path: str) -> None:
    found = meta_of(path)
    assert (found.path, found.name, found.kind, found.shape) == ("/group/data", "data", "dataset", [3])


@pytest.mark.parametrize("path", ["/", "", ".", "//"])
def test_spellings_of_the_root(path: str) -> None:
    found = meta_of(path)
    assert (found.path, found.name, found.kind) == ("/", "/", "group") and found.file


@pytest.mark.parametrize(
    ("path", "kind", "target"),
    [
        ("/soft", "dataset", "/group/data"),
        ("/to_group", "group", "group"),
        ("/nowhere", "soft_link", "/absent"),
    ],
)
def test_soft_links_show_themselves_and_their_target(path: str, kind: str, target: str) -> None:
    found = meta_of(path)
    assert (found.path, found.kind, found.target) == (path, kind, target)
    assert found.link and found.link.resolved == (kind != "soft_link")


def test_paths_go_on_through_soft_links() -> None:
    assert meta_of("/to_group/data").shape == [3]
    assert [node.name for node in tree_of("/to_group").children] == ["data"]


@pytest.mark.parametrize("path", ["/outside", "/outside_group", "/soft_outside", "/soft_through", "/loop"])
def test_links_that_are_not_followed(path: str) -> None:
    found = meta_of(path)
    assert found.kind in ("soft_link", "external_link") and found.link and not found.link.resolved
    assert not isinstance(found.shape, list) and found.num_attributes == 0
    with memory_session(stored(fill)) as session, pytest.raises((NotFoundError, RefusedError), match="link"):
        preview(session, LOCATION, PreviewRequest(path))
    document = tree_of(path)
    assert document.children == [] and document.node and document.node.path == path


@pytest.mark.parametrize(
    ("path", "kind", "why"),
    [
        ("/absent", NotFoundError, "no /absent"),
        ("/group/absent/x", NotFoundError, "no /group/absent"),
        ("/group/data/x", NotFoundError, "/group/data is not a group"),
        ("/type/x", NotFoundError, "/type is not a group"),
        ("/group/..", NotFoundError, r"no /group/\.\."),
        ("/nowhere/x", NotFoundError, "soft link /nowhere leads nowhere"),
        ("/loop/x", NotFoundError, "soft link /loop leads nowhere"),
        ("/outside_group/data", RefusedError, "other.h5:/group, which is not followed"),
    ],
)
@pytest.mark.parametrize("question", [meta_of, tree_of])
def test_paths_that_lead_nowhere(question: Callable[[str], object], path: str, kind: type, why: str) -> None:
    with pytest.raises(kind, match=why):
        question(path)


@pytest.mark.parametrize(("hops", "resolved"), [(10, True), (39, True), (50, False)])
def test_chains_of_soft_links(tmp_path: Path, hops: int, resolved: bool) -> None:
    store = MemoryStore(h5files.make("soft_link_chain", tmp_path).read_bytes())
    found = meta_of(f"/link_{hops:02d}", store)
    assert found.link and found.link.resolved == resolved


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    store = MemoryStore(h5files.make("non_utf8_names", tmp_path).read_bytes())
    found = meta_of(os.fsdecode(b"/gr\xfcn/\xff\xfe"), store)
    assert (found.path, found.name, found.name_b64) == (r"/gr\xfcn/\xff\xfe", r"\xff\xfe", "//4=")
    assert meta_of(r"/gr\xfcn/\xff\xfe", store).kind == found.kind, "as the tree shows it"
    with pytest.raises(NotFoundError):
        meta_of(r"/gr\xfdn", store)


def test_odd_names_are_names_and_nothing_else(tmp_path: Path) -> None:
    path = h5files.make("odd_names", tmp_path)
    with h5py.File(path) as h5:
        names = list(h5)
    store = MemoryStore(path.read_bytes())
    for name in names:
        assert meta_of(f"/{name}/{name}", store).shape == [], name


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depth_and_limit(depth: int) -> None:
    def deep(h5: h5py.File) -> None:
        for number in range(5):
            h5[f"a{number}/b{number}/c{number}/d"] = 1

    with memory_session(stored(deep)) as session:
        document = tree(session, LOCATION, TreeRequest(depth=depth, limit=2))
    level = document.children
    assert (document.num_children, document.children_truncated, len(level)) == (5, True, 2)
    for _ in range(depth - 1):
        (level,) = [node.children for node in level[:1]]
    assert level[0].num_children == 1 and not isinstance(level[0].children, list)
