"""Secrets made for these tests are in nothing that commands print or store.

Every command runs in success and in failure, against servers that say whatever they know in their errors.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.cli import file, on_terminal, run, sample, spawn
from tests.support.hostile import secrecy
from tests.support.hostile.server import Asked, Liar, Says, serving
from tests.support.servers.s3 import S3Server

ACCESS, SECRET, TOKEN = "AKIACANARY7Q2ZX94KPLM", "canary/Secret+kV83hsYw01/zzTop=", "CanaryToken//x8+Rw2=="
PASSWORD, SIGNATURE = "canary-pass-9f3e71", "c0ffee00canary11223344556677"
QUERY = f"X-Amz-Signature={SIGNATURE}&X-Amz-Credential={ACCESS}%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
QUERY += f"&X-Amz-Security-Token={quote(TOKEN, safe='')}&sig={SIGNATURE}1&Signature={SIGNATURE}2"
QUERY += f"&token={SIGNATURE}3"
CANARIES = {ACCESS, SECRET, TOKEN, PASSWORD, SIGNATURE}
COMMANDS: list[tuple[str, ...]] = [
    ("ls", "{}"),
    ("tree", "{}", "-r"),
    ("meta", "{}", "/vector"),
    ("preview", "{}", "/vector"),
    ("get", "{}", "/vector", "-o", "out.csv", "--overwrite"),
    ("du", "{}"),
    ("refs", "{}", "-o", "refs.json", "--overwrite"),
    ("bench", "{}", "--count", "3", "--sizes", "1K", "--concurrency", "1", "--save", "bench.json"),
    ("doctor", "{}"),
]
OPTIONS = [("--debug", "--stats"), ("--json", "--debug")]


def echo(status: int) -> Callable[[Asked], Says]:
    """An error that says all that the request said, as some servers do for wrong signatures."""

    def answer(asked: Asked) -> Says:
        told = "\n".join([f"{asked.method} {asked.target}", *(f"{k}:{v}" for k, v in asked.headers.items())])
        told = told.replace("&", "&amp;").replace("<", "&lt;")
        fields = ("Message", "StringToSign", "CanonicalRequest", "SignatureProvided", "AWSAccessKeyId")
        inner = "".join(f"<{name}>{told}</{name}>" for name in fields)
        inner += f"<AWSAccessKeyId>{ACCESS}</AWSAccessKeyId>"
        body = f"<Error><Code>SignatureDoesNotMatch</Code>{inner}</Error>"
        sent = asked.headers.get("authorization", "none").encode()
        heads = [
            (b"x-amz-request-id", sent),
            (b"WWW-Authenticate", sent),
            (b"Location", asked.target.encode()),
        ]
        return Says(status, body.encode(), heads)

    return answer


def elsewhere(asked: Asked) -> Says:
    """A redirect to a place that is signed for."""
    return Says(307, b"", [(b"Location", f"http://user:{PASSWORD}@127.0.0.1:9/?{QUERY}".encode())])


WAYS: dict[str, Callable[[Asked], Says]] = {
    "fine": serving(file("contiguous").read_bytes(), [(b"ETag", b'"0123"'), (b"Server", b"x")]),
    "wrong secret": echo(403),
    "malformed": echo(400),
    "nothing there": echo(404),
    "out of order": echo(500),
    "redirect": elsewhere,
    "page": lambda asked: Says(200, b"<html>" + str(asked.headers).encode()),
}


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    with Liar().running() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one directory in which everything is written, caches and temporary files too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    return tmp_path


def clean(place: Path, *results: Any) -> None:
    """Nothing that was said and nothing that was written holds a canary."""
    for result in results:
        for text in (result.out, result.err):
            assert not secrecy.leaks(text.encode(), CANARIES), result
    assert not secrecy.searched(place, CANARIES)


@pytest.mark.parametrize("way", WAYS)
def test_every_command(liar: Liar, place: Path, way: str) -> None:
    liar.answer, liar.asked[:] = WAYS[way], []
    on = liar.server(ACCESS, SECRET)
    web = liar.url.replace("http://", f"http://user:{PASSWORD}@") + f"/k.h5?{QUERY}#{SIGNATURE}"
    codes = set()
    for number, command in enumerate(COMMANDS, list(WAYS).index(way)):
        for turn, where in enumerate(("s3://b/k.h5", web), number):  # each way has both options by turns
            result = run(*(word.format(where) for word in command), *OPTIONS[turn % 2], on=on)
            codes.add(result.code)
            clean(place, result)
    for args in (("cache", "info"), ("cache", "path"), ("schema", "tree")):
        clean(place, run(*args))
    seen = " ".join(f"{a.target} {a.headers.get('authorization')} {a.headers}" for a in liar.asked)
    assert ACCESS in seen and TOKEN in seen and SIGNATURE in seen  # they were sent, and could have been shown
    assert codes & ({0} if way == "fine" else {3, 4, 5})
    assert (place / "cache").exists()


def test_an_endpoint_with_a_password(liar: Liar, place: Path) -> None:
    url = liar.url.replace("http://", f"http://user:{PASSWORD}@")
    for turn, way in enumerate(("fine", "wrong secret", "redirect")):
        liar.answer = WAYS[way]
        for number, command in enumerate(COMMANDS, turn):
            words = [word.format("s3://b/k.h5") for word in command]
            on = liar.server(ACCESS, SECRET)
            clean(place, run(*words, *OPTIONS[number % 2], on=on, AWS_ENDPOINT_URL=url))


def test_an_endpoint_that_is_dead(place: Path) -> None:
    on = S3Server(f"http://user:{PASSWORD}@127.0.0.1:9", ACCESS, SECRET, "us-east-1", "none")
    for command in COMMANDS:
        for where in ("s3://b/k.h5", f"http://user:{PASSWORD}@127.0.0.1:9/k.h5?{QUERY}"):
            clean(place, run(*(word.format(where) for word in command), "--debug", "--timeout", "5", on=on))


def test_web_proxies_with_a_password(liar: Liar, place: Path) -> None:
    liar.answer = echo(407)
    via = liar.url.replace("http://", f"http://user:{PASSWORD}@")
    basic = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    for command in COMMANDS:
        result = run(*(word.format("http://b.example/k.h5") for word in command), "--debug", HTTP_PROXY=via)
        clean(place, result)
        assert basic not in result.out + result.err


@pytest.mark.slow
def test_whatever_the_libraries_log(rclone: S3Server, place: Path) -> None:
    """The credentials of the server are searched for by `spawn`."""
    talk = {"S3FS_LOGGING_LEVEL": "DEBUG", "FSSPEC_LOGGING_LEVEL": "DEBUG", "PYTHONWARNINGS": "always"}
    talk |= {"PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1", "AWS_SESSION_TOKEN": ""}
    where = sample(rclone, "contiguous")
    result = spawn("bench", where, "--compare", "--count", "3", "--sizes", "1K", "--debug", on=rclone, **talk)
    assert result.code == 0, result
    code, _ = on_terminal("tree", where, "--debug", "--stats", columns=40, on=rclone, **talk)
    assert code == 0
    wrong = {"AWS_SECRET_ACCESS_KEY": SECRET, **talk}
    clean(place, spawn("tree", where, "--debug", on=rclone, **wrong))


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    for text in (
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        base64.b64encode(f"id:{SECRET}:x".encode()).decode(),
    ):
        assert secrecy.leaks(f"before {text} after".encode(), {SECRET})
        folded = "\n│ ".join(text[i : i + 7] for i in range(0, len(text), 7))
        assert secrecy.leaks(folded.encode(), {SECRET})
    (tmp_path / "db").write_bytes(os.urandom(99) + SECRET.encode() + b"\0")
    assert secrecy.searched(tmp_path, {SECRET}) and not secrecy.searched(tmp_path, {TOKEN})
    assert secrecy.leaks(b"http://h/k?X-Amz-Signature=0123456789abcdef", set())
    assert not secrecy.leaks(b"no Authorization header, no X-Amz-Signature", {SECRET})
