"""Damaged files: what can be read is shown, what cannot is said plainly, and never with a traceback."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5o

import h5s3.explore.session
from h5s3.errors import DamagedError, H5s3Error
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import DatasetNode, GroupNode, UnresolvedNode, to_json
from tests.support.h5files import make as h5files
from tests.support.reference.previews import stored
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, memory_session

OPENS = {"corrupted_btree", "corrupted_local_heap", "corrupted_child_header", "swmr_left_open"}
"""Bad files of which something can be shown."""

SAYS = {
    "empty_file": "empty",
    "html_error_page": "an HTML page",
    "xml_error": "an XML document",
    "gzipped": "gzip",
    "netcdf_classic": "NetCDF-3",
    "hdf4": "an HDF4 file",
    "not_hdf5": "not an HDF5 file",
    "zeros": "not an HDF5 file",
    "truncated": "truncated",
    "cut_tail": "truncated",
}


@pytest.fixture(params=[False, True], ids=["whole", "in pieces"])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files that come at once, and files that come in small blocks when they are asked for."""
    if not request.param:
        yield
        return
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)
    with in_blocks(512):
        yield


def stored_file(store: MemoryStore) -> h5py.File:
    return h5py.File(io.BytesIO(store.data))


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize("name", sorted(h5files.BAD.keys() - OPENS))
def test_bad_files_are_damaged(name: str, tmp_path: Path) -> None:
    with memory_session(MemoryStore(h5files.make(name, tmp_path).read_bytes())) as session:
        for question in (tree, meta):
            with pytest.raises(DamagedError) as caught:
                question(session, LOCATION)
            assert caught.value.location == "s3://memory/file.h5"
            assert SAYS.get(name, "") in str(caught.value)


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize("name", sorted(OPENS))
def test_files_that_open_end_in_a_record_or_a_plain_error(name: str, tmp_path: Path) -> None:
    with memory_session(MemoryStore(h5files.make(name, tmp_path).read_bytes())) as session:
        for question in (tree, meta):
            try:
                assert to_json(question(session, LOCATION))
            except DamagedError as error:
                assert name in ("corrupted_btree", "corrupted_local_heap") and error.location


@pytest.mark.usefixtures("pieces")
def test_one_damaged_object_among_others(tmp_path: Path) -> None:
    store = MemoryStore(h5files.make("corrupted_child_header", tmp_path).read_bytes())
    with memory_session(store) as session:
        group, other = tree(session, LOCATION, TreeRequest(depth=0, attributes=True)).children
        assert isinstance(group, GroupNode) and group.children
        assert isinstance(other, UnresolvedNode) and other.reason and other.path == "/other"
        root = meta(session, LOCATION)
        assert root.num_children == 2 and root.attributes[0].value == "sound" and root.file
        with pytest.raises(DamagedError):
            meta(session, LOCATION, MetaRequest("/other"))
        with pytest.raises(DamagedError):
            preview(session, LOCATION, PreviewRequest("/other"))
        with pytest.raises(DamagedError):
            tree(session, LOCATION, TreeRequest("/other"))
        assert preview(session, LOCATION, PreviewRequest("/group/data")).stats


def damaged_group(session: Session) -> GroupNode:
    (node,) = [
        child for child in tree(session, LOCATION, TreeRequest(depth=0)).children if child.name == "group"
    ]
    assert isinstance(node, GroupNode)
    return node


@pytest.mark.usefixtures("pieces")
def test_a_group_whose_links_cannot_be_listed() -> None:
    def fill(h5: h5py.File) -> None:
        for number in range(20):
            h5.create_dataset(f"group/{number}", data=np.arange(3))
        h5["beside"] = 1

    store = stored(fill)
    with stored_file(store) as h5:
        header = h5o.get_info(h5.id, b"group").addr
    heap = store.data.index(b"HEAP", header)
    store = MemoryStore(store.data[:heap] + b"PEAH" + store.data[heap + 4 :])
    with memory_session(store) as session:
        node = damaged_group(session)
        assert node.error and node.children == []
        with pytest.raises(DamagedError):
            tree(session, LOCATION, TreeRequest("/group"))


@pytest.mark.usefixtures("pieces")
def test_attributes_that_cannot_be_listed() -> None:
    """The rest of an object is shown, and why its attributes are not."""

    def fill(h5: h5py.File) -> None:
        for name in ("data", "other"):
            dataset = h5.create_dataset(name, data=np.arange(6.0), chunks=(2,))
            for number in range(12):
                dataset.attrs[f"attribute {number}"] = number

    store = stored(fill, libver="latest")
    heap = store.data.index(b"FRHP")
    store = MemoryStore(store.data[:heap] + b"XXXX" + store.data[heap + 4 :])
    with memory_session(store) as session:
        found = meta(session, LOCATION, MetaRequest("/data"))
        assert (found.shape, found.num_chunks, found.num_attributes) == ([6], 3, 12)
        assert found.attributes == [] and found.attributes_truncated
        assert isinstance(found.reason, str) and "attributes" in found.reason
        assert len(meta(session, LOCATION, MetaRequest("/other")).attributes) == 12
        shown = preview(session, LOCATION, PreviewRequest("/data"))
        assert shown.stats and shown.stats.max == 5
        assert isinstance(tree(session, LOCATION).children[0], DatasetNode)


@pytest.mark.usefixtures("pieces")
def test_a_chunk_index_that_cannot_be_read() -> None:
    store = stored(lambda h5: h5.create_dataset("data", data=np.arange(600), chunks=(2,)))
    index = store.data.rindex(b"TREE")
    store = MemoryStore(store.data[:index] + b"EERT" + store.data[index + 4 :])
    with memory_session(store) as session:
        found = meta(session, LOCATION, MetaRequest("/data"))
        assert (found.shape, found.storage_size, found.num_chunks) == ([600], None, None)
        with pytest.raises(H5s3Error) as caught:
            preview(session, LOCATION, PreviewRequest("/data"))
        assert caught.value.exit_code == 6


def test_a_huge_fill_value_is_not_written_out() -> None:
    kind = np.dtype(("<f8", (10**6,)))
    store = stored(lambda h5: h5.create_dataset("data", shape=(1,), dtype=kind))
    with memory_session(store) as session:
        assert len(to_json(meta(session, LOCATION, MetaRequest("/data")))) < 10_000
