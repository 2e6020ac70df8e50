"""What a cell may have of what stands below a place: nothing outside, nothing that was not looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import h5s3
from h5s3.cache import Cache
from h5s3.cell import wire
from h5s3.cell.serve import MOST_PATHS, Served
from h5s3.formats.base import Source
from h5s3.records import DatasetNode, nodes_of
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location
from h5s3.storage.siblings import MOST_FILES, Siblings
from h5s3.storage.stores.local import LocalStore
from h5s3.storage.trace import Trace
from tests.support.zarr_stores import made, on_disk


class Told:
    """A line that keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, bytes]] = []

    def send(self, message: Any, *behind: Any) -> None:
        """One message."""
        self.sent.append((message, b"".join(bytes(part) for part in behind)))


@pytest.fixture
def served(tmp_path: Path) -> Served:
    (tmp_path / "outside").write_bytes(b"secret")
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "inside").write_bytes(b"0123456789")
    (folder / "link").symlink_to(tmp_path / "outside")
    info = ObjectInfo(Location("local", str(folder)), "local", 0, cacheable=False)
    return Served(Source(info, b"", LocalStore(), Cache(enabled=False), Trace()))


def answer(served: Served, message: Any) -> tuple[Any, bytes]:
    """What the cell is sent."""
    line = Told()
    served.serve(line, message, memoryview(b""))  # type: ignore[arg-type]
    return line.sent[-1]


@pytest.mark.parametrize(
    "path", ["../outside", "a/../../outside", "link", "/etc/passwd", "", "a//b", "in\0side"]
)
def test_nothing_outside(path: str, served: Served) -> None:
    for message in (
        wire.LookAt([path], 100),
        wire.Below("entries", [path], 5),
        wire.Below("children", [path], 5),
    ):
        found, data = answer(served, message)
        assert b"secret" not in data
        assert isinstance(found, wire.Failed) or path in ("", "/etc/passwd", "link")


def test_what_was_looked_at(served: Served) -> None:
    looked, data = answer(served, wire.LookAt(["inside", "none"], 4))
    assert data == b"0123" and looked.found[0][0] == 0 and looked.found[1] is None
    assert answer(served, wire.ReadFrom([(0, 2, 5), (0, 9, 10)]))[1] == b"2349"
    number = msgspec.json.decode(answer(served, wire.Pages(""))[1])
    assert msgspec.json.decode(answer(served, wire.Page(number))[1]) == [["inside", 10], ["link", 6]][:1]
    assert msgspec.json.decode(answer(served, wire.Page(number))[1]) is None


@pytest.mark.parametrize(
    "message",
    [
        wire.ReadFrom([(7, 0, 1)]),
        wire.ReadFrom([(-1, 0, 1)]),
        wire.Page(3),
        wire.Page(-1),
        wire.LookAt(["inside"], -1),
        wire.LookAt(["inside"] * (MOST_PATHS + 1), 1),
        wire.LookAt(["inside"], 1 << 60),
        wire.Ready([]),
    ],
)
def test_nonsense(message: Any, served: Served) -> None:
    with pytest.raises(wire.MalformedError):
        answer(served, message)


def test_bytes_beyond_an_object(served: Served) -> None:
    answer(served, wire.LookAt(["inside"], 4))
    for start, stop in ((0, 11), (-1, 4), (5, 4)):
        with pytest.raises(wire.MalformedError):
            answer(served, wire.ReadFrom([(0, start, stop)]))


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_in_a_cell(version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers as in this process."""
    place = on_disk(made(version), tmp_path / "s.zarr")
    asked = (
        lambda: h5s3.tree(place, depth=0, attributes=True, values=True).to_dict(),
        lambda: h5s3.du(place).to_dict(),
        lambda: [h5s3.get(place, node.path).tolist() for node in arrays()],
    )

    def arrays() -> list[Any]:
        nodes = nodes_of(h5s3.tree(place, depth=0))
        found = [node for node in nodes if isinstance(node, DatasetNode)]
        return [node for node in found if node.dtype.startswith(("int", "float"))]

    found = [ask() for ask in asked]
    assert found[-1]
    monkeypatch.setenv("H5S3_CELL", "0")
    assert repr(found) == repr([ask() for ask in asked])


@pytest.fixture
def following(tmp_path: Path) -> Served:
    """A file that may lead to others of its folder."""
    (tmp_path / "outside").write_bytes(b"secret")
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("master", "data", "unnamed"):
        (folder / name).write_bytes(name.encode() * 10)
    store, place = LocalStore(), Location("local", str(folder / "master"))
    siblings = Siblings(place, None, store.first, Trace())
    info = store.head(place)
    source = Source(info, b"", store, Cache(enabled=False), Trace(), follows=True, siblings=siblings)
    return Served(source)


def test_files_that_a_file_names(following: Served) -> None:
    names = [b"data", b"../outside", b"none", b"/etc/passwd"]
    found, data = answer(following, wire.Siblings(names, 0))
    assert [one and one[0] for one in found.found] == [1, None, None, None]
    assert [kind for kind, _, _ in found.failures] == ["RefusedError", "NotFoundError", "RefusedError"]
    assert data == b"data" * 10
    assert answer(following, wire.Ranges([(0, 4)], False, 0, 1))[0] == wire.Done()
    again, _ = answer(following, wire.Siblings([b"./data", b"master"], 1))
    assert [one[0] for one in again.found] == [1, 0]


@pytest.mark.parametrize(
    "message",
    [
        wire.Ranges([(0, 4)], False, 0, 1),
        wire.Ranges([(0, 4)], False, 0, -1),
        wire.Look(["block:x:0"], 0, 1),
        wire.Keep("block", [("block:x:0", 0)], 0, 1),
        wire.Siblings([b"data"], 1),
        wire.Siblings([b"x"] * (MOST_FILES + 1), 0),
    ],
)
def test_files_that_were_not_named(message: Any, following: Served) -> None:
    with pytest.raises(wire.MalformedError):
        answer(following, message)


def test_no_files_where_none_are_followed(served: Served) -> None:
    with pytest.raises(wire.MalformedError):
        answer(served, wire.Siblings([b"inside"], 0))
