"""`tree` and `meta` say of every generated file what h5py says of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import msgspec
import pytest
from h5py import h5t

from h5s3.explore.meta import meta
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import Meta, to_json
from h5s3.storage.location import Location
from tests.support.h5files import make as h5files
from tests.support.h5files.registry import raw_attribute
from tests.support.reference import h5py_walk
from tests.support.reference.compare_attributes import (
    Case,
    attribute_names,
    check_attributes,
)
from tests.support.reference.compare_objects import (
    LINKS,
    check_dataset,
    check_group,
    check_link,
    check_node,
    check_type,
    groups_of_aliases,
    nodes_below,
)
from tests.support.reference.h5py_values import os_bytes, shown
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, one_file_session

MOST = 150  # objects of one file that `meta` describes in turn: of more, every n-th


@contextmanager
def opened(path: Path) -> Iterator[Case]:
    """A local file, in blocks as they are."""
    location = Location("local", str(path))
    with one_file_session(location) as session, h5py.File(path, "r") as h5:
        yield Case(session, location, h5, h5py_walk.walk(path))


@contextmanager
def in_pieces(path: Path, ahead: bool) -> Iterator[Session]:
    """A session over the same file at LOCATION, in blocks so small that much is missed."""
    with in_blocks(512, ahead=ahead), one_file_session(LOCATION, MemoryStore(path.read_bytes())) as session:
        yield session


# ----------------------------------------------------------------------------------------------- tree


@pytest.mark.parametrize("name", sorted(h5files.FILES))
def test_tree(files: dict[str, Path], name: str) -> None:
    """What it says of the whole file is what h5py says; of the file in pieces it says the same."""
    whole = {"depth": 0, "limit": 0, "attributes": True}
    with opened(files[name]) as case:
        document = tree(case.session, case.location, TreeRequest(**whole))
        nodes = nodes_below(document)
        assert nodes.keys() == case.entries.keys()
        assert document.num_children == len(document.children) and not document.children_truncated
        named = {shown(os_bytes(path)): path for path in nodes}
        aliases = {path: named[node["alias_of"]] for path, node in nodes.items() if "alias_of" in node}
        wanted = {path: entry["canonical"] for path, entry in case.entries.items() if entry.get("alias")}
        assert groups_of_aliases(aliases) == groups_of_aliases(wanted)
        for path, node in nodes.items():
            check_node(case, path, node)
    for ahead in (False, True):
        with in_pieces(files[name], ahead) as session:
            assert tree(session, LOCATION, TreeRequest(**whole)).children == document.children  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------- meta


@pytest.mark.parametrize("name", sorted(h5files.FILES))
def test_meta(files: dict[str, Path], name: str) -> None:
    """What it says of every object is what h5py says; of the file in pieces it says the same."""
    said: dict[str, Meta] = {}
    with opened(files[name]) as case:
        every = len(case.entries) // MOST + 1
        for path, entry in list(case.entries.items())[::every]:
            document = said[path] = meta(case.session, case.location, MetaRequest(path, all_attributes=True))
            assert msgspec.json.decode(to_json(document), type=Meta).path == shown(os_bytes(path))
            if entry["kind"] in LINKS:
                check_link(case, path, entry, document)
                continue
            assert document.kind == entry["kind"], path
            entry = case.entries[entry.get("canonical", path)]
            if entry.get("attribute_count") is None:
                continue
            owner = case.object(path)
            check_attributes(case, owner, document.attributes, attribute_names(owner))
            if entry["kind"] == "group":
                check_group(case, path, document, owner)
            else:
                check_type(document, owner.get_type() if entry["kind"] == "dataset" else owner)
            if entry["kind"] == "dataset":
                check_dataset(case, entry, document, owner)
    for ahead in (False, True):
        with in_pieces(files[name], ahead) as session:
            for path, document in said.items():
                found = meta(session, LOCATION, MetaRequest(path, all_attributes=True))
                assert msgspec.structs.replace(found, **where(document)) == document


def where(document: Meta) -> dict[str, Any]:
    """What of a record depends on where the file is."""
    names = {"location", "key", "etag", "cached", "last_modified"} & set(document.__struct_fields__)
    return {name: getattr(document, name) for name in names}


def test_opaque_attribute_with_a_tag(tmp_path: Path) -> None:
    """What h5py does not read, because it would have to take off the tag."""
    with h5py.File(tmp_path / "tagged.h5", "w") as h5:
        type_id = h5t.create(h5t.OPAQUE, 3)
        type_id.set_tag(b"of ours")
        raw_attribute(h5, "tagged", type_id, (2,), b"abcdef")
    location = Location("local", str(tmp_path / "tagged.h5"))
    with one_file_session(location) as session:
        (found,) = meta(session, location).attributes
    assert (found.value, found.dtype) == (
        [base64.b64encode(item).decode() for item in (b"abc", b"def")],
        "opaque[3]",
    )
