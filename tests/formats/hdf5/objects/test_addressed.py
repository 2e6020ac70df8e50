"""Objects that are opened by their addresses are those that have the names."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.formats.hdf5.objects.addressed import Addressed
from h5s3.formats.hdf5.objects.links import address_of, list_links
from tests.support.servers.memory import LOCATION, MemoryStore, one_file_session


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    """A file behind a user block: addresses count from its end."""
    path = tmp_path / "file.h5"
    with h5py.File(path, "w", userblock_size=512) as h5:
        h5["dataset"], h5["group/inside"], h5["type"] = 1, 2, np.dtype("<i4")
        h5["alias"] = h5["dataset"]
    return MemoryStore(path.read_bytes())


@pytest.mark.parametrize("expected", [True, False])
def test_objects_by_address_are_those_by_name(store: MemoryStore, expected: bool) -> None:
    with one_file_session(LOCATION, store) as session:
        links, addressed = list_links(session.file.root), Addressed(session.file)
        if expected:
            addressed.expect([link.address for link in links if link.address is not None])
        found = [addressed.open(session.file.root, link) for link in links]
        assert [link.name for link in links] == [b"alias", b"dataset", b"group", b"type"]
        assert [type(item).__name__ for item in found] == [
            "DatasetID",
            "DatasetID",
            "GroupID",
            "TypeIntegerID",
        ]
        assert [address_of(item) for item in found[:3]] == [link.address for link in links[:3]]
        assert found[0] == found[1]
        del found, addressed


def test_where_no_object_is_the_name_decides(store: MemoryStore) -> None:
    with one_file_session(LOCATION, store) as session:
        link, addressed = list_links(session.file.root)[1], Addressed(session.file)
        for address in (0, 1, 1 << 40, (1 << 64) - 1):
            addressed.expect([address])
            assert (
                address_of(addressed.open(session.file.root, link._replace(address=address))) == link.address
            )
        with pytest.raises(KeyError):
            addressed.open(session.file.root, link._replace(name=b"absent", address=1))
