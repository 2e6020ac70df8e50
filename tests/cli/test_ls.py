"""`h5s3 ls`: buckets, prefixes and objects, as text and as JSON."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest

from tests.support.cli import Result, run, validator
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

BUCKET = "cli-ls"
SIZES = {"a.h5": 10, "b.nc": 2000, "notes.txt": 500, "runs/1.nxs": 70, "runs/2.txt": 30, "runs/deep/3.H5": 1}
TOP = ["a.h5", "b.nc", "notes.txt", "runs/"]


@pytest.fixture
def server(server: S3Server) -> S3Server:
    """A server with the objects of SIZES."""
    names = [bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]]
    if BUCKET not in names:
        for key, size in SIZES.items():
            server.put(BUCKET, key, b"x" * size)
    return server


def ls(server: S3Server, *args: object) -> Result:
    return run("ls", *args, on=server)


def keys(result: Result) -> list[str]:
    return [entry["key"] for entry in result.json["entries"]]


def names(result: Result) -> list[str]:
    """The last column of the text, without the line of totals."""
    return [line.split("  ")[-1] for line in result.lines[:-1]]


def both(server: S3Server, *args: object) -> list[str]:
    """The keys that a listing shows, the same in text and JSON."""
    shown = keys(ls(server, *args, "--json"))
    assert names(ls(server, *args)) == shown
    return shown


@pytest.mark.parametrize("location", [(), ("s3://",)])
def test_buckets(server: S3Server, location: tuple[str, ...]) -> None:
    found = ls(server, *location, "--json").json
    entry = next(item for item in found["entries"] if item["key"] == BUCKET)
    assert entry["type"] == "bucket" and found["location"] == "s3://"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry["last_modified"])
    *lines, total = ls(server, *location).lines
    assert [line for line in lines if line.endswith(f"Z  BUCKET  {BUCKET}")]
    count = len(found["entries"])
    assert total == ("1 bucket" if count == 1 else f"{count} buckets")


@pytest.mark.parametrize("location", [f"s3://{BUCKET}", f"s3://{BUCKET}/"])
def test_a_bucket(server: S3Server, location: str) -> None:
    assert both(server, location) == TOP
    document = ls(server, location, "--json").json
    assert document["location"] == f"s3://{BUCKET}/" and not document["truncated"]
    *objects, prefix = document["entries"]
    assert prefix == {"key": "runs/", "type": "prefix", "size": None, "last_modified": None, "etag": None}
    for entry in objects:
        body = b"x" * SIZES[entry["key"]]
        assert (entry["type"], entry["size"]) == ("object", len(body))
        assert entry["etag"] == hashlib.md5(body).hexdigest()
    *lines, total = ls(server, location).lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +10 B  a\.h5", lines[0])
    assert re.fullmatch(r" +2\.0 kB  b\.nc", lines[1][20:])
    assert lines[3].split() == ["PREFIX", "runs/"]
    assert total == "3 objects, 2.5 kB, 1 prefix"


def test_a_prefix(server: S3Server) -> None:
    assert both(server, f"s3://{BUCKET}/runs/") == ["runs/1.nxs", "runs/2.txt", "runs/deep/"]
    assert both(server, f"s3://{BUCKET}/runs") == ["runs/"]
    assert both(server, f"s3://{BUCKET}/runs/1") == ["runs/1.nxs"]


def test_nothing_below_a_prefix_is_no_error(server: S3Server) -> None:
    assert ls(server, f"s3://{BUCKET}/none/", "--json").json["entries"] == []
    assert ls(server, f"s3://{BUCKET}/none/").lines == ["0 objects"]


def test_recursive(server: S3Server) -> None:
    assert both(server, f"s3://{BUCKET}/", "-r") == list(SIZES)
    assert both(server, f"s3://{BUCKET}/runs/", "--recursive") == list(SIZES)[3:]


def test_long_adds_etag_and_storage_class(server: S3Server) -> None:
    etag = hashlib.md5(b"x" * 10).hexdigest()
    line = ls(server, f"s3://{BUCKET}/a", "-l").lines[0]
    assert line.split()[-3:] == [etag, "STANDARD", "a.h5"]
    assert etag not in ls(server, f"s3://{BUCKET}/a").out
    assert ls(server, f"s3://{BUCKET}/a", "--json").json["entries"][0]["storage_class"] == "STANDARD"


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (("--glob", "*.nc"), ["b.nc"]),
        (("--glob", "[ab].*"), ["a.h5", "b.nc"]),
        (("--glob", "run?"), ["runs/"]),
        (("-r", "--glob", "runs/*.txt"), ["runs/2.txt"]),
        (("-r", "--glob", "*.H5"), ["runs/deep/3.H5"]),
        (("--glob", "a.h5"), ["a.h5"]),
        (("--glob", "nothing*"), []),
        (("--h5",), ["a.h5", "b.nc", "runs/"]),
        (("-r", "--h5"), ["a.h5", "b.nc", "runs/1.nxs", "runs/deep/3.H5"]),
        (("--h5", "--glob", "*.txt"), []),
    ],
)
def test_filters(server: S3Server, args: tuple[str, ...], found: list[str]) -> None:
    assert both(server, f"s3://{BUCKET}/", *args) == found


def test_a_glob_is_of_names_below_the_location(server: S3Server) -> None:
    assert both(server, f"s3://{BUCKET}/runs/", "--glob", "?.*") == ["runs/1.nxs", "runs/2.txt"]


def test_sort(server: S3Server) -> None:
    by_size = sorted(SIZES, key=lambda key: -SIZES[key])
    assert both(server, f"s3://{BUCKET}/", "-r", "--sort", "size") == by_size
    assert both(server, f"s3://{BUCKET}/", "-r", "--sort", "name") == sorted(SIZES)


def test_sort_by_time_shows_the_newest_first(rclone: S3Server) -> None:
    for number, key in enumerate(("middle", "old", "new")):
        rclone.put("cli-times", key, b"x")
        when = 1_700_000_000 + (0, -1000, 1000)[number]
        assert rclone.root is not None
        os.utime(rclone.root / "cli-times" / key, (when, when))
    assert both(rclone, "s3://cli-times/", "--sort", "time") == ["new", "middle", "old"]
    assert both(rclone, "s3://cli-times/", "--sort", "time", "--limit", "1") == ["new"]


def test_limit_says_that_there_is_more(server: S3Server) -> None:
    cut = ls(server, f"s3://{BUCKET}/", "--limit", 2, "--json").json
    assert [entry["key"] for entry in cut["entries"]] == TOP[:2] and cut["truncated"]
    assert (
        ls(server, f"s3://{BUCKET}/", "--limit", 2).lines[-1]
        == "2 objects, 2.0 kB · more objects exist; raise --limit"
    )
    whole = ls(server, f"s3://{BUCKET}/", "--limit", 4, "--json").json
    assert len(whole["entries"]) == 4 and not whole["truncated"]
    assert "there is more" not in ls(server, f"s3://{BUCKET}/", "--limit", 4).out


def test_versions(moto: S3Server) -> None:
    moto.put("cli-versions", "other", b"1")
    client = moto.client()
    client.put_bucket_versioning(Bucket="cli-versions", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"three"):
        moto.put("cli-versions", "key", body)
    client.delete_object(Bucket="cli-versions", Key="key")
    entries = ls(moto, "s3://cli-versions/key", "--versions", "--json").json["entries"]
    assert [entry["key"] for entry in entries] == ["key"] * 3
    assert len({entry["version_id"] for entry in entries}) == 3
    assert [entry["is_latest"] for entry in entries].count(True) == 1
    assert [entry.get("delete_marker", False) for entry in entries].count(True) == 1
    assert sorted(entry["size"] for entry in entries if entry["size"]) == [3, 5]
    text = ls(moto, "s3://cli-versions/key", "--versions").out
    first, *others = [entry["version_id"] for entry in entries]
    assert entries[0]["delete_marker"] and f"DELETED  {first} latest" in text.splitlines()[0]
    assert all(one in text and f"{one} latest" not in text for one in others)
    assert text.splitlines()[-1] == "2 versions, 8 B, 1 delete marker"
    assert ls(moto, "s3://cli-versions/key", "--json").json["entries"] == []


def test_versions_of_a_server_that_has_none(rclone: S3Server) -> None:
    rclone.put("cli-versions", "key", b"1")
    line = ls(rclone, "s3://cli-versions/", "--versions").failed(5)
    assert line == "s3://cli-versions/: the server does not support this request: status 501 (NotImplemented)"


def test_jsonl_is_the_same_entries_one_a_line(server: S3Server) -> None:
    expected = ls(server, f"s3://{BUCKET}/", "--json").json["entries"]
    assert ls(server, f"s3://{BUCKET}/", "--jsonl").records == expected
    limited = ls(server, f"s3://{BUCKET}/", "--jsonl", "--sort", "size", "--limit", 1, "--refresh")
    assert [entry["key"] for entry in limited.records] == ["b.nc"]
    schema = {"$ref": "#/$defs/Entry", "$defs": validator("ls").schema["$defs"]}
    for entry in expected:
        validator("ls").evolve(schema=schema).validate(entry)


@pytest.fixture
def many(rclone: S3Server) -> S3Server:
    """A bucket of more objects than one answer lists."""
    assert rclone.root is not None
    folder = rclone.root / "cli-many"
    folder.mkdir(exist_ok=True)
    for number in range(1003):
        (folder / f"{number:04d}").touch()
    return rclone


def test_long_listings_take_several_requests(many: S3Server) -> None:
    with Proxy(many) as proxy:
        found = keys(ls(many.at(proxy.url), "s3://cli-many/", "--json"))
        assert found == [f"{number:04d}" for number in range(1003)] and proxy.count() == 2
        proxy.reset()
        assert len(keys(ls(many.at(proxy.url), "s3://cli-many/", "--limit", 5, "--json"))) == 5
        assert proxy.count() == 1


def test_jsonl_streams(many: S3Server) -> None:
    with Proxy(many) as proxy:
        proxy.fault("status", status=403, when=lambda seen: "continuation-token" in seen.query)
        result = ls(many.at(proxy.url), "s3://cli-many/", "--jsonl")
    assert result.code == 4 and result.out.count("\n") == 1000 and result.err.count("\n") == 1


def test_a_listing_is_remembered(server: S3Server) -> None:
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        first = ls(there, f"s3://{BUCKET}/", "--json").json
        count = proxy.count()
        second = ls(there, f"s3://{BUCKET}/", "--json").json
        assert (first["cached"], second["cached"]) == (False, True)
        assert second["entries"] == first["entries"] and proxy.count() == count > 0
        for fresh in ("--refresh", "--no-cache"):
            assert not ls(there, f"s3://{BUCKET}/", fresh, "--json").json["cached"]
        assert proxy.count() > count
        proxy.close()
        assert ls(there, f"s3://{BUCKET}/", "--offline", "--json").json["entries"] == first["entries"]


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number, name in enumerate(("b.h5", "a.txt", "folder/c.nc")):
        (tmp_path / name).write_bytes(b"x" * (number + 1))
        os.utime(tmp_path / name, (1_700_000_000 + number, 1_700_000_000 + number))
    listed = run("ls", tmp_path, "--json").json
    assert [(entry["key"], entry["type"], entry["size"]) for entry in listed["entries"]] == [
        ("a.txt", "object", 2),
        ("b.h5", "object", 1),
        ("folder/", "prefix", None),
    ]
    assert run("ls", tmp_path).lines == [
        "2023-11-14 22:13:21Z     2 B  a.txt",
        "2023-11-14 22:13:20Z     1 B  b.h5",
        "                      PREFIX  folder/",
        "2 objects, 3 B, 1 prefix",
    ]
    assert keys(run("ls", tmp_path, "-r", "--h5", "--json")) == ["b.h5", "folder/c.nc"]
    assert keys(run("ls", tmp_path, "-r", "--sort", "time", "--json")) == ["folder/c.nc", "a.txt", "b.h5"]
    assert keys(run("ls", tmp_path / "b.h5", "--json")) == ["b.h5"]


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*", TOP),
        ("*.h5", ["a.h5"]),
        ("[ab].*", ["a.h5", "b.nc"]),
        ("run?", ["runs/"]),
        ("runs/*.nxs", ["runs/1.nxs"]),
        ("r*s/?.*", ["runs/1.nxs", "runs/2.txt"]),
        ("**/*.nxs", ["runs/1.nxs"]),
        ("**/*.[Hh]5", ["a.h5", "runs/deep/3.H5"]),
        ("runs/**", ["runs/1.nxs", "runs/2.txt", "runs/deep/3.H5"]),
        ("*/", ["runs/"]),
        ("runs/*/", ["runs/deep/"]),
    ],
)
def test_globs(server: S3Server, glob: str, found: list[str]) -> None:
    assert both(server, f"s3://{BUCKET}/{glob}") == found


def test_a_glob_that_matches_nothing(server: S3Server) -> None:
    for options in ((), ("--json",), ("--jsonl",), ("--uri",)):
        line = ls(server, f"s3://{BUCKET}/runs/*.h5", *options).failed(3)
        assert line == f"s3://{BUCKET}/runs/*.h5: nothing matches; try: h5s3 ls s3://{BUCKET}/runs/"


def test_below_what_a_glob_matches(server: S3Server) -> None:
    found = both(server, f"s3://{BUCKET}/ru*", "-r")
    assert found == ["runs/1.nxs", "runs/2.txt", "runs/deep/3.H5"]
    assert both(server, f"s3://{BUCKET}/runs/d*/", "-r") == ["runs/deep/3.H5"]
    assert both(server, f"s3://{BUCKET}/*/", "-r") == found


def test_a_key_with_wildcards_in_it_comes_first(server: S3Server) -> None:
    server.put("cli-ls-wild", "run[1].h5", b"x")
    server.put("cli-ls-wild", "run1.h5", b"x")
    assert both(server, "s3://cli-ls-wild/run[1].h5") == ["run[1].h5"]
    assert both(server, "s3://cli-ls-wild/run[12].h5") == ["run1.h5"]


def test_several_locations(server: S3Server) -> None:
    places = [f"s3://{BUCKET}/runs/", f"s3://{BUCKET}/*.nc"]
    document = ls(server, *places, "--json").json
    uris = [entry["uri"] for entry in document["entries"]]
    assert document["location"] == " ".join(places)
    runs = [f"s3://{BUCKET}/runs/{name}" for name in ("1.nxs", "2.txt", "deep/")]
    assert uris == [*runs, f"s3://{BUCKET}/b.nc"]
    assert [entry["uri"] for entry in ls(server, *places, "--jsonl").records] == uris
    assert ls(server, *places, "--uri").lines == uris
    lines = ls(server, *places).lines
    assert lines[0] == f"{places[0]}:" and lines[lines.index(f"{places[1]}:") - 1] == ""


def test_uris_are_locations(server: S3Server, tmp_path: Path) -> None:
    assert f"s3://{BUCKET}/" in ls(server, "--uri").lines
    (tmp_path / "a.h5").write_bytes(b"x")
    assert run("ls", tmp_path, "--uri").lines == [str(tmp_path / "a.h5")]
    assert run("ls", tmp_path / "a.h5", "--uri").lines == [str(tmp_path / "a.h5")]
    for uri in ls(server, f"s3://{BUCKET}/", "--uri").lines:
        assert ls(server, uri, "--uri").lines


def test_sizes_for_people_and_exact_ones(server: S3Server) -> None:
    where = f"s3://{BUCKET}/b"
    assert "2.0 kB" in ls(server, where, "-lh").out
    assert ls(server, where, "-lrh").out == ls(server, where, "-lr").out
    *_, total = ls(server, where, "--bytes").lines
    assert "2000  b.nc" in ls(server, where, "--bytes").out and total == "1 object, 2000 bytes"
    assert ls(server, "-h").out.startswith("Usage:")
