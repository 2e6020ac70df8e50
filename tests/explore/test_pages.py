"""The children of a group by pages, as they stand in the whole."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from h5s3.errors import UsageError
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.settings import Settings


@pytest.mark.parametrize("form", ["earliest", "latest", "ordered"])
def test_pages_of_a_group_are_all_of_it(form: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "many.h5", "w", libver=None if form == "earliest" else "latest") as file:
        group = file.create_group("many", track_order=form == "ordered")
        for number in range(25):
            group[f"d{(number * 7) % 25:02}"] = number
        group["inner/x"] = 1
    with Session(Settings()) as session:
        place = session.location(tmp_path / "many.h5")
        whole = tree(session, place, TreeRequest("/many", limit=0))
        found = []
        for first in range(0, 40, 10):
            page = tree(session, place, TreeRequest("/many", limit=10, first=first))
            assert page.num_children == 26 and len(page.children) <= 10
            found += page.children
        assert found == whole.children
        deep = tree(session, place, TreeRequest("/many", limit=3, first=25, depth=2))
        assert len(deep.children) == 1
    with pytest.raises(UsageError):
        TreeRequest(first=-1)
