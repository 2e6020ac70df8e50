"""What may stand for LOCATION: S3 keys as they are, names in a default bucket, paths, URLs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from h5s3.storage.location import Location, parse_location
from tests.support.cli import Result, file, run, sample
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

BUCKET = "cli-keys"
ANYWHERE = [
    "plain.h5",
    "with space.h5",
    " around ",
    "a+b.h5",
    "a#b.h5",
    "a?b=c&d.h5",
    "50%.h5",
    "%2F%20.h5",
    "ünï/日本語/😀.h5",
    "u\u0308.h5",
    "it's;a:b,@!*().h5",
    "~/x.h5",
    "...h5",
    "no-suffix",
    "--help",
    "s3:x.h5",
    "deep/er/and/deep/er.h5",
]
MOTO_ALONE = ["a//b.h5", "/leading.h5", "//two", "trailing.h5/", "a/./b.h5", "a/../b.h5", "..", "tab\t.h5"]


def put(server: S3Server, key: str) -> str:
    """Store a small file under a key; its location."""
    server.put(BUCKET, key, file("contiguous").read_bytes())
    return f"s3://{BUCKET}/{key}"


def check(server: S3Server, key: str) -> None:
    where = put(server, key)
    found = run("tree", where, "--json", on=server).json
    assert (found["location"], found["key"], found["num_children"]) == (where, key, 3)
    listed = run("ls", where, "-r", "--json", on=server).json["entries"]
    assert key in [entry["key"] for entry in listed]
    wrong = f"{where}.not"
    listed = shlex.quote(wrong) if "*" in wrong else f"s3://{BUCKET}/"  # what looks like a glob is one for ls
    assert run("meta", wrong, on=server).failed(3).endswith(f"no such object; try: h5s3 ls {listed}")


@pytest.mark.parametrize("key", ANYWHERE)
def test_keys_are_taken_as_they_are(server: S3Server, key: str) -> None:
    check(server, key)


@pytest.mark.parametrize("key", MOTO_ALONE)
def test_keys_that_are_no_paths(moto: S3Server, key: str) -> None:
    check(moto, key)


def test_keys_that_other_tools_take_for_one(moto: S3Server) -> None:
    """Each of two keys that folding or decoding would make one is its own object."""
    for key in ("one/a b", "one/a+b", "one/a%20b", "one//a b", "one/./a b"):
        moto.put(BUCKET, key, file("contiguous" if key == "one/a b" else "nexus").read_bytes())
    counts = {
        key: run("tree", f"s3://{BUCKET}/{key}", "--json", on=moto).json["num_children"]
        for key in ("one/a b", "one/a+b", "one/a%20b", "one//a b", "one/./a b")
    }
    assert list(counts.values()) == [3, 1, 1, 1, 1]


@pytest.mark.parametrize("scheme", ["s3a", "s3n", "S3A"])
def test_the_schemes_of_hadoop_are_s3(rclone: S3Server, scheme: str) -> None:
    for key in ("b/k.h5?x#y%20", "", "/leading//two"):
        assert parse_location(f"{scheme}://bucket/{key}") == Location("s3", key, "bucket")
    where = put(rclone, "a?b=c&d.h5")
    found = run("tree", where.replace("s3:", f"{scheme}:"), "--json", on=rclone).json
    assert (found["location"], found["num_children"]) == (where, 3)
    line = run("tree", where.replace("s3:", f"{scheme}:"), "--anon", "--no-cache", on=rclone).failed(4)
    assert line.startswith(f"{where}: access denied") and "anonymously" in line
    assert run("tree", f"{scheme}:///key").failed(2).startswith("no bucket in")


@pytest.mark.parametrize("variable", ["H5S3_BUCKET", "S3_BUCKET"])
def test_a_bare_name_is_a_key_of_the_default_bucket(server: S3Server, variable: str) -> None:
    for key in ("plain.h5", "deep/er/and/deep/er.h5", "a?b=c&d.h5"):
        put(server, key)
        found = run("tree", key, "--json", on=server, **{variable: BUCKET}).json
        assert found["location"] == f"s3://{BUCKET}/{key}"
    keys = [entry["key"] for entry in run("ls", "--json", on=server, **{variable: BUCKET}).json["entries"]]
    assert "plain.h5" in keys and "deep/" in keys
    line = run("tree", "nothing.h5", on=server, **{variable: BUCKET}).failed(3)
    assert line.startswith(f"s3://{BUCKET}/nothing.h5: no such object")


def test_of_two_default_buckets_the_tools_own_wins(server: S3Server) -> None:
    put(server, "plain.h5")
    both = {"H5S3_BUCKET": BUCKET, "S3_BUCKET": "elsewhere"}
    assert run("tree", "plain.h5", "--json", on=server, **both).json["key"] == "plain.h5"


def test_paths_stay_paths_beside_a_default_bucket(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(server, "plain.h5")
    (tmp_path / "plain.h5").write_bytes(file("nexus").read_bytes())
    monkeypatch.chdir(tmp_path)

    def children(where: str, **bucket: str) -> int:
        count = run("tree", where, "--json", on=server, **bucket).json["num_children"]
        assert isinstance(count, int)
        return count

    for where in ("./plain.h5", f"../{tmp_path.name}/plain.h5", str(tmp_path / "plain.h5")):
        assert children(where, H5S3_BUCKET=BUCKET) == 1
    assert children("plain.h5", H5S3_BUCKET=BUCKET) == 3
    assert children("plain.h5") == 1


@pytest.mark.parametrize("name", ["plain.h5", "a b#c?d%20+ü.h5", "-.h5"])
def test_local_files_and_file_urls(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(file("contiguous").read_bytes())
    for where in (str(path), path.as_uri(), path.as_uri().replace("file://", "file://localhost")):
        found = run("tree", where, "--json").json
        assert (found["location"], found["num_children"]) == (str(path), 3)
    assert run("tree", path).lines[0] == f"{path}  /  (3 children, logical sizes)"


def test_a_symbolic_link_is_its_file(tmp_path: Path) -> None:
    os.symlink(file("contiguous"), tmp_path / "link.h5")
    assert run("tree", tmp_path / "link.h5", "--json").json["num_children"] == 3


def presigned(server: S3Server, key: str, seconds: int = 900) -> str:
    names = {"Bucket": BUCKET, "Key": key}
    url: str = server.client().generate_presigned_url("get_object", Params=names, ExpiresIn=seconds)
    return url


@pytest.mark.parametrize("key", ["plain.h5", "a b+c#d%/ü.h5"])
def test_presigned_urls(server: S3Server, key: str) -> None:
    put(server, key)
    url = presigned(server, key)
    assert "X-Amz-Signature=" in url
    shown = url.partition("?")[0] + "?…"

    def ask(*args: str) -> Result:
        result = run(args[0], url, *args[1:])
        assert "X-Amz" not in result.out + result.err and server.access_key not in result.out
        return result

    found = ask("tree", "--json").json
    assert (found["location"], found["key"], found["num_children"]) == (shown, shown, 3)
    assert found["etag"] == server.client().head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    assert ask("tree").lines[0] == f"{shown}  /  (3 children, logical sizes)"
    assert ask("meta", "/scalar", "--json").json["dtype"] == "float32"
    assert ask("preview", "/vector", "--no-plot").lines[1].startswith("  min 0 at [0]  max 99 at [99]")


def test_a_url_signed_anew_finds_what_was_remembered(server: S3Server) -> None:
    put(server, "plain.h5")
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        first, second = (presigned(there, "plain.h5", seconds) for seconds in (600, 700))
        assert first != second and not run("tree", first, "--json").json["cached"]
        count = proxy.count()
        assert run("tree", second, "--json").json["cached"] and proxy.count() == count


def test_a_public_url(moto: S3Server) -> None:
    put(moto, "plain.h5")
    url = f"{moto.url}/{BUCKET}/plain.h5"
    assert run("tree", url).failed(4).startswith(f"{url}: access denied")
    moto.client().put_object_acl(Bucket=BUCKET, Key="plain.h5", ACL="public-read")
    found = run("tree", url, "--json").json
    assert (found["location"], found["num_children"]) == (url, 3)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("", "an empty LOCATION; give s3://bucket/key, a URL or a path"),
        ("s3:///key", "no bucket in s3:///key; write s3://bucket/key"),
        ("https://", "https://: a URL without a valid host"),
        ("nothing://x/y", "nothing://x/y: nothing here reads nothing:// locations"),
    ],
)
def test_what_is_no_location(where: str, line: str) -> None:
    assert run("tree", where).failed(2) == line


def test_a_url_cannot_be_listed(server: S3Server) -> None:
    line = run("ls", presigned(server, "plain.h5")).failed(2)
    assert line == f"{server.url}/{BUCKET}/plain.h5?…: a URL cannot be listed; try: h5s3 tree"


def test_a_path_that_was_glued_to_the_location(server: S3Server) -> None:
    where = sample(server, "nexus")
    line = run("tree", f"{where}/entry/no", on=server).failed(3)
    assert line == (
        f"{where}/entry/no: no such object: PATH, inside a file, is an argument of its own;"
        f" try: h5s3 tree {where} /entry/no"
    )
    path = file("nexus")
    line = run("meta", f"{path}/entry").failed(3)
    assert line.endswith(
        f"no such file: PATH, inside a file, is an argument of its own; try: h5s3 tree {path} /entry"
    )


def test_two_locations(server: S3Server) -> None:
    where = sample(server, "nexus")
    line = run("tree", where, where, on=server).failed(2)
    assert line == f"PATH is a path inside the file, and {where} is another LOCATION; give one"
