"""What is told of the conventions that communities put on top of HDF5."""

from __future__ import annotations

from pathlib import Path

import pytest

from h5s3.explore.meta import meta
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import GroupNode
from h5s3.storage.location import Location
from tests.support.h5files import make as h5files
from tests.support.servers.memory import one_file_session

FOLLOWS = {
    "netcdf4": ["NetCDF-4", "CF"],
    "netcdf4_unnamed_dimensions": ["CF"],
    "nexus": ["NeXus"],
    "nexus_old_style": ["NeXus"],
    "matlab73": ["MATLAB 7.3"],
    "anndata": ["AnnData"],
    "anndata_old_style": ["AnnData"],
    "pytables": ["PyTables"],
    "pandas": ["PyTables"],
    "keras": ["Keras"],
    "keras3_weights": ["Keras"],
    "nwb": ["NWB"],
}


@pytest.mark.parametrize("name", sorted(h5files.FILES))
def test_conventions_of_a_file(name: str, tmp_path: Path) -> None:
    location = Location("local", str(h5files.make(name, tmp_path)))
    with one_file_session(location) as session:
        file = meta(session, location).file
    assert file and file.conventions == FOLLOWS.get(name, [])


def test_classes_of_nexus_groups(tmp_path: Path) -> None:
    location = Location("local", str(h5files.make("nexus", tmp_path)))
    with one_file_session(location) as session:
        (entry,) = tree(session, location, TreeRequest(depth=0)).children
    assert isinstance(entry, GroupNode) and entry.nx_class == "NXentry" and entry.children
    classes = {node.name: node.nx_class for node in entry.children if isinstance(node, GroupNode)}
    assert classes == {"data": "NXdata", "instrument": "NXinstrument"}


def test_dimensions_are_named_by_the_paths_of_their_scales(tmp_path: Path) -> None:
    location = Location("local", str(h5files.make("dimension_scales", tmp_path)))
    with one_file_session(location) as session:
        dimensions = meta(session, location, MetaRequest("/data")).dimensions or []
        assert meta(session, location, MetaRequest("/time")).is_scale
        assert not meta(session, location, MetaRequest("/data")).is_scale
    assert [item.scales for item in dimensions] == [["/time"], ["/height", "/altitude"], []]
    assert [item.label or "" for item in dimensions] == ["t", "", "channel"]


def test_broken_dimension_scales_are_told_as_such(tmp_path: Path) -> None:
    """One that is no scale, one that was deleted, one that is null."""
    location = Location("local", str(h5files.make("dimension_scales_broken", tmp_path)))
    with one_file_session(location) as session:
        dimensions = meta(session, location, MetaRequest("/data")).dimensions or []
    assert [item.scales for item in dimensions] == [["/plain"], ["dangling"], []]
