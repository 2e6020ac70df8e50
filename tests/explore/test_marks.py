"""Which prefixes of a listing are Zarr stores, and what it costs to tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import h5s3
from h5s3.errors import AccessError
from h5s3.explore import marks
from h5s3.explore.ls import ls
from h5s3.explore.questions import Question
from h5s3.explore.session import Session
from h5s3.records import UNSET, Listing
from h5s3.settings import Settings
from h5s3.storage.location import Location, parse_location
from h5s3.storage.stores.s3 import S3Store
from tests.support.cli import run
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.zarr_stores import GROUP_OF_V2, GROUP_OF_V3, array_of_v2, array_of_v3, on_disk, on_server

STORES = {
    "array2/": {".zarray": array_of_v2(), "0": bytes(8)},
    "array3/": {"c/0": bytes(8), "zarr.json": array_of_v3()},
    "consolidated/": {".zmetadata": b"{}"},
    "group2/": {".zgroup": GROUP_OF_V2, "a/.zarray": array_of_v2()},
    "many.zarr/": {**{f"v{number:03}/zarr.json": b"{}" for number in range(120)}, "zarr.json": GROUP_OF_V3},
}
OTHERS = {
    "attributes/": {".zattrs": b"{}"},
    "deeper/": {"inside/zarr.json": GROUP_OF_V3},
    "like zarr.json/": {"zarr.json.txt": b"x", "x%2Fzarr.json": b"x"},
    "named.zarr/": {"notes.txt": b"x"},
}
FOUND = dict.fromkeys(STORES, "zarr")
ALL = {
    name + key: data for held in (STORES, OTHERS) for name, one in held.items() for key, data in one.items()
}
HERE = "s3://marked/level/"


QUESTION = Question(formats=True)


@pytest.fixture(scope="module")
def filled() -> set[str]:
    return set()


@pytest.fixture
def counted(server: S3Server, filled: set[str]) -> Iterator[Proxy]:
    """A proxy before a server that has all the stores."""
    if server.url not in filled:
        on_server({**ALL, "notes.txt": b"x"}, server, "marked", "level")
        filled.add(server.url)
    with Proxy(server) as proxy:
        proxy.delay = 0.05
        yield proxy


def asking(server: S3Server, proxy: Proxy, question: Question, where: str = HERE, **more: bool) -> Listing:
    """The listing, by a session as a new process has it; what it counts is what the proxy saw."""
    proxy.reset()
    settings = Settings(
        endpoint_url=proxy.url, access_key=server.access_key, secret_key=server.secret_key,
        region=server.region, **more,
    )  # fmt: skip
    with Session(settings) as session:
        found = ls(session, parse_location(where), question)
        assert (session.trace.total, session.trace.rounds) == (proxy.count(), proxy.rounds())
    return found


def formats(found: Listing) -> dict[str, str]:
    names = {entry.key.removeprefix("level/"): entry.format for entry in found.entries}
    return {name: format for name, format in names.items() if format is not UNSET}


def test_stores_are_told_by_one_small_list_for_each_prefix(server: S3Server, counted: Proxy) -> None:
    found = asking(server, counted, QUESTION)
    assert formats(found) == FOUND and len(found.entries) == 1 + len(STORES) + len(OTHERS)
    assert counted.count("GET") == counted.count() == len(found.entries) and counted.rounds() == 2
    most = {seen.query.partition("max-keys=")[2].partition("&")[0] for seen in counted.requests}
    assert most == {"", "100", "1000"}
    again = asking(server, counted, QUESTION)
    assert formats(again) == FOUND and again.cached and not counted.count()
    assert formats(asking(server, counted, QUESTION, offline=True)) == FOUND and not counted.count()


def test_nobody_asks_for_what_is_not_shown(server: S3Server, counted: Proxy) -> None:
    for question in (Question(), replace(QUESTION, recursive=True), replace(QUESTION, glob="*.txt")):
        assert not formats(asking(server, counted, question)) and counted.count() == 1
    assert not formats(asking(server, counted, QUESTION, offline=True)) and not counted.count()
    limited = asking(server, counted, replace(QUESTION, limit=2))
    assert formats(limited) == {"array2/": "zarr", "array3/": "zarr"} and limited.truncated
    assert counted.count() == 1 + 2


def test_prefixes_are_asked_for_as_they_are(moto: S3Server) -> None:
    """`a//` is not `a/`."""
    moto.put("marked-odd", "a//zarr.json", GROUP_OF_V3)
    moto.put("marked-odd", "b/x", GROUP_OF_V3)
    moto.put("marked-odd", "b//zarr.json", GROUP_OF_V3)
    told = {}
    for where in ("", "a/", "b/"):
        entries = run("ls", f"s3://marked-odd/{where}", "--json", on=moto).json["entries"]
        told |= {entry["key"]: entry.get("format") for entry in entries}
    assert told == {"a/": None, "a//": "zarr", "b/": None, "b//": "zarr", "b/x": None}


TABLES = {
    "delta/": ("_delta_log/00000000000000000000.json", "day=1/a.parquet"),
    "hudi/": (".hoodie/hoodie.properties", "a.parquet"),
    "iceberg/": ("data/a.parquet", "metadata/00000-a.metadata.json", "metadata/snap-1.avro"),
    "none/": ("data/a.h5", "metadata/notes.json"),
}


def test_tables_are_told_by_their_folders(moto: S3Server, tmp_path: Path) -> None:
    files = {f"{name}{path}": b"{}" for name, paths in TABLES.items() for path in paths}
    on_server(files, moto, "marked", "tables")
    on_disk(files, tmp_path)
    expected = [name.rstrip("/") for name in ("delta/", "hudi/", "iceberg/")] + [None]
    with Proxy(moto) as counted:
        environment = {"AWS_ENDPOINT_URL": counted.url}
        found = run("ls", "s3://marked/tables/", "--json", on=moto, **environment).json["entries"]
        assert counted.count() == 1 + len(TABLES) + 2  # one more for each with a folder `metadata`
    assert [entry.get("format") for entry in found] == expected
    found = run("ls", tmp_path, "--json").json["entries"]
    assert [entry.get("format") for entry in found] == expected
    assert run("ls", tmp_path, "-l").lines[0].split() == ["DELTA", "delta/"]


PARTITIONED = {
    "flat/": ("_SUCCESS", "day=1/_committed_1", "day=1/a.parquet", "day=2/b.parquet"),
    "hive/": ("k=a/y=1/x.parquet", "k=b/y=1/x.parquet"),
    "hive of text/": ("k=a/y=1/x.csv",),
    "mixed/": ("k=a/notes.txt", "k=a/x.parquet"),
    "unlike/": ("k=a/x.parquet", "other/x.parquet"),
}


def test_folders_of_partitions_are_looked_into(moto: S3Server, tmp_path: Path) -> None:
    files = {f"{name}{path}": b"{}" for name, paths in PARTITIONED.items() for path in paths}
    on_server(files, moto, "marked", "hive")
    on_disk(files, tmp_path)
    expected = {"flat/": "parquet", "hive/": "parquet"}
    with Proxy(moto) as counted:
        counted.delay = 0.1  # requests of one round overlap
        found = asking(moto, counted, QUESTION, "s3://marked/hive/")
        assert counted.count() == 1 + len(PARTITIONED) + 4 and counted.rounds() == 3  # not of unlike/
    assert {entry.key.removeprefix("hive/"): entry.format for entry in found.entries} == {
        **dict.fromkeys(PARTITIONED, UNSET),
        **expected,
    }
    told = {entry.key: entry.format for entry in h5s3.ls(tmp_path, formats=True).entries}
    assert {name: format for name, format in told.items() if format is not UNSET} == expected


def test_bounds_of_a_listing(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    on_server({f"{name}/zarr.json": GROUP_OF_V3 for name in "abcdef"}, moto, "marked", "bounds")
    monkeypatch.setattr(marks, "MOST_ASKED", 4)
    found = run("ls", "s3://marked/bounds/", "--json", on=moto).json
    assert [entry.get("format") for entry in found["entries"]] == ["zarr"] * 4 + [None] * 2
    pages = [[h5s3.records.Entry(key=f"{number}/", type="prefix")] for number in range(7)]
    monkeypatch.setattr(marks, "MOST_HELD", 3)
    assert list(map(len, marks._held(iter(pages)))) == [3, 3, 1]


def test_a_prefix_that_may_not_be_listed_has_no_mark(
    rclone: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_server({"open/zarr.json": GROUP_OF_V3, "shut/zarr.json": GROUP_OF_V3}, rclone, "marked", "rights")
    first_page = S3Store.first_page

    def refusing(
        store: S3Store, location: Location, most: int | None = None, recursive: bool = False
    ) -> object:
        if "shut" in location.key:
            raise AccessError("access denied")
        return first_page(store, location, most, recursive=recursive)

    monkeypatch.setattr(S3Store, "first_page", refusing)
    found = run("ls", "s3://marked/rights/", "--json", on=rclone).json["entries"]
    assert [entry.get("format") for entry in found] == ["zarr", None]


def test_text_has_a_word_where_kinds_stand(tmp_path: Path) -> None:
    on_disk({**ALL, "x.txt": b"x"}, tmp_path)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "zarr.json").symlink_to(tmp_path / "group2" / ".zgroup")
    lines = run("ls", tmp_path, "-l").lines
    shown = {line.split(maxsplit=1)[1].strip(): line.split()[0] for line in lines[:-2]}
    assert shown == {**dict.fromkeys(STORES, "ZARR"), **dict.fromkeys({**OTHERS, "link/": 0}, "PREFIX")}
    assert "ZARR" not in run("ls", tmp_path).out
    told = {entry.key: entry.format for entry in h5s3.ls(tmp_path, formats=True).entries}
    assert {key for key, format in told.items() if format == "zarr"} == set(STORES)
    assert ">zarr</td>" in h5s3.ls(tmp_path, formats=True)._repr_html_()
    lines = run("ls", tmp_path, "--jsonl", "-l").records
    assert {entry["key"] for entry in lines if entry.get("format") == "zarr"} == set(STORES)
