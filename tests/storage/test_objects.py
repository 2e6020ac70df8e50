"""Many objects below one place: one round, and nothing outside of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from h5s3.errors import RefusedError
from h5s3.settings import Settings
from h5s3.storage.location import Location, parse_location
from h5s3.storage.objects import Objects
from h5s3.storage.stores.local import MOST_OPEN, LocalStore
from h5s3.storage.stores.s3 import open_s3
from h5s3.storage.trace import Trace
from tests.support.servers.s3 import S3Server


@pytest.fixture
def local(tmp_path: Path) -> Objects:
    (tmp_path / "root").mkdir()
    return Objects(LocalStore(), Location("local", str(tmp_path / "root")), Trace())


def test_one_round_for_all_of_them(server: S3Server) -> None:
    for name in ("a", "b", "folder/c"):
        server.put("objects", f"many/{name}", name.encode() * 10)
    settings = Settings(
        endpoint_url=server.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
    )
    trace = Trace()
    store = open_s3(parse_location("s3://objects/many"), settings, trace)
    with closing(store), closing(Objects(store, parse_location("s3://objects/many"), trace)) as objects:
        found = objects.look(["a", "missing", "folder/c", "b"], 5)
        assert [one and (one[0].size, one[1]) for one in found] == [
            (10, b"aaaaa"), None, (80, b"folde"), (10, b"bbbbb"),
        ]  # fmt: skip
        assert (trace.rounds, trace.total) == (1, 4)
        a, c = (one[0] for one in (found[0], found[2]) if one)
        assert objects.read([(a, (8, 10)), (c, (0, 8))]) == [b"aa", b"folder/c"]
        assert objects.children(["", "folder"], 10) == [["a", "b", "folder/"], ["c"]]
        assert objects.entries(["", "nothing"], 1) == [[("a", 10), ("b", 10)], []]
        assert sorted(one for page in objects.below() for one in page) == [
            ("a", 10),
            ("b", 10),
            ("folder/c", 80),
        ]
        names, there = objects.marked(("a", "x"), 3)
        assert set(names) == {"a", "b", "folder/"} and there["a"][1] == b"aaa"


@pytest.mark.parametrize("path", ["..", "../a", "a/../../b", "/a", "a//b", "a/.", "a\0"])
def test_paths_that_lead_elsewhere(path: str, local: Objects) -> None:
    for ask in (
        lambda: local.look([path], 1),
        lambda: local.children([path], 1),
        lambda: list(local.below(path)),
    ):
        with pytest.raises(RefusedError):
            ask()


def test_more_files_than_may_be_open(local: Objects, tmp_path: Path) -> None:
    names = [f"file{number}" for number in range(3 * MOST_OPEN)]
    for name in names:
        (tmp_path / "root" / name).write_bytes(name.encode())
    found = local.look(names, 100)
    assert [one[1].decode() for one in found if one] == names
    infos = [(one[0], (0, 4)) for one in found if one]
    assert local.read(infos) == [b"file"] * len(names)
