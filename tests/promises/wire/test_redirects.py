"""Redirects: followed where that is safe, and never with anything that could log in somewhere else.

Another port is another host, and `localhost` is another one than 127.0.0.1.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from h5s3.errors import NetworkError
from h5s3.settings import Settings
from h5s3.storage.location import Location, parse_location
from h5s3.storage.stores.fsspec import FsspecStore
from h5s3.storage.stores.s3fs import s3fs_filesystem
from h5s3.storage.trace import Trace
from tests.support.cli import file, run
from tests.support.doctor import certificate
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry, reach
from tests.support.servers.web import WebServer

BUCKET = "redirects"
KEY = "there/file.h5"
TOKEN = "a-session-token-of-mine"
STATUSES = (301, 302, 303, 307, 308)
EACH = [pytest.param(one, marks=[] if one in (301, 307) else [pytest.mark.slow]) for one in STATUSES]
SECRET = re.compile(
    r"authorization|cookie|security-token|x-amz-|signature|credential|referer|user:|secret|rclone-|" + TOKEN,
    re.IGNORECASE,
)
S3_COMMANDS = [
    ("ls", f"s3://{BUCKET}/"),
    ("tree", f"s3://{BUCKET}/{KEY}"),
    ("tree", f"s3a://{BUCKET}/{KEY}"),
    ("meta", f"s3://{BUCKET}/{KEY}"),
    ("get", f"s3://{BUCKET}/{KEY}", "/entry/data/counts", "-o", "-"),
    ("bench", f"s3://{BUCKET}/{KEY}", "--count", "3", "--sizes", "4K", "--concurrency", "1"),
    ("doctor", f"s3://{BUCKET}/{KEY}"),
]


@pytest.fixture(params=["localhost", pytest.param("127.0.0.1", marks=pytest.mark.slow)])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """Another host, which has the file and takes notes; by its number, and by its name."""
    hurry(monkeypatch)
    with WebServer().running() as web:
        web.url = web.url.replace("127.0.0.1", request.param)
        web.pages[f"/{BUCKET}/{KEY}"] = web.pages["/file.h5"] = file("nexus").read_bytes()
        yield web


def nothing_secret(web: WebServer) -> bool:
    """Whether nothing that came there could log in, sign, or tell where it came from."""
    return not SECRET.search(repr(web.seen))


def presigned(server: S3Server) -> str:
    names = {"Bucket": BUCKET, "Key": KEY}
    url: str = server.client().generate_presigned_url("get_object", Params=names)
    return url


@pytest.mark.parametrize("status", EACH)
def test_nothing_signed_for_s3_goes_to_another_host(
    rclone: S3Server, elsewhere: WebServer, status: int
) -> None:
    rclone.put_file(BUCKET, KEY, file("nexus"))
    host = elsewhere.url.partition("://")[2]
    xml = f"<Error><Code>PermanentRedirect</Code><Endpoint>{host}</Endpoint><Bucket>{BUCKET}</Bucket></Error>"
    answers: list[tuple[str, dict[str, Any]]] = [
        ("redirect", {"location": f"{elsewhere.url}/file.h5", "status": status}),
        ("redirect", {"location": f"//{host}/{BUCKET}/{KEY}", "status": status}),
        ("status", {"status": status, "body": xml.encode()}),
        ("status", {"status": status, "headers": {"x-amz-bucket-region": f"{host}/#"}, "body": xml.encode()}),
        (
            "redirect",
            {
                "location": f"{elsewhere.url}/{BUCKET}/{KEY}",
                "status": status,
                "headers": {"x-amz-bucket-region": "eu-west-3"},
            },
        ),
    ]
    with Proxy(rclone) as proxy:
        for number, (kind, args) in enumerate(answers):
            for command in S3_COMMANDS if number == 0 else S3_COMMANDS[:2]:
                proxy.clear()
                proxy.fault(kind, **args)
                found = run(*command, "--no-cache", on=rclone.at(proxy.url), AWS_SESSION_TOKEN=TOKEN)
                assert found.code == 5, found
                assert elsewhere.seen == []
                assert "redirect" in found.out + found.err and TOKEN not in found.out + found.err


@pytest.mark.parametrize("status", EACH)
def test_a_url_is_followed_with_bare_hands(rclone: S3Server, elsewhere: WebServer, status: int) -> None:
    rclone.put_file(BUCKET, KEY, file("nexus"))
    with Proxy(rclone) as proxy:
        place = presigned(rclone.at(proxy.url))
        there = {"location": f"{elsewhere.url}/file.h5", "status": status}
        proxy.fault(
            "redirect", headers={"Set-Cookie": "secret=1; Path=/", "WWW-Authenticate": "Basic"}, **there
        )
        with_password = place.replace("://", "://user:secret@")
        for url in (place, with_password):
            for command in (("tree", "-r"), ("meta",), ("doctor",)):
                found = run(command[0], url, *command[1:], "--no-cache", on=rclone.at(proxy.url))
                assert found.code == 0, found
                assert not SECRET.search(found.err)
        assert elsewhere.seen and nothing_secret(elsewhere)
        assert {seen.headers.get("authorization") for seen in proxy.requests} == {None}


def test_what_a_redirect_signs_is_its_own_business(elsewhere: WebServer) -> None:
    with WebServer().running() as first:
        first.redirects["/a.h5"] = f"{elsewhere.url}/file.h5?X-Amz-Signature=theirs"
        found = run("tree", f"{first.url}/a.h5?X-Amz-Signature=ours&X-Amz-Credential=ours", "--no-cache")
        assert found.code == 0
        asked = {target for target, _ in elsewhere.seen}
        assert asked == {"/file.h5?X-Amz-Signature=theirs"} and "theirs" not in found.out


@pytest.mark.parametrize("onward", ["http://{host}/file.h5", "HTTP://{host}/file.h5", "file:///etc/passwd"])
def test_from_tls_to_plain_is_refused(
    elsewhere: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onward: str
) -> None:
    paper = certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(paper))
    with WebServer().running() as secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(paper)
        secure.secure(context)
        secure.redirects["/a.h5"] = onward.format(host=elsewhere.url.partition("://")[2])
        for command in (("tree",), ("tree", "--insecure"), ("doctor",)):
            found = run(command[0], f"{secure.url}/a.h5?x=secret", *command[1:])
            assert found.code == 5 and "unsafe address" in found.out + found.err, found
    assert elsewhere.seen == []


@pytest.mark.slow
def test_s3fs_sends_nothing_elsewhere(
    rclone: S3Server, elsewhere: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rclone.put_file(BUCKET, KEY, file("nexus"))
    location = Location("s3", KEY, BUCKET)
    with Proxy(rclone) as proxy:
        reach(rclone, monkeypatch, proxy.url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        store = FsspecStore(s3fs_filesystem(Settings()), Trace())
        info = store.head(location)
        for status in STATUSES:
            proxy.clear()
            proxy.fault("redirect", location=f"{elsewhere.url}/{BUCKET}/{KEY}", status=status)
            for ask in (
                lambda: store.head(location),
                lambda: store.get_ranges(info, [(0, 100)]),
                lambda: list(store.list(Location("s3", "there/", BUCKET))),
            ):
                with pytest.raises(NetworkError):
                    ask()
    assert elsewhere.seen == []


def test_fsspec_over_http_leaves_the_password_behind(elsewhere: WebServer) -> None:
    """A URL in a chain of fsspec is aiohttp's business: it follows, and takes no login along."""
    with WebServer().running() as first:
        first.redirects["/a.h5"] = f"{elsewhere.url}/file.h5"
        store = FsspecStore(fsspec.filesystem("http", skip_instance_cache=True), Trace())
        url = first.url.replace("://", "://user:secret@") + "/a.h5"
        info = store.head(parse_location(url))
        assert info.size == len(elsewhere.pages["/file.h5"])
        assert store.get_ranges(info, [(0, 8)])[0, 8] == b"\x89HDF\r\n\x1a\n"
    assert elsewhere.seen and nothing_secret(elsewhere)
