"""What may follow what is typed, and what it costs to know: asked as the scripts of the shells ask."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from h5s3.cache import Cache
from h5s3.cli.completion import candidates
from h5s3.cli.completion.grammar import grammar
from h5s3.cli.completion.reply import answer
from h5s3.errors import UsageError
from h5s3.records import Entry
from h5s3.storage.location import Location
from h5s3.storage.stores.s3 import S3Store
from tests.support.cli import file, run, spawn
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

BUCKET = "completion"
KEYS = ["a.h5", "runs/1.nxs", "runs/2.nxs", "runs/deep/3.h5", "with space.h5", "x:1", "x:2"]
SCAN = f"s3://{BUCKET}/scan.h5"


@pytest.fixture
def server(server: S3Server) -> S3Server:
    """A server with KEYS and a file."""
    names = [bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]]
    if BUCKET not in names:
        for key in KEYS:
            server.put(BUCKET, key, b"x")
        server.put_file(BUCKET, "scan.h5", file("nexus"))
    return server


@pytest.fixture
def here(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the server, which is the one that the environment names."""
    with Proxy(server) as proxy:
        for name, value in server.at(proxy.url).env().items():
            monkeypatch.setenv(name, value)
        yield proxy


def offered(*words: str) -> list[str]:
    """The words that may stand where the last one does."""
    return [line.partition("\t")[0] for line in answer("zsh", list(words)).splitlines()[1:]]


def asks_for_files(*words: str) -> bool:
    return answer("zsh", list(words)).startswith("files\n")


def methods(proxy: Proxy) -> list[str]:
    return [seen.method if "list-type" not in seen.target else "LIST" for seen in proxy.requests]


def test_commands_and_options() -> None:
    assert offered("tr") == ["tree"]
    assert {"ls", "tree", "cache", "completion"} <= set(offered(""))
    assert offered("cache", "v") == ["verify"]
    assert offered("tree", "x", "--ref") == ["--refresh"]
    assert offered("tree", "--refresh", "--ref") == []
    assert "--refresh" not in offered("tree", "--", "--ref")
    assert {"-r", "--recursive"} <= set(offered("ls", "-"))
    assert offered("ls", "--sort", "") == ["name", "size", "time"]
    assert offered("ls", "--sort=s") == ["--sort=size"]
    assert offered("schema", "pre") == ["preview"]
    assert offered("get", "x", "/", "--format", "np") == ["npy", "npz"]
    assert offered("nothing", "") == []
    assert (
        answer("fish", ["h5s3 tree --ref"]) == "-\n--refresh\tAsk the storage whether the object changed.\n"
    )


def test_every_argument_has_something_to_be_completed_with() -> None:
    """A new one has a metavar that completion knows, or choices."""
    whole = grammar(Cache())
    below = [
        one for command in whole["commands"].values() for one in (command, *command["commands"].values())
    ]
    arguments = [one for command in below for one in command["arguments"]]
    assert len(arguments) > 10 and all(one.get("kind") or one.get("choices") for one in arguments)
    assert grammar(Cache()) == whole  # as it was kept


def test_buckets_prefixes_and_keys(here: Proxy) -> None:
    assert offered("ls", "s") == ["s3://"]
    assert f"s3://{BUCKET}/" in offered("ls", "s3://")
    assert offered("ls", f"s3://{BUCKET[:-1]}") == [f"s3://{BUCKET}/"]
    assert offered("ls", f"s3a://{BUCKET}/a") == [f"s3a://{BUCKET}/a.h5"]
    assert offered("ls", "-l", f"s3://{BUCKET}/r") == [f"s3://{BUCKET}/runs/"]
    runs = [f"s3://{BUCKET}/runs/{name}" for name in ("1.nxs", "2.nxs", "deep/")]
    assert offered("ls", "s3://other/", f"s3://{BUCKET}/runs/") == runs
    assert offered("tree", f"s3://{BUCKET}/nothing") == []
    assert answer("bash", [f"h5s3 ls s3://{BUCKET}/x:", " :"]) == "-\n1\n2\n"
    assert answer("bash", [f"h5s3 ls s3://{BUCKET}/wi", " :"]) == f"-\n//{BUCKET}/with\\ space.h5\n"


def test_a_folder_costs_one_listing(here: Proxy) -> None:
    offered("ls", f"s3://{BUCKET}/")
    assert methods(here) == ["LIST"]
    for begun in ("", "a", "with", "zzz"):
        offered("ls", f"s3://{BUCKET}/{begun}")
    assert not offered("tree", f"s3://{BUCKET}/zzz") and len(here.requests) == 1
    assert run("ls", f"s3://{BUCKET}/", "--json").json["cached"]
    here.reset()
    run("ls", f"s3://{BUCKET}/runs/")
    before = len(here.requests)
    assert len(offered("tree", f"s3://{BUCKET}/runs/")) == 3 and len(here.requests) == before


def test_a_long_folder_is_asked_for_once_a_word(
    here: Proxy, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page of it; of what is typed then, that page says nothing."""
    for number in range(5):
        server.put("completion-long", f"key{number}", b"x")
    usual = S3Store.first_page

    def cut(store: S3Store, location: Location) -> tuple[Sequence[Entry], bool]:
        entries, _ = usual(store, location)
        return entries[:2], len(entries) > 2

    monkeypatch.setattr(S3Store, "first_page", cut)
    assert offered("ls", "s3://completion-long/") == [
        "s3://completion-long/key0",
        "s3://completion-long/key1",
    ]
    assert offered("ls", "s3://completion-long/key4") == ["s3://completion-long/key4"]
    assert methods(here) == ["LIST", "LIST"]
    offered("ls", "s3://completion-long/")
    assert methods(here) == ["LIST", "LIST"]
    assert len(run("ls", "s3://completion-long/", "--json").json["entries"]) == 5


def test_paths_in_a_file(here: Proxy) -> None:
    """Out of the answer to a tree, without a request; else by opening the file once."""
    assert offered("tree", SCAN, "") == ["/entry/"]
    count = len(here.requests)
    for begun, found in [("", ["/entry/"]), ("/e", ["/entry/"]), ("en", ["entry/"]), ("/x", [])]:
        assert offered("preview", SCAN, begun) == found
    assert len(here.requests) == count
    for asked, group in [
        (["-d", "2"], "/entry"),
        (["--attrs"], "/entry/data"),
        (["--values"], "/entry/instrument"),
    ]:
        assert not offered("get", "--offline", SCAN, f"{group}/")
        run("tree", SCAN, group, *asked)
        assert offered("get", "--offline", SCAN, f"{group}/")
    assert "/entry//instrument/" in offered("tree", "--offline", SCAN, "/entry//")
    assert not offered("tree", "--offline", SCAN, "/entry/instrument/detector/")
    run("tree", SCAN, "-r")
    assert offered("tree", "--offline", SCAN, "/entry/instrument/detector/")
    assert offered("tree", SCAN, "/entry/nothing/") == [] and offered("tree", SCAN, "/", "/") == []


def test_attributes(here: Proxy) -> None:
    assert offered("meta", SCAN, "/entry", "--attr", "") == ["NX_class", "default"]
    count = len(here.requests)
    assert offered("meta", SCAN, "/entry", "--attr=N") == ["--attr=NX_class"]
    assert len(here.requests) == count
    run("meta", SCAN, "/entry/data")
    asked = len(here.requests)
    assert "signal" in offered("meta", SCAN, "/entry/data", "--attr", "s")
    assert len(here.requests) == asked


def test_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[default]\n[profile lab]\n[profile 'two words']\n[sso-session x]\n")
    (tmp_path / "credentials").write_text("[lab]\n[other]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert offered("ls", "--profile", "") == ["default", "lab", "other", "two words"]
    (tmp_path / "config").write_text("no section\n")
    assert offered("ls", "--profile=l") == ["--profile=lab"]


def test_the_default_bucket(here: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H5S3_BUCKET", BUCKET)
    assert offered("tree", "ru") == ["runs/"] and not asks_for_files("tree", "ru")
    assert offered("tree", "runs/d") == ["runs/deep/"]
    assert offered("tree", "scan.h5", "/") == ["/entry/"]
    assert "s3://" in offered("tree", "") and asks_for_files("tree", "./")


def test_keys_that_would_be_something_else_are_not_offered(
    here: Proxy, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("-r", "..x", "good", "s3:x"):
        server.put("completion-odd", key, b"x")
    monkeypatch.setenv("H5S3_BUCKET", "completion-odd")
    assert offered("tree", "--", "") == ["s3://", "..x", "good", "s3:x"]


def test_local_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("some.h5", "a b", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    assert asks_for_files("tree", "so") and asks_for_files("get", "x", "/", "-o", "")
    assert not asks_for_files("tree", "x", "") and not asks_for_files("tree", "s3://b")
    assert answer("bash", ["h5s3 tree ", " :"]) == "files\ns3://\na\\ b\nsome.h5\nsub/\n"
    assert answer("bash", ["h5s3 tree $(id)", " :"]) == answer("bash", ["h5s3 ls ~/x", " :"]) == "files\n"
    assert offered("tree", str(file("nexus")), "/entry/t") == ["/entry/title"]


def test_names_that_a_terminal_would_obey_are_left_out() -> None:
    names = offered("tree", str(file("control_characters")), "")
    assert "/enum" in names and all(name.isprintable() for name in names)
    assert not [name for name in names if "line one" in name or "soft" in name]
    assert "/$HOME/" in offered("tree", str(file("odd_names")), "/")


def test_a_server_that_fails_leaves_what_was_known(here: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    known = offered("ls", f"s3://{BUCKET}/runs/")
    here.fault("status", status=403)
    assert offered("ls", f"s3://{BUCKET}/runs/", "--refresh", f"s3://{BUCKET}/runs/") == known
    assert offered("ls", f"s3://{BUCKET}/other/") == [] == offered("tree", f"s3://{BUCKET}/a.h5", "/")
    assert offered("ls", "--anon", "--profile", "nobody", f"s3://{BUCKET}/runs/") == []
    with pytest.raises(UsageError):
        offered("ls", "--env-file", "/nowhere", "s")


def test_a_server_that_hangs_is_not_waited_for(here: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "SECONDS", 0.2)
    here.fault("hang", seconds=30)
    assert offered("ls", f"s3://{BUCKET}/hangs/") == []


@pytest.mark.slow
@pytest.mark.parametrize("line", ["h5s3 ls s3://b/", "h5s3 tree s3://b/k.h5 /", "h5s3 ls s3://", "h5s3 x "])
def test_it_is_silent_when_it_cannot(line: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        done = spawn(line, " :", _H5S3_COMPLETE="bash", AWS_ENDPOINT_URL=url, **keys)
    assert (done.code, done.err) == (0, "") and done.out in ("-\n", "")
    assert spawn(_H5S3_COMPLETE="tcsh").out == "" == spawn(_H5S3_COMPLETE="bash").err
    assert "_H5S3_COMPLETE" not in os.environ


@pytest.mark.slow
def test_a_program_for_credentials_that_hangs_is_ended(tmp_path: Path) -> None:
    left = tmp_path / "left"
    (tmp_path / "slow").write_text(f"#!/bin/sh\nsleep 4; echo > {left}\n")
    (tmp_path / "slow").chmod(0o755)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {tmp_path / 'slow'}\n")
    done = spawn("h5s3 ls s3://b/", " :", _H5S3_COMPLETE="bash", AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert (done.code, done.out, done.err) == (0, "-\n", "")
    time.sleep(4)
    assert not left.exists()
