"""The walk that `tree`, `du` and the inventory share: its order, its bounds, failures as answers."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import h5py
import pytest

from h5s3.errors import DamagedError
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import count_links, kind_of, list_links, open_link
from h5s3.formats.hdf5.walk import Cut, Group, Listing, Step, Walk, unreadable
from tests.support.servers.memory import LOCATION, MemoryStore, one_file_session

PATHS = ["/a", "/b", "/c", "/a/x", "/a/y", "/b/x", "/a/y/deep"]  # in the order of a walk


class Names(Walk[str, str]):
    """Meets every link; groups are walked, unless their name is in `fail`."""

    def __init__(self, file: OpenFile, levels: int = 9, links: int = 99, text: int = sys.maxsize) -> None:
        super().__init__(file, levels=levels, links=links, text=text)
        self.met_paths: list[str] = []
        self.failed: dict[str, str] = {}
        self.left: list[tuple[str, int]] = []
        self.waves = 0
        self.fail: set[bytes] = set()

    def links_of(self, group: Group[str]) -> Listing:
        opened = group.open()
        if group.path in self.fail:
            raise DamagedError("not to be listed")
        links = list_links(opened)
        return Listing(opened, count_links(opened), len(links), links)

    def describe(self, step: Step[str]) -> str:
        if step.path in self.fail:
            raise ValueError("not to be opened")
        return kind_of(open_link(step.group, step.link)) if step.link.link_class == "hard" else "link"

    def meet(self, step: Step[str], answer: str | Exception) -> str | None:
        path = step.path.decode()
        assert path.startswith(f"{step.owner}/")
        self.met_paths.append(path)
        if isinstance(answer, Exception):
            self.failed[path] = str(answer)
        return path if answer == "group" else None

    def unlisted(self, group: Group[str], error: Exception) -> None:
        self.failed[group.path.decode()] = str(unreadable(group.path, error))

    def leave(self, group: Group[str], listing: Listing) -> None:
        self.left.append((group.path.decode(), listing.total))

    def wave_ended(self) -> None:
        self.waves += 1


@pytest.fixture
def store() -> MemoryStore:
    data = io.BytesIO()
    with h5py.File(data, "w") as h5:
        h5["a/x"] = [1.0]
        h5.create_group("a/y/deep")
        h5["b/x"] = h5["a/x"]
        h5["c"] = h5py.SoftLink("/a")
    return MemoryStore(data.getvalue())


@pytest.fixture
def file(store: MemoryStore) -> Iterator[OpenFile]:
    with one_file_session(LOCATION, store) as session:
        yield session.file


def test_level_after_level(file: OpenFile) -> None:
    walk = Names(file)
    assert not walk.descend("", b"/", file.root)
    assert walk.met_paths == PATHS and not walk.failed and walk.cut is None
    assert walk.left == [("/", 3), ("/a", 2), ("/b", 1), ("/a/y", 1), ("/a/y/deep", 0)]
    assert (walk.depth, walk.waves) == (4, 3)


@pytest.mark.parametrize("at_once", [1, 2])
def test_waves_of_few_change_nothing(file: OpenFile, at_once: int) -> None:
    walk = Names(file)
    walk.at_once = at_once
    walk.descend("", b"/", file.root)
    assert sorted(walk.met_paths) == sorted(PATHS) and walk.waves > 3


def test_bounds(file: OpenFile) -> None:
    for bounds, cut, met, left in (
        ({"levels": 1}, None, 3, [b"/a", b"/b"]),
        ({"links": 5}, Cut.LINKS, 5, [b"/a/y"]),
        ({"links": 3}, Cut.LINKS, 3, [b"/a", b"/b"]),
        ({"links": 8}, None, 7, []),
        ({"text": 4}, Cut.TEXT, 1, [b"/a"]),
        ({"levels": 0}, None, 0, [b"/"]),
    ):
        walk = Names(file, **bounds)  # type: ignore[arg-type]
        found = [group.path for group in walk.descend("", b"/", file.root)]
        assert (walk.cut, len(walk.met_paths), found) == (cut, met, left), bounds


def test_failures_are_answers(file: OpenFile) -> None:
    walk = Names(file)
    walk.fail = {b"/a", b"/b/x"}
    walk.descend("", b"/", file.root)
    assert walk.failed == {"/a": "not to be opened", "/b/x": "not to be opened"}
    assert walk.met_paths == ["/a", "/b", "/c", "/b/x"]
    walk = Names(file)
    walk.fail = {b"/"}
    walk.descend("", b"/", file.root)
    assert walk.failed == {"/": "not to be listed"}
    assert str(unreadable(b"/a", ValueError("odd"))) == "the links of /a cannot be read: odd"
