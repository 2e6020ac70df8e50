"""How `bench` gets to a server: names, TLS and web proxies as all of h5s3 uses them, each step timed."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from h5s3.errors import NetworkError
from h5s3.explore.bench.bench import bench
from h5s3.explore.session import Session
from h5s3.records import Bench, Samples
from h5s3.render.bench.conclusions import conclusions
from h5s3.settings import Settings
from h5s3.storage.location import Location, parse_location
from tests.support import doctor
from tests.support.bench import BUCKET, DATA, KEY, KIB, one, settings_for
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry
from tests.support.servers.web import WebServer

FEW: dict[str, Any] = {"sizes": [4 * KIB], "count": 4, "concurrency": [1]}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for this machine that nobody has signed."""
    return doctor.certificate(tmp_path)


@pytest.fixture
def secure(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A web server that speaks TLS, with a page of some bytes."""
    hurry(monkeypatch)
    with WebServer().running() as web:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        web.secure(context)
        web.pages["/data.bin"] = DATA
        yield web


def measure(url: str) -> Bench:
    with Session(Settings()) as session:
        return bench(session, parse_location(url), **FEW)


def connects(document: Bench) -> Samples:
    return next(samples for samples in document.samples if samples.operation == "connect")


# The steps


def test_name_tcp_and_tls_are_told_apart(
    secure: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    document = measure(secure.url.replace("127.0.0.1", "localhost") + "/data.bin")
    for samples in (connects(document), one(document, 4 * KIB, new=True)):
        steps = (samples.dns_seconds, samples.tcp_seconds, samples.tls_seconds)
        assert samples.tunnel_seconds is UNSET
        for index, seconds in enumerate(samples.seconds):
            parts = [step[index] for step in steps if step is not UNSET]
            assert len(parts) == 3 and all(part > 0 for part in parts)
            assert sum(parts) <= seconds + 1e-5
        assert all(p50 is not UNSET for p50 in (samples.dns_p50, samples.tcp_p50, samples.tls_p50))
    assert connects(document).first_byte_seconds is UNSET
    said = conclusions(document)[0]
    assert said.startswith("opening a connection: DNS ") and "TCP" in said and "TLS" in said
    assert "no DNS" not in said


def test_what_there_is_none_of_is_absent(rclone: S3Server) -> None:
    with Proxy(rclone) as proxy, Session(settings_for(rclone, proxy)) as session:
        document = bench(session, Location("s3", KEY, BUCKET), **FEW)
    found = connects(document)
    assert found.dns_seconds is UNSET and found.tls_seconds is UNSET and found.tcp_seconds is not UNSET
    assert "no DNS, as the host is an address; no TLS" in conclusions(document)[0]


def test_names_that_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NetworkError, match=r"cannot find no-such-host\.invalid"):
        measure("http://no-such-host.invalid/data.bin")
    with pytest.raises(NetworkError, match="cannot connect"):
        measure("http://127.0.0.1:1/data.bin")


# Whom to trust


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_certificates_are_trusted_as_by_reads(
    secure: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with pytest.raises(NetworkError, match="no trusted TLS connection"):
        measure(f"{secure.url}/data.bin")
    assert secure.seen == []
    monkeypatch.setenv(variable, str(certificate))
    document = measure(f"{secure.url}/data.bin")
    assert all(not samples.errors for samples in document.samples)
    assert connects(document).tls_seconds is not UNSET and connects(document).dns_seconds is UNSET


def test_a_bundle_that_is_not_there_is_said(secure: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/no/such/file.pem")
    with pytest.raises(NetworkError, match="the file of trusted certificates cannot be read"):
        measure(f"{secure.url}/data.bin")


# Through a web proxy


class Tunnels:
    """A web proxy that knows CONNECT: `asked` lists for what, and with which authorization."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:p%40ss@127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def running(self) -> Iterator[Tunnels]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        lines = head.decode().split("\r\n")
        authorization = [line for line in lines if line.lower().startswith("proxy-authorization:")]
        place = lines[0].split()[1]
        self.asked.append((place, authorization[0].split()[-1] if authorization else ""))
        host, _, port = place.rpartition(":")
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=_pump, args=(client, server), daemon=True).start()
        _pump(server, client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_tls_through_the_proxy_of_the_environment(
    secure: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with Tunnels().running() as tunnels:
        monkeypatch.setenv("HTTPS_PROXY", tunnels.url)
        document = measure(f"{secure.url}/data.bin")
        found = connects(document)
        assert len(found.seconds) == 4 and found.errors == 0
        assert found.tunnel_seconds is not UNSET and found.tls_seconds is not UNSET
        assert "the proxy's tunnel" in conclusions(document)[0]
        place = secure.url.removeprefix("https://")
        assert set(tunnels.asked) == {(place, "dXNlcjpwQHNz")}
        before = len(tunnels.asked)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert connects(measure(f"{secure.url}/data.bin")).tunnel_seconds is UNSET
        assert len(tunnels.asked) == before


@pytest.mark.parametrize("kind", ["https", "socks5"])
def test_other_kinds_of_proxies_are_refused(
    rclone: S3Server, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with Proxy(rclone) as proxy, Session(settings_for(rclone, proxy)) as session:
        monkeypatch.setenv("HTTP_PROXY", f"{kind}://user:secret@127.0.0.1:1")
        with pytest.raises(NetworkError, match=f"a proxy of the kind {kind}://") as caught:
            bench(session, Location("s3", KEY, BUCKET), **FEW)
        assert "secret" not in str(caught.value)


# Another region


@pytest.mark.parametrize("key", ["", "folder/", KEY])
@pytest.mark.parametrize("status", [301, 400])
def test_the_region_that_the_server_names_is_measured(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch, key: str, status: int
) -> None:
    hurry(monkeypatch)
    with Proxy(moto) as proxy, Session(settings_for(moto, proxy)) as session:
        wrong = lambda seen: "us-east-1" in seen.query + seen.headers.get("authorization", "")  # noqa: E731
        moved = {"x-amz-bucket-region": "eu-west-3"}
        body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"
        proxy.fault("status", status=status, headers=moved, body=body, when=wrong)
        document = bench(session, Location("s3", key, BUCKET), **FEW)
        assert {samples.operation for samples in document.samples} >= {"connect", "LIST"}
        assert all(len(samples.seconds) >= 4 and not samples.failures for samples in document.samples)
        assert all(check.ok for check in document.checks)
        lost = [seen for seen in proxy.requests if wrong(seen)]
        assert 1 <= len(lost) <= 3
