"""TLS is verified on every path, with whatever certificates the user trusts, unless `--insecure` is given."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import h5s3
from h5s3.errors import NetworkError, UsageError
from h5s3.settings import Settings
from h5s3.storage.http import connection_pool
from h5s3.storage.http.connection_pool import Pools
from h5s3.storage.location import parse_location
from h5s3.storage.open import open_store
from h5s3.storage.stores.fsspec import FsspecStore
from h5s3.storage.stores.s3fs import s3fs_filesystem
from h5s3.storage.trace import Trace
from tests.support.cli import BUCKET, run, sample, spawn
from tests.support.doctor import certificate
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry, reach
from tests.support.servers.web import WebServer

CHEAP = 6  # of `questions`: all but bench, which asks most often
BENCH = ("--sizes", "4K", "--count", "3", "--concurrency", "1")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates with their keys, all of them signed by themselves."""
    folder = tmp_path_factory.mktemp("papers")
    return {
        "good": certificate(folder),
        "expired": certificate(folder, days=-1),
        "of another host": certificate(folder, host="127.0.0.2"),
    }


@contextmanager
def secured(server: S3Server, paper: Path) -> Iterator[tuple[S3Server, Proxy]]:
    """The server behind TLS, and the proxy that speaks it."""
    with Proxy(server) as proxy:
        proxy.secure(paper)
        yield server.at(proxy.url), proxy


@pytest.fixture
def there(
    rclone: S3Server, papers: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[S3Server, Proxy]]:
    """rclone behind TLS with the good certificate; retries come at once."""
    hurry(monkeypatch)
    with secured(rclone, papers["good"]) as found:
        yield found


def presigned(server: S3Server, location: str) -> str:
    key = location.split("/", 3)[3]
    url: str = server.client().generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
    return url


def questions(rclone: S3Server, there: S3Server) -> list[tuple[str, ...]]:
    """A command for each path to a server: LIST, HEAD and GET of S3 and a URL; doctor; bench and s3fs."""
    location = sample(rclone, "nexus")
    url = presigned(there, location)
    return [
        ("ls", f"s3://{BUCKET}/"),
        ("tree", location, "-r"),
        ("meta", url),
        ("get", location, "/entry/data/counts", "-o", "-"),
        ("doctor", location),
        ("doctor", url),
        ("bench", url, *BENCH),
        ("bench", location, "--compare", *BENCH),
    ]


def certificates_to_trust(paper: Path, how: str, folder: Path) -> dict[str, str]:
    if how != "the profile":
        return {how: str(paper)}
    (folder / "config").write_text(f"[default]\nca_bundle = {paper}\n")
    return {"AWS_CONFIG_FILE": str(folder / "config")}


def test_without_trust_nothing_is_asked(
    rclone: S3Server, there: tuple[S3Server, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, proxy = there
    for question in questions(rclone, server):
        found = run(*question, on=server)
        assert found.code == 5, found
        said = " ".join((found.out + found.err).split())
        assert "self-signed certificate" in said and "AWS_CA_BUNDLE" in said and "--insecure" in said, said
        assert question[0] == "doctor" or "the certificate cannot be verified" in found.failed(5)
    assert proxy.requests == []  # no credentials, no name of a bucket or a key


@pytest.mark.parametrize(
    "how", ["AWS_CA_BUNDLE", pytest.param("REQUESTS_CA_BUNDLE", marks=pytest.mark.slow), "the profile"]
)
def test_with_the_right_certificates_all_works(
    rclone: S3Server, there: tuple[S3Server, Proxy], papers: dict[str, Path], tmp_path: Path, how: str
) -> None:
    server, _ = there
    trusted = certificates_to_trust(papers["good"], how, tmp_path)
    for question in questions(rclone, server)[: CHEAP if how == "the profile" else None]:
        if how == "the profile" and question[1].startswith("https"):
            continue  # a URL has nothing to do with profiles
        found = run(*question, on=server, **trusted)
        assert found.code == 0 and "warning" not in found.err, found
        assert "insecure" not in found.out


@pytest.mark.parametrize("paper", ["expired", "of another host"])
def test_a_trusted_certificate_must_be_of_this_host_and_time(
    rclone: S3Server, papers: dict[str, Path], paper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    why = "expired" if paper == "expired" else "mismatch|another host|not valid for"
    with secured(rclone, papers[paper]) as (server, proxy):
        for question in questions(rclone, server)[: None if paper == "expired" else CHEAP]:
            found = run(*question, on=server, AWS_CA_BUNDLE=str(papers[paper]))
            assert found.code == 5, found
            said = " ".join((found.out + found.err).split())
            assert any(word in said for word in why.split("|")), said
        assert proxy.requests == []
        assert run("ls", f"s3://{BUCKET}/", "--insecure", on=server).code == 0


def test_insecure_works_everywhere_and_says_so(
    rclone: S3Server, there: tuple[S3Server, Proxy], recwarn: pytest.WarningsRecorder
) -> None:
    server, proxy = there
    host = server.url.partition("://")[2]
    warning = f"h5s3: warning: the certificate of {host} is not verified (--insecure)\n"

    def told_once(text: str) -> bool:
        return text.count(warning) == 1 and "certificate" not in text.replace(warning, "")

    for number, question in enumerate(questions(rclone, server)):
        if number < CHEAP:
            plain = run(*question, "--insecure", on=server)
            assert plain.code == 0 and told_once(plain.err), plain
        if question[0] != "get":
            document = run(*question, "--insecure", "--json", on=server)
            assert document.code == 0 and told_once(document.err), document
            assert json.loads(document.out)["schema"].startswith("h5s3/")
    assert proxy.count() > 0
    assert [str(one.message) for one in recwarn if "Insecure" in one.category.__name__] == []


def test_a_process_warns_once_and_in_one_line(rclone: S3Server, there: tuple[S3Server, Proxy]) -> None:
    server, _ = there
    found = spawn("tree", sample(rclone, "nexus"), "-r", "--insecure", "--json", on=server)
    assert found.code == 0 and json.loads(found.out)["children"]
    assert found.err.count("\n") == 1 and "is not verified (--insecure)" in found.err


def test_nothing_that_is_not_vouched_for_is_kept(
    rclone: S3Server, there: tuple[S3Server, Proxy], papers: dict[str, Path]
) -> None:
    server, _ = there
    location, trusted = sample(rclone, "nexus"), {"AWS_CA_BUNDLE": str(papers["good"])}
    url = presigned(server, location)
    for place in (location, url):
        assert run("tree", place, "-r", "--insecure", on=server).code == 0
        assert "not in the cache" in run("tree", place, "-r", "--offline", on=server, **trusted).failed(5)
        assert run("tree", place, "-r", on=server).code == 5
    assert run("ls", f"s3://{BUCKET}/", "--insecure", on=server).code == 0
    assert run("ls", f"s3://{BUCKET}/", "--offline", on=server, **trusted).code == 5
    info = json.loads(run("cache", "info", "--json").out)
    assert info["entries"] == 0
    assert "give one of them" in run("tree", location, "--insecure", "--offline", on=server).failed(2)


def test_insecure_says_nothing_where_there_is_no_tls(rclone: S3Server) -> None:
    location = sample(rclone, "nexus")
    assert run("tree", location, "--insecure", on=rclone).lines
    assert run("tree", presigned(rclone, location), "--insecure").lines


def test_each_host_on_the_way_is_named(papers: dict[str, Path]) -> None:
    with WebServer().running() as first, WebServer().running() as second:
        for web in (first, second):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(papers["good"])
            web.secure(context)
        first.redirects["/a.h5"] = f"{second.url}/b.h5"
        second.pages["/b.h5"] = Path(papers["good"]).read_bytes()
        found = run("tree", f"{first.url}/a.h5", "--insecure")
        hosts = [web.url.partition("://")[2] for web in (first, second)]
        lines = found.err.splitlines()
        named = [f"certificate of {host} is" in line for host, line in zip(hosts, lines, strict=False)]
        assert named == [True, True]
        assert found.code == 6 and len(lines) == 3


def test_from_python(
    rclone: S3Server, there: tuple[S3Server, Proxy], caplog: pytest.LogCaptureFixture
) -> None:
    server, _ = there
    with pytest.MonkeyPatch.context() as patch:
        reach(server, patch)
        location = sample(rclone, "nexus")
        patch.setattr("h5s3.storage.http.tls.LOG.propagate", True)
        with pytest.raises(NetworkError, match="cannot be verified"):
            h5s3.tree(location)
        assert h5s3.tree(location, insecure=True).children
        assert Settings(insecure=True).no_cache
        assert {record.levelname for record in caplog.records if "not verified" in record.getMessage()} == {
            "WARNING"
        }


def test_fsspec_is_told_or_refused(
    rclone: S3Server, there: tuple[S3Server, Proxy], papers: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = there
    reach(server, monkeypatch)
    location = parse_location(sample(rclone, "nexus"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # s3fs would try for nine seconds
    with pytest.raises(NetworkError):
        FsspecStore(s3fs_filesystem(Settings()), Trace()).head(location)
    assert FsspecStore(s3fs_filesystem(Settings(insecure=True)), Trace()).head(location).size > 0
    monkeypatch.setenv("AWS_CA_BUNDLE", str(papers["good"]))
    assert FsspecStore(s3fs_filesystem(Settings()), Trace()).head(location).size > 0
    with pytest.raises(UsageError, match="cannot be passed on to fsspec"):
        open_store(parse_location("memory://x.h5"), Settings(insecure=True), Trace())


@pytest.mark.parametrize("content", [None, "no certificate\n"], ids=["missing", "not one"])
def test_a_file_of_certificates_that_cannot_be_used(
    rclone: S3Server, there: tuple[S3Server, Proxy], tmp_path: Path, content: str | None
) -> None:
    server, proxy = there
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    for question in questions(rclone, server)[: CHEAP if content else None]:
        if question[0] != "doctor":
            said = run(*question, on=server, AWS_CA_BUNDLE=str(path)).failed(5)
            assert "certificates cannot be read" in said and "AWS_CA_BUNDLE" in said
    assert proxy.requests == []


def test_a_port_that_speaks_no_tls(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    plain = rclone.at(rclone.url.replace("http:", "https:"))
    for question in (
        ("ls", f"s3://{BUCKET}/"),
        ("tree", f"s3://{BUCKET}/x.h5"),
        ("tree", f"{plain.url}/x.h5"),
    ):
        for more in ((), ("--insecure",)):
            assert "no TLS is spoken there" in run(*question, *more, on=plain).err


class Breaking:
    """Accepts connections and breaks them off in the middle of the handshake, so many times."""

    def __init__(self, onward: str, times: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._onward, self._left = int(onward.rpartition(":")[2]), times
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._left:
                self._left -= 1
                client.recv(100)
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._onward))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        finally:
            for end in (one, other):
                end.close()

    def close(self) -> None:
        self._listener.close()


def test_a_handshake_that_breaks_off_is_tried_again(
    rclone: S3Server, there: tuple[S3Server, Proxy], papers: dict[str, Path]
) -> None:
    server, _ = there
    trusted: dict[str, Any] = {"AWS_CA_BUNDLE": str(papers["good"])}
    location = sample(rclone, "nexus")
    for question in (("ls", f"s3://{BUCKET}/"), ("tree", location)):
        breaking = Breaking(server.url, 2)
        try:
            assert run(*question, on=rclone.at(breaking.url), **trusted).lines
        finally:
            breaking.close()


def test_connections_share_what_they_trust(papers: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """To load the system's certificates for each of many connections took longer than a walk."""
    made: list[object] = []
    make = connection_pool.create_urllib3_context

    def counted(**options: Any) -> ssl.SSLContext:
        made.append(options)
        return make(**options)

    monkeypatch.setattr(connection_pool, "create_urllib3_context", counted)
    for trusted in (None, str(papers["good"])):
        made.clear()
        pools = Pools(trusted)
        routes = [pools._route(f"https://{host}/{key}") for host in ("a", "b") for key in "xy"]
        contexts = {route.conn_kw["ssl_context"] for route, _ in routes}
        assert len(made) == len(contexts) == 1
        assert next(iter(contexts)).verify_mode == ssl.CERT_REQUIRED
    plain = Pools()
    plain._route("http://a/x")
    assert len(made) == 1
