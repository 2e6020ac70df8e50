"""Groups and prefixes with very many children: listed once, described where they are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import pytest
import zarr

from h5s3.browse.places.children import Page
from h5s3.browse.places.items import Item
from h5s3.browse.places.members import PART, Members, Packing, Part
from h5s3.browse.places.outline import MOST_CHOSEN, Outline
from h5s3.browse.places.rows import MORE
from h5s3.cell.host import Cell
from h5s3.explore import tree as trees
from h5s3.explore.session import Session
from h5s3.explore.tree import child_names, child_nodes, tree
from h5s3.formats.requests import TreeRequest
from h5s3.records import ChildNames, DatasetNode
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.browse.screen import Screen, browsing

TOP = Item("file", "x.h5", Location("local", "/x.h5"))


def names(first: int, last: int) -> ChildNames:
    found = [f"Name_{number:06}" for number in range(first, last)]
    return ChildNames(names=found, addresses=list(range(first, last)))


def packed(found: Iterable[ChildNames]) -> tuple[list[Part], int]:
    packing = Packing()
    for some in found:
        packing.take(some)
    return packing.parts(), packing.count


def names_in(session: Session, place: Location, path: str) -> tuple[list[ChildNames], int]:
    found: list[ChildNames] = []
    total = child_names(session, place, path, found.append, found.clear)
    assert total is not None
    return found, total


def large(count: int) -> Outline:
    outline = Outline(TOP)
    outline.begin(outline.top)
    outline.add(outline.top, Page((), names=packed(names(at, at + 700) for at in range(0, count, 700))))
    return outline


@pytest.fixture(
    scope="module",
    params=["latest", *(pytest.param(one, marks=pytest.mark.slow) for one in ("earliest", "created"))],
)
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A group of 2,600 links of all kinds: in an old-style group, in a new-style one, in creation order."""
    path = tmp_path_factory.mktemp("large") / f"{request.param}.h5"
    version = "latest" if request.param == "created" else request.param
    with h5py.File(path, "w", libver=version) as file:
        kind, space = h5py.h5t.STD_I16LE, h5py.h5s.create_simple((3,))
        group = file.create_group("many", track_order=request.param == "created")
        for number in reversed(range(2600)):
            h5py.h5d.create(group.id, b"n%05d" % number, kind, space)
        group.create_group("n00777b")
        group["n00777c"] = h5py.SoftLink("/target")
        group["n00777d"] = h5py.ExternalLink("other.h5", "/x")
        h5py.h5d.create(group.id, b"n00777\xff", kind, space)
        group["one/two"] = 1
        file["z"] = 1
    return path


def told(names: Sequence[ChildNames]) -> list[str]:
    return [name for some in names for name in some.names]


@pytest.mark.parametrize("inside", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_names_and_nodes_are_those_of_the_tree(many: Path, inside: bool) -> None:
    with Session(Settings(no_cache=True), cell=Cell() if inside else None) as session:
        place = session.location(many)
        whole = tree(session, place, TreeRequest("/many", limit=0)).children
        found = names_in(session, place, "/many")
        assert found[1] == len(whole)
        assert told(found[0]) == [node.name for node in whole]
        some = [number for number, node in enumerate(whole) if node.name.startswith(("n00777", "one"))]
        addresses = [address for part in found[0] for address in part.addresses]
        asked = ChildNames(names=[whole[at].name for at in some], addresses=[addresses[at] for at in some])
        nodes = child_nodes(session, place, "/many", asked)
        assert [(type(one), one.name, one.path, one.name_b64) for one in nodes] == [
            (type(whole[at]), whole[at].name, whole[at].path, whole[at].name_b64) for at in some
        ]
        assert {type(one).__name__ for one in nodes} >= {"DatasetNode", "GroupNode", "SoftLinkNode"}


@pytest.mark.parametrize("consolidated", [True, False])
def test_names_and_nodes_of_a_zarr_group_are_those_of_the_tree(tmp_path: Path, consolidated: bool) -> None:
    root = zarr.open_group(tmp_path / "s.zarr", mode="w", zarr_format=2)
    for number in range(4):
        root.create_array(f"many/a{number}", shape=(number + 1,), dtype="i2")
    root.create_group("many/g/deep")
    if consolidated:
        zarr.consolidate_metadata(tmp_path / "s.zarr")
    with Session(Settings(no_cache=True)) as session:
        place = session.location(tmp_path / "s.zarr")
        whole = tree(session, place, TreeRequest("/many")).children
        found = names_in(session, place, "/many")
        assert told(found[0]) == [node.name for node in whole]
        assert bool(found[0][0].nodes) == consolidated
        assert child_nodes(session, place, "/many", ChildNames(names=told(found[0]))) == whole


def test_the_end_of_a_large_group_is_reached_at_once(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("_child_names", "child_nodes", "tree"):
        real = getattr(trees, name)

        def noted(*given: object, real: object = real, name: str = name, **named: object) -> object:
            asked.append(name)
            return real(*given, **named)  # type: ignore[operator]

        for module in ("h5s3.explore.tree", "h5s3.browse.places.children", "h5s3.browse.details"):
            monkeypatch.setattr(f"{module}.{name}", noted, raising=False)

    async def steps(screen: Screen) -> None:
        view = screen.app.tree_view
        text = await screen.press("down", "right")
        assert ("n02599  3  int16" if "created" in many.name else "n00000  3  int16") in text
        assert len(screen.app.outline.shown) < 1100 and asked.count("_child_names") == 0
        view.move_to(900)
        text = await screen.press("pagedown", "end", "up")
        assert len(screen.app.outline.shown) == 2605 + 3
        assert "one/  1" in text  # described where they are seen
        assert asked.count("_child_names") == 1
        assert not list(view.unknown())
        described = asked.count("child_nodes")
        assert 1 <= described < 6
        await screen.press("home")
        view.move_to(1500)
        await screen.settled()
        assert "3  int16" in screen.text and not list(view.unknown())
        assert "n02222  3  int16" in await screen.press("slash", "=02222")
        await screen.press("slash", "=")
        assert "n01234" in await screen.press("g", "=/many/n01234")
        assert view.row.item.name == "n01234" and view.row.item.is_array
        assert asked.count("_child_names") == 1

    browsing(many, steps, size=(100, 30))


@pytest.mark.slow
def test_a_prefix_of_many_names_is_gone_through_to_its_end(tmp_path: Path) -> None:
    for number in range(1300):
        (tmp_path / f"f{number:04}.txt").touch()

    async def steps(screen: Screen) -> None:
        assert len(screen.app.outline.shown) < 1100
        assert "f1299.txt" in await screen.press("end")
        assert len(screen.app.outline.shown) == 1301
        assert "f1148.txt" in await screen.press("slash", "=1148")

    browsing(tmp_path, steps)


def test_a_million_names_take_little_memory_and_no_rows() -> None:
    outline = large(70_000)
    assert len(outline.shown) == 70_001 and outline.loaded == 70_000
    row = outline.shown[69_999]
    assert row.item.name == "Name_069998" and not row.item.known and outline.place(row) == 69_999
    for place in range(0, 60_000, 5):
        assert outline.shown[place].depth < 2
    assert len(outline.top.rows._made) <= 5000


def test_rows_are_where_they_are_found_whatever_is_opened() -> None:
    outline = large(2100)
    for number in (0, 3, 4, 2099):
        row = outline.top.rows[number]
        outline.begin(row)
        outline.add(row, Page([], names=packed([names(0, 5)])))
    inner = outline.top.rows[3].rows[2]
    outline.begin(inner)
    outline.add(inner, Page([], names=packed([names(0, 3)]), more=True))
    shown = list(outline.shown)
    assert len(shown) == 1 + 2100 + 4 * 5 + 4
    assert [outline.place(row) for row in shown] == list(range(len(shown)))
    assert shown[13].note == "" and [row.note for row in shown if row.note] == [MORE]
    outline.close(outline.top.rows[3])
    assert len(outline.shown) == 1 + 2100 + 3 * 5 and outline.place(inner) is None


def test_a_filter_looks_at_all_names_and_shows_so_many() -> None:
    outline = large(MOST_CHOSEN + 5000)
    outline.filter = "NAME_0012"
    outline.refresh()
    assert [row.item.name for row in outline.shown[1:3]] == ["Name_001200", "Name_001201"]
    assert len(outline.shown) == 101 and outline.place(outline.shown[7]) == 7
    outline.filter = "name"
    outline.refresh()
    assert len(outline.shown) == MOST_CHOSEN + 1


def test_members_are_packed_and_unpacked() -> None:
    def node(number: int) -> DatasetNode:
        name = f"d{number}"
        return DatasetNode(name=name, path=f"/{name}", shape=[2], dtype="int8", size=2, ndim=1, nbytes=2)

    members = Members(TOP)
    for first in range(0, 900, 90):
        members.add([TOP.named(node(number)) for number in range(first, first + 90)])
    assert len(members) == 900 and [one.name for one in members] == [f"d{at}" for at in range(900)]
    assert all(one.node == node(at) for at, one in enumerate(members)) and 900 % PART
    assert list(members.called("d77")) == [77] and members.matching("D89", 9) == [89, *range(890, 898)]
