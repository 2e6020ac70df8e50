"""The servers of the tests do what their docstrings say."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.support.servers import s3 as servers
from tests.support.servers.s3 import S3Server, rclone_server

DATA = bytes(range(256)) * 1024


def outcome(action: Callable[[], Any]) -> tuple[int, str]:
    """The status and code that a boto3 call ends with."""
    try:
        return action()["ResponseMetadata"]["HTTPStatusCode"], ""
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]


def children() -> set[str]:
    lists = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {pid for listed in lists for pid in listed.read_text().split()}


def test_objects_come_back(server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    etag = server.put("support", "one", b"1")
    assert server.put_file("support", "two", tmp_path / "file") != etag
    client = server.client()
    assert client.get_object(Bucket="support", Key="two")["Body"].read() == DATA
    assert client.head_object(Bucket="support", Key="one")["ETag"] == etag
    listed = client.list_objects_v2(Bucket="support")["Contents"]
    assert {"one", "two"} <= {item["Key"] for item in listed}


FACTS = {
    "rclone": {
        "range": (200, ""),
        "other etag": (200, ""),
        "two ranges": (501, "NotImplemented"),
        "anonymous": (400, "UnsupportedAlgorithm"),
        "unknown key id": (403, "InvalidAccessKeyId"),
        "wrong secret": (403, "SignatureDoesNotMatch"),
        "versions": (501, "NotImplemented"),
    },
    "moto": {
        "range": (206, ""),
        "other etag": (412, "PreconditionFailed"),
        "two ranges": (200, ""),
        "anonymous": (403, "403"),
        "unknown key id": (206, ""),
        "wrong secret": (206, ""),
        "versions": (200, ""),
    },
}


@pytest.mark.parametrize("name", FACTS)
def test_facts_in_the_table(name: str, request: pytest.FixtureRequest) -> None:
    server: S3Server = request.getfixturevalue(name)
    server.put("facts", "key", DATA)
    client, there = server.client(), {"Bucket": "facts", "Key": "key"}
    ranged = {**there, "Range": "bytes=10-19"}
    bad_id = S3Server(server.url, "nobody", server.secret_key, server.region, name)
    bad_secret = S3Server(server.url, server.access_key, "guess", server.region, name)
    seen = {
        "range": outcome(lambda: client.get_object(**ranged)),
        "other etag": outcome(lambda: client.get_object(**ranged, IfMatch='"0"')),
        "two ranges": outcome(lambda: client.get_object(**there, Range="bytes=0-9,20-29")),
        "anonymous": outcome(lambda: server.client(anonymous=True).get_object(**there)),
        "unknown key id": outcome(lambda: bad_id.client().get_object(**ranged)),
        "wrong secret": outcome(lambda: bad_secret.client().get_object(**ranged)),
        "versions": outcome(lambda: client.list_object_versions(Bucket="facts")),
    }
    assert seen == FACTS[name]
    assert client.get_object(**ranged)["ContentRange"] == f"bytes 10-19/{len(DATA)}"
    beyond = f"bytes={len(DATA)}-{len(DATA) + 9}"
    assert outcome(lambda: client.get_object(**there, Range=beyond)) == (416, "InvalidRange")
    assert outcome(lambda: client.get_object(Bucket="facts", Key="no")) == (404, "NoSuchKey")
    assert outcome(lambda: client.get_object(Bucket="no-bucket", Key="no")) == (404, "NoSuchBucket")
    assert outcome(lambda: client.head_object(Bucket="facts", Key="no")) == (404, "404")


def holds(server: S3Server, key: str) -> bool:
    """Whether an object can be stored under a key, listed and read."""
    try:
        etag = server.put("keys", key, key.encode())
        assert server.client().get_object(Bucket="keys", Key=key)["Body"].read() == key.encode()
    except ClientError:
        return False
    pages = server.client().get_paginator("list_objects_v2").paginate(Bucket="keys")
    tags = {item["Key"]: item["ETag"] for page in pages for item in page["Contents"]}
    if key in tags:  # rclone lists ETags without their quotes
        assert tags[key] == (etag if server.name == "moto" else etag.strip('"'))
    return key in tags


@pytest.mark.slow
def test_which_keys_each_holds(rclone: S3Server, moto: S3Server) -> None:
    for key in ("a b+c#d?e%f%20/ü/漢字😀", "q&r=s;t:@,*\\\"'<x>~", " space "):
        assert holds(rclone, key) and holds(moto, key)
    for key in ("a b+c#d?e%f//g/ü/", "slash/", "tab\t"):
        assert holds(moto, key) and not holds(rclone, key)
    assert not holds(moto, "new\nline")


def test_rclone_shows_a_replaced_file_at_once(rclone: S3Server) -> None:
    assert rclone.root is not None
    folder = rclone.root / "replaced"
    folder.mkdir()
    client, tags = rclone.client(), set()
    for length in range(5, 25):
        new = bytes([length]) * length
        (folder / "new").write_bytes(new)
        (folder / "new").replace(folder / "file")
        answer = client.get_object(Bucket="replaced", Key="file", Range="bytes=2-3")
        assert answer["Body"].read() == new[2:4]
        assert answer["ContentRange"] == f"bytes 2-3/{length}"
        tags.add(answer["ETag"])
    assert len(tags) == 20


def test_rclone_without_keys_serves_anyone(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    with rclone_server(tmp_path, auth=False) as server:
        assert outcome(lambda: server.client(anonymous=True).list_objects_v2(Bucket="open")) == (200, "")
        server.put("open", "key", b"1")


def test_nothing_is_left_of_a_server(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(KeyError, match="the body"):
        with rclone_server(tmp_path) as server:
            raise KeyError("the body")
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", server.url, retries=False)
    assert not children() - before  # those of before may have ended meanwhile


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no luck today"):
        with servers._running([sys.executable, "-c", "raise SystemExit('no luck today')"], tmp_path):
            pass


def test_env_is_all_that_a_subprocess_needs(server: S3Server) -> None:
    server.put("support", "one", b"1")
    code = "import boto3; print(boto3.client('s3').get_object(Bucket='support', Key='one')['Body'].read())"
    done = subprocess.run([sys.executable, "-c", code], env=server.env(), capture_output=True, text=True)
    assert done.stdout == "b'1'\n", done.stderr


def test_client_ignores_the_environment(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    fresh = server.at(server.url)
    fresh.put("support", "fresh", b"1")
    assert server.client().get_object(Bucket="support", Key="fresh")["Body"].read() == b"1"


def test_each_test_has_an_environment_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.getbasetemp()
    assert {name for name in os.environ if name.startswith("AWS_")} == {"AWS_EC2_METADATA_DISABLED"}
    assert Path.home().is_relative_to(home)
    assert Path(os.environ["H5S3_CACHE_DIR"]).is_relative_to(home)
