"""Proxies, certificates, addresses as they are typed, and servers that are no S3."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from h5s3.errors import NetworkError, NotFoundError, UsageError
from h5s3.settings import Settings
from h5s3.storage.http.connection_pool import request_target
from h5s3.storage.location import Location, parse_location
from h5s3.storage.open import open_store
from h5s3.storage.stores.s3 import S3Store
from h5s3.storage.stores.web import WebStore
from h5s3.storage.trace import Trace
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry, reach
from tests.support.servers.web import WebServer

DATA = bytes(range(256)) * 40
HERE = Location("s3", "a b/ü.h5", "network")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    hurry(monkeypatch)
    with WebServer().running() as running:
        yield running


# Through a proxy


@pytest.mark.parametrize("variable", ["HTTP_PROXY", pytest.param("http_proxy", marks=pytest.mark.slow)])
def test_the_proxy_of_the_environment_is_used_for_all(
    rclone: S3Server, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    rclone.put(HERE.bucket, HERE.key, DATA)
    reach(rclone, monkeypatch)
    with Proxy(rclone) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("//", "//user:p%40ss@"))
        store = S3Store(Settings(), Trace())
        info = store.head(HERE)
        assert store.get_ranges(info, [(0, 9), (9, 99)]) == {(0, 9): DATA[:9], (9, 99): DATA[9:99]}
        assert len(list(store.list(HERE))) == 1
        assert (proxy.count("HEAD"), proxy.count("GET")) == (1, 3)
        assert {seen.headers.get("proxy-authorization") for seen in proxy.requests} == {"Basic dXNlcjpwQHNz"}
        monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
        direct = S3Store(Settings(), Trace())
        assert direct.get_ranges(direct.head(HERE), [(0, 9)]) == {(0, 9): DATA[:9]}
        assert proxy.count() == 4
        store.close()
        direct.close()


def test_a_proxy_that_is_not_there(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:1")
    with pytest.raises(NetworkError, match="cannot connect") as caught:
        WebStore(Settings(), Trace()).head(parse_location(f"{web.url}/x"))
    assert "secret" not in str(caught.value)


# Over TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody has signed."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path / "certificate.pem"
    signed = builder.sign(key, hashes.SHA256())
    path.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "the config file"])
def test_certificates_are_checked(
    web: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    web.secure(context)
    web.pages[f"/{HERE.bucket}/a%20b/%C3%BC.h5"] = DATA
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "ENDPOINT_URL": web.url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    url = parse_location(f"{web.url}/{HERE.bucket}/a%20b/%C3%BC.h5")
    asks: list[Callable[[], object]] = [
        lambda: WebStore(Settings(), Trace()).first(url, 10),
        lambda: S3Store(Settings(), Trace()).first(HERE, 10),
        lambda: S3Store(Settings(), Trace()).head(HERE),
    ]
    for ask in asks:
        with pytest.raises(NetworkError, match=r"TLS|cannot connect"):
            ask()
    assert web.seen == []
    if variable == "the config file":
        (tmp_path / "config").write_text(f"[default]\nca_bundle = {certificate}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        asks = asks[1:]
    else:
        monkeypatch.setenv(variable, str(certificate))
    for ask in asks:
        ask()
    assert len(web.seen) == len(asks)


# Addresses


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://host", "/"),
        ("https://host?a=b/c", "/?a=b/c"),
        ("https://host/a//../b/./c?d=/e#f", "/a//../b/./c?d=/e"),
        ("https://host#/a", "/"),
        ("https://host/", "/"),
    ],
)
def test_the_target_of_a_request(url: str, target: str) -> None:
    assert request_target(url) == target


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("/ü b.h5", "/%C3%BC%20b.h5"),
        ("/a//../b.h5", "/a//../b.h5"),
        ("/a%20b.h5", "/a%20b.h5"),
        ("?a=ü", "/"),
    ],
)
def test_urls_as_they_are_typed(web: WebServer, typed: str, asked: str) -> None:
    web.pages[asked] = DATA
    store = WebStore(Settings(), Trace())
    info, body = store.first(parse_location(web.url + typed), 10)
    assert (info.size, body) == (len(DATA), DATA[:10])
    assert store.get_ranges(info, [(1, 3), (3, 5)]) == {(1, 3): DATA[1:3], (3, 5): DATA[3:5]}
    store.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "127.0.0.1:1", "ü.invalid", "a" * 300, "a b"])
def test_hosts_that_are_not_there(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with pytest.raises(NetworkError) as caught:
        WebStore(Settings(), Trace()).head(parse_location(f"http://{host}/x"))
    assert caught.value.location == f"http://{host}/x"
    with pytest.raises((NetworkError, UsageError)):
        S3Store(Settings(endpoint_url=f"http://{host}"), Trace()).head(HERE)


# What is no S3


def test_a_web_server_is_no_s3(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "ENDPOINT_URL": web.url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    pages = [b"<html>welcome</html>", b"<?xml version='1.0'?><rss/>", b"{}", b"", b"\xff" * 100, b"<a"]
    for page in pages:
        web.pages[f"/{HERE.bucket}"] = web.pages["/"] = page
        store = S3Store(Settings(), Trace())
        for place in (Location("s3", "", HERE.bucket), Location("s3", "")):
            with pytest.raises(NetworkError, match=r"not answer like S3|status 500") as caught:
                list(store.list(place))
            assert caught.value.location == place.display
        with pytest.raises(NotFoundError):
            store.head(HERE)
        store.close()


@pytest.mark.parametrize("text", ["nosuch://host/x", "zip://x.h5", "ftp://127.0.0.1:1/x", "github://x"])
def test_protocols_that_cannot_be_read(text: str) -> None:
    location = parse_location(text)
    with pytest.raises((UsageError, NetworkError)) as caught:
        open_store(location, Settings(), Trace()).head(location)
    assert caught.value.location == location.display


@pytest.mark.parametrize("region", ["", "not a region", "../x"])
def test_no_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for settings in (Settings(endpoint_url="host:9000"), Settings(region=region or None, profile="nobody")):
        with pytest.raises(UsageError):
            S3Store(settings, Trace())
