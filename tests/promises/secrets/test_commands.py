"""No output and no cache holds a secret: not the key, not the token, not the query of a presigned URL."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Result, file, run, sample
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN"
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 403, "body": b"<Error><Code>AccessDenied</Code></Error>"}),
    ("status", {"status": 400, "body": b"<Error><Code>ExpiredToken</Code></Error>"}),
    ("status", {"status": 404}),
    ("status", {"status": 500}),
    ("status", {"status": 503, "body": b"<Error><Code>SlowDown</Code></Error>"}),
    ("redirect", {"location": "/elsewhere", "status": 301}),
    ("redirect", {"location": "http://127.0.0.1:9/?X-Amz-Signature=0123456789abcdef", "status": 307}),
    ("reset", {}),
    ("garbage", {}),
    ("short_body", {}),
    ("wrong_content_range", {}),
    ("wrong_content_range", {"value": "bytes x-y/z"}),
]


@pytest.fixture
def signed(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A server that is asked with a session token, too."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    sample(moto, "plenty")
    return moto


def secrets(server: S3Server, *urls: str) -> set[str]:
    """What must not be seen: of each URL the values of its query."""
    values = {part.partition("=")[2] for url in urls for part in url.partition("?")[2].split("&")}
    return {server.secret_key, TOKEN, "X-Amz-Signature", "X-Amz-Credential", "Authorization"} | {
        value for value in values if len(value) > 8
    }


def check(result: Result, hidden: set[str]) -> None:
    for text in (result.out, result.err):
        seen = {secret for secret in hidden if secret.lower() in text.lower()}
        assert not seen, text


def presigned(server: S3Server, where: str) -> str:
    bucket, _, key = where.removeprefix("s3://").partition("/")
    url: str = server.client().generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    return url


@pytest.mark.parametrize(("kind", "options"), FAULTS)
def test_failures_in_full_detail(signed: S3Server, kind: str, options: dict[str, Any]) -> None:
    with Proxy(signed) as proxy:
        there, where = signed.at(proxy.url), sample(signed, "plenty")
        url = presigned(there, where)
        proxy.fault(kind, **options)
        for command in ("tree", "ls"):
            result = run(command, where, "--debug", "--stats", on=there)
            assert result.code > 2 or (command == "ls" and "range" in kind), result
            check(result, secrets(signed, url))
        result = run("tree", url, "--debug", "--stats")
        assert result.code > 2 and "Traceback" in result.err, result
        check(result, secrets(signed, url))


def test_failures_later_on(signed: S3Server) -> None:
    for kind in ("status", "reset", "wrong_etag"):
        with Proxy(signed) as proxy:
            there, where = signed.at(proxy.url), sample(signed, "plenty")
            url = presigned(there, where)
            proxy.fault(kind, when=lambda seen: seen.range is not None and seen.range[0] > 0)
            for location in (where, url):
                result = run("preview", location, "/data", "--debug", on=there)
                assert result.code in (5, 7) and "Traceback" in result.err
                check(result, secrets(signed, url))


@pytest.mark.parametrize("option", [("--timeout", "0.2"), ("--endpoint-url", "http://127.0.0.1:9")])
def test_failures_without_an_answer(signed: S3Server, option: tuple[str, str]) -> None:
    with Proxy(signed) as proxy:
        proxy.delay = 5
        for command in ("tree", "ls"):
            result = run(command, sample(signed, "plenty"), "--debug", *option, on=signed.at(proxy.url))
            assert result.code == 5 and "Traceback" in result.err
            check(result, secrets(signed))


def test_a_url_that_nobody_answers(signed: S3Server) -> None:
    url = presigned(signed.at("http://127.0.0.1:9"), sample(signed, "plenty"))
    result = run("tree", url, "--debug")
    assert result.code == 5 and "http://127.0.0.1:9/cli/files/plenty.h5?…" in result.err
    check(result, secrets(signed, url))


@pytest.mark.parametrize(
    ("name", "code"), [("contiguous", 0), ("not_hdf5", 6), ("truncated", 6), ("empty_file", 6)]
)
def test_results_and_files_that_are_none(signed: S3Server, name: str, code: int) -> None:
    where = sample(signed, name)
    url = presigned(signed, where)
    for location in (where, url):
        for options in ((), ("--json",), ("--jsonl",)):
            result = run("tree", location, "--debug", "--stats", *options, on=signed)
            assert result.code == code
            check(result, secrets(signed, url))


def test_the_cache_holds_no_secret(signed: S3Server) -> None:
    where = sample(signed, "contiguous")
    url = presigned(signed, where)
    for location in (where, url):
        for command in (("tree",), ("meta",), ("preview", "/vector")):
            assert run(command[0], location, *command[1:], on=signed).code == 0
    assert run("ls", where, on=signed).code == 0
    files = [path for path in Path(os.environ["H5S3_CACHE_DIR"]).rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert b"h5s3/tree/1" in content
    assert not [secret for secret in secrets(signed, url) if secret.encode() in content]


@pytest.mark.parametrize("command", ["tree", "ls"])
def test_a_password_in_a_url(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    url = "http://someone:pass-word-1@127.0.0.1:9/x.h5?token=abcdefghijkl#fragment-1"
    result = run(command, url, "--debug", "--timeout", "2")
    assert result.code == (2 if command == "ls" else 5)
    check(result, {"pass-word-1", "abcdefghijkl", "fragment-1"})


def test_the_keys_of_an_env_file(rclone: S3Server, tmp_path: Path) -> None:
    path = tmp_path / "lab.env"
    path.write_text(
        f"S3_ENDPOINT={rclone.url}\nS3_ACCESS_KEY={rclone.access_key}\nS3_SECRET_KEY=secret-of-the-file\n"
    )
    result = run("tree", sample(rclone, "nexus"), "--env-file", path, "--debug")
    assert result.code == 4 and "signed with the key of the env file" in result.err
    check(result, {"secret-of-the-file"})
    path.write_text("S3_SECRET_KEY='secret-of-the-file\nS3_ENDPOINT=\n")
    result = run("tree", sample(rclone, "nexus"), "--env-file", path, "--debug")
    assert result.code != 0
    check(result, {"secret-of-the-file"})


def test_a_bug_shows_neither(monkeypatch: pytest.MonkeyPatch, moto: S3Server) -> None:
    """An error that nobody foresaw, whose text has everything in it."""
    text = "https://host/key?X-Amz-Credential=abc&X-Amz-Signature=def {'Authorization': 'AWS4 ghi'}\n\x1b[31m"

    def fail(*args: object, **options: object) -> None:
        raise KeyError(text)

    monkeypatch.setattr("h5s3.explore.tree.tree", fail)
    plain, full = (run("tree", file("nexus"), *option) for option in ((), ("--debug",)))
    assert plain.failed(1) == "internal error (KeyError); --debug shows more"
    assert full.code == 1 and "Traceback" in full.err and full.err.endswith(plain.err)
    assert all(line.isprintable() for line in full.err.split("\n"))
    for hidden in ("abc", "def", "ghi"):
        assert f"={hidden}" not in full.err and f" {hidden}" not in full.err


@pytest.mark.parametrize(
    "where", ["http://user:PASS/WORD@127.0.0.1:9/x.h5", "https:/user:PASS/WORD@host/x.h5"]
)
def test_a_password_in_what_is_no_url(where: str) -> None:
    line = run("tree", where).failed(2)
    assert line.endswith("a URL without a valid host") and "PASS" not in line and "WORD" not in line


def test_a_password_in_an_endpoint_that_is_none(moto: S3Server) -> None:
    url = "http://user:PASS/WORD@127.0.0.1:9"
    for command in (("doctor", "s3://b/x.h5"), ("tree", "s3://b/x.h5"), ("ls", "s3://b/")):
        result = run(*command, "--endpoint-url", url, "--debug", on=moto)
        assert result.code in (2, 5), result
        assert "PASS" not in result.out + result.err and "WORD" not in result.out + result.err
