"""Sick connections: `doctor` names the cause of each, what helps, and the right exit code."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.support.cli import file, run, sample
from tests.support.doctor import Seen, examine
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.wire import Seen as Request

BUCKET = "s3://cli/"


def error(code: str, message: str = "") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def is_list(seen: Request) -> bool:
    return "list-type" in seen.query


@contextmanager
def nobody() -> Iterator[str]:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def there(server: S3Server, proxy: Proxy) -> S3Server:
    """The server behind the proxy, with an object in the bucket."""
    sample(server, "contiguous")
    return server.at(proxy.url)


@pytest.fixture
def aws(moto: S3Server) -> Iterator[tuple[S3Server, Proxy]]:
    """Like AWS, behind a proxy that says what AWS would."""
    sample(moto, "contiguous")
    with Proxy(moto) as proxy:
        yield moto.at(proxy.url), proxy


# The seven


def test_a_wrong_secret(rclone: S3Server) -> None:
    sample(rclone, "contiguous")
    seen = examine(BUCKET, on=replace(rclone, secret_key="not-the-secret"), hidden=("not-the-secret",))
    assert (seen.code, seen.failed) == (4, ["authentication"])
    assert "secret key is wrong" in seen["authentication"]["detail"]
    assert "403 SignatureDoesNotMatch" in seen["authentication"]["detail"]
    assert "set the secret key that belongs to this access key id" in seen["authentication"]["remedy"]
    assert "read" not in seen.names


def test_an_unknown_access_key(rclone: S3Server) -> None:
    seen = examine(BUCKET, on=replace(rclone, access_key="somebody-else"))
    assert (seen.code, seen.failed) == (4, ["authentication"])
    assert "does not know this access key id" in seen["authentication"]["detail"]


@pytest.mark.parametrize("status", [400, 403])
def test_an_expired_token(aws: tuple[S3Server, Proxy], status: int) -> None:
    server, proxy = aws
    proxy.fault("status", status=status, body=error("ExpiredToken", "The provided token has expired."))
    token = "FwoGZXIvYXdzEXAMPLETOKEN"
    seen = examine(BUCKET, on=replace(server, session_token=token), hidden=(token,))
    assert (seen.code, seen.failed) == (4, ["authentication"])
    assert "the session token has expired" in seen["authentication"]["detail"]
    assert "aws sso login" in seen["authentication"]["remedy"]
    assert "with a session token" in seen["credentials"]["detail"]


@pytest.mark.parametrize("ahead", [True, False])
def test_a_skewed_clock(aws: tuple[S3Server, Proxy], ahead: bool) -> None:
    server, proxy = aws
    proxy.fault("wrong_date", seconds=-3810 if ahead else 3810)
    seen = examine(BUCKET, on=server)
    assert (seen.code, seen.failed) == (4, ["clock"])
    assert f"1 h 3 min {'ahead of' if ahead else 'behind'} the server's" in seen["clock"]["detail"]
    assert ("(+3,8" if ahead else "(-3,8") in seen["clock"]["detail"]
    assert "set this machine's clock" in seen["clock"]["remedy"]


def test_a_clock_so_skewed_that_signatures_are_refused(aws: tuple[S3Server, Proxy]) -> None:
    server, proxy = aws
    date = {"Date": "Thu, 01 Jan 2015 00:00:00 GMT"}
    proxy.fault("status", status=403, body=error("RequestTimeTooSkewed"), headers=date)
    seen = examine(BUCKET, on=server)
    assert (seen.code, seen.failed) == (4, ["clock", "authentication"])
    assert "days ahead of" in seen["clock"]["detail"]
    assert "clocks of this machine and of the server differ" in seen["authentication"]["detail"]


@pytest.mark.parametrize(("seconds", "status"), [(30, "ok"), (-300, "warning")])
def test_a_clock_that_is_a_little_off(aws: tuple[S3Server, Proxy], seconds: int, status: str) -> None:
    server, proxy = aws
    proxy.fault("wrong_date", seconds=seconds)
    seen = examine(BUCKET, on=server)
    assert (seen.code, seen["clock"]["status"]) == (0, status)


def test_a_missing_bucket(there: S3Server) -> None:
    for where in ("s3://no-such-bucket", "s3://no-such-bucket/scan.h5"):
        seen = examine(where, on=there)
        assert (seen.code, seen.failed) == (3, ["bucket"])
        assert "no bucket no-such-bucket at this endpoint" in seen["bucket"]["detail"]
        assert "h5s3 ls s3://" in seen["bucket"]["remedy"]


def test_list_but_not_read(there: S3Server, proxy: Proxy) -> None:
    proxy.fault("status", when=lambda seen: not is_list(seen), status=403, body=error("AccessDenied"))
    for where in (BUCKET, f"{BUCKET}files/", f"{BUCKET}files/contiguous.h5"):
        seen = examine(where, on=there)
        assert (seen.code, seen.failed) == (4, ["read"])
        assert seen["list"]["status"] == seen["bucket"]["status"] == seen["authentication"]["status"] == "ok"
        assert "may be listed, but not read" in seen["read"]["detail"]
        assert "s3:GetObject" in seen["read"]["detail"] and "s3:GetObject" in seen["read"]["remedy"]


def test_an_unreachable_endpoint(rclone: S3Server) -> None:
    with nobody() as url:
        seen = examine(BUCKET, on=rclone.at(url))
    assert (seen.code, seen.failed) == (5, ["reachable"])
    assert "connection is refused" in seen["reachable"]["detail"] and url[7:] in seen["reachable"]["detail"]
    assert "check that the server runs" in seen["reachable"]["remedy"]
    assert "authentication" not in seen.names and "cache" in seen.names


def test_a_name_that_nobody_knows(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    seen = examine(BUCKET, on=rclone.at("http://s3.misspelt.example:9000"))
    assert (seen.code, seen.failed) == (5, ["reachable"])
    assert "DNS does not know s3.misspelt.example" in seen["reachable"]["detail"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_plain_http_that_is_redirected(there: S3Server, proxy: Proxy, status: int) -> None:
    secure = proxy.url.replace("http:", "https:")
    proxy.fault("redirect", location=f"{secure}/cli/?X-Amz-Signature=0123456789", status=status)
    seen = examine(BUCKET, on=there)
    assert (seen.code, seen.failed) == (5, ["redirect"])
    assert (
        f"redirects plain HTTP to {secure} ({status}); nothing signed is sent on"
        in seen["redirect"]["detail"]
    )
    assert seen["redirect"]["remedy"] == f"give --endpoint-url {secure}"


# More of them


def test_a_redirect_to_another_host_gets_no_signature(there: S3Server, proxy: Proxy) -> None:
    with Proxy("http://127.0.0.1:9") as elsewhere:
        proxy.fault("redirect", location=f"{elsewhere.url}/cli/")
        seen = examine(BUCKET, on=there)
        assert elsewhere.connections == 0
    assert (seen.code, seen.failed) == (5, ["redirect"])
    assert elsewhere.url in seen["redirect"]["detail"] and "if you trust" in seen["redirect"]["remedy"]


def test_a_bucket_of_another_region(aws: tuple[S3Server, Proxy]) -> None:
    server, proxy = aws
    headers = {"x-amz-bucket-region": "eu-west-1"}
    wrong = lambda seen: "us-east-1" in seen.headers.get("authorization", "")  # noqa: E731
    proxy.fault("status", when=wrong, status=301, body=error("PermanentRedirect"), headers=headers)
    seen = examine(BUCKET, on=server)
    assert (seen.code, seen["redirect"]["status"]) == (0, "warning")
    assert "in region eu-west-1" in seen["redirect"]["detail"]
    assert "--region eu-west-1" in seen["redirect"]["remedy"]
    assert seen["read"]["status"] == "ok"


def test_a_redirect_that_never_ends(aws: tuple[S3Server, Proxy]) -> None:
    server, proxy = aws
    headers = {"x-amz-bucket-region": "eu-west-1"}
    proxy.fault("status", status=301, body=error("PermanentRedirect"), headers=headers)
    result = run("doctor", BUCKET, on=server)
    assert result.code == 5 and "redirects without saying where to" in " ".join(result.out.split())
    assert len(proxy.requests) == 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InvalidToken", "does not belong to this access key"),
        ("AuthorizationHeaderMalformed", "signed for another region"),
        ("UserSuspended", "suspended"),
    ],
)
def test_codes_of_identities(aws: tuple[S3Server, Proxy], code: str, words: str) -> None:
    server, proxy = aws
    proxy.fault("status", status=403, body=error(code))
    seen = examine(BUCKET, on=server)
    assert (seen.code, seen.failed) == (4, ["authentication"])
    assert words in seen["authentication"]["detail"]


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("AccessDenied", "User: arn:aws:iam::1:user/x is not authorized", "arn:aws:iam::1:user/x"),
        ("AccessDenied", "no kms:Decrypt for this", "may not use the key"),
        ("AllAccessDisabled", "", "switched off by its provider"),
        ("InvalidObjectState", "", "archived"),
    ],
)
def test_codes_of_reads(aws: tuple[S3Server, Proxy], code: str, message: str, words: str) -> None:
    server, proxy = aws
    proxy.fault("status", when=lambda s: s.range is not None, status=403, body=error(code, message))
    seen = examine(BUCKET, on=server)
    assert (seen.code, seen.failed) == (4, ["read"])
    assert words in seen["read"]["detail"] and code in seen["read"]["detail"]


def test_read_but_not_list(there: S3Server, proxy: Proxy) -> None:
    proxy.fault("status", when=is_list, status=403, body=error("AccessDenied"))
    seen = examine(f"{BUCKET}files/contiguous.h5", on=there)
    assert (seen.failed, seen["list"]["status"]) == ([], "warning")
    assert seen["bucket"]["status"] == seen["read"]["status"] == "ok"
    seen = examine(BUCKET, on=there)
    assert (seen.code, seen.failed) == (4, ["list"])
    assert "s3:ListBucket" in seen["list"]["remedy"] and "--request-payer" in seen["list"]["remedy"]
    assert seen["bucket"]["status"] == seen["read"]["status"] == "unknown"


def test_nothing_allowed_does_not_tell_what_is_there(aws: tuple[S3Server, Proxy]) -> None:
    server, proxy = aws
    proxy.fault("status", status=403, body=error("AccessDenied"))
    seen = examine(f"{BUCKET}no-such-key", on=server)
    assert (seen.code, seen.failed) == (4, ["read"])
    assert "or there is no such object" in seen["read"]["detail"]


def test_anonymous_at_a_private_bucket(server: S3Server, there: S3Server) -> None:
    seen = examine(f"{BUCKET}files/contiguous.h5", "--anon", on=there)
    assert seen.code == 4
    assert seen.failed == (["authentication"] if server.name == "rclone" else ["read"])
    assert "without --anon" in seen.plain or "instead of --anon" in seen.plain


def test_a_missing_object(there: S3Server) -> None:
    seen = examine(f"{BUCKET}files/nothing.h5", on=there)
    assert (seen.code, seen.failed) == (3, ["read"])
    assert "no object files/nothing.h5" in seen["read"]["detail"]


@pytest.mark.parametrize("kind", ["garbage", "reset"])
def test_what_is_no_server_of_s3(there: S3Server, proxy: Proxy, kind: str) -> None:
    proxy.fault(kind)
    seen = examine(BUCKET, on=there)
    assert (seen.code, seen.failed) == (5, ["server"])


def test_a_web_console_in_place_of_the_api(there: S3Server, proxy: Proxy) -> None:
    proxy.fault("status", status=200, body=b"<!doctype html><title>Console</title>")
    seen = examine(BUCKET, on=there)
    assert (seen.code, seen.failed) == (5, ["server"])
    assert "not what S3 answers" in seen["server"]["detail"] and "web console" in seen["server"]["remedy"]


def test_a_port_that_wants_tls(there: S3Server, proxy: Proxy) -> None:
    proxy.fault("status", status=400, body=b"Client sent an HTTP request to an HTTPS server.\n")
    seen = examine(BUCKET, on=there)
    assert (seen.code, seen.failed) == (5, ["server"])
    assert seen["server"]["remedy"] == f"--endpoint-url {proxy.url.replace('http:', 'https:')}"


def test_tls_at_a_port_that_speaks_plainly(server: S3Server) -> None:
    seen = examine(BUCKET, on=server.at(server.url.replace("http:", "https:")))
    assert (seen.code, seen.failed) == (5, ["reachable"])
    assert "TLS" in seen["reachable"]["detail"]


def test_a_server_that_fails_is_asked_once(there: S3Server, proxy: Proxy) -> None:
    proxy.fault("status", status=503, body=error("SlowDown"))
    result = run("doctor", BUCKET, on=there)
    assert result.code == 5 and "503 SlowDown" in result.out
    assert proxy.count() == 1


@pytest.mark.slow
def test_a_server_that_hangs(there: S3Server, proxy: Proxy) -> None:
    proxy.fault("hang", seconds=30)
    result = run("doctor", BUCKET, "--timeout", "1.5", on=there)
    assert result.code == 5 and "xx" in result.out and result.err == ""


@pytest.mark.slow
def test_an_answer_that_comes_drop_by_drop(rclone: S3Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = run("doctor", BUCKET, "--timeout", "2", on=rclone.at(url))
    assert result.code == 5 and result.err == ""


def _drip(listener: socket.socket) -> None:
    try:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_drops, args=(sock,), daemon=True).start()
    except OSError:
        pass


def _drops(sock: socket.socket) -> None:
    try:
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(300):
            sock.sendall(b"X-A: b\r\n")
            time.sleep(0.1)
    except OSError:
        pass


def test_what_a_server_says_is_bounded_and_harmless(aws: tuple[S3Server, Proxy]) -> None:
    server, proxy = aws
    text = "\x1b[31mred‮" + "x" * 5000
    proxy.fault("status", when=lambda s: s.range is not None, status=403, body=error("AccessDenied", text))
    seen = examine(BUCKET, on=server)
    assert seen.code == 4 and "\\x1b[31mred\\u202e" in seen.plain.replace(" ", "")
    assert len(seen["read"]["detail"]) < 600
    assert all(line.isprintable() for line in seen.text.splitlines())


def test_a_server_that_sends_secrets_back(aws: tuple[S3Server, Proxy]) -> None:
    server, proxy = aws
    said = f"you signed with {server.secret_key} and {server.access_key}"
    proxy.fault("status", when=lambda s: s.range is not None, status=403, body=error("AccessDenied", said))
    seen = examine(BUCKET, on=server, hidden=(server.access_key,))
    assert "you signed with … and …" in seen["read"]["detail"]


def test_what_it_costs(there: S3Server, proxy: Proxy) -> None:
    assert run("doctor", BUCKET, on=there).code == 0
    kinds = [(seen.method, is_list(seen), seen.range) for seen in proxy.requests]
    assert kinds == [("GET", True, None), ("HEAD", False, None), ("GET", False, (0, 1))]
    assert proxy.connections <= 4  # one of them to see whether anybody is there


def test_all_is_well(there: S3Server, server: S3Server) -> None:
    seen = examine(BUCKET, on=there)
    assert (seen.code, seen.document["status"]) == (0, "ok"), seen.text
    assert seen.document["endpoint"] == there.url
    assert seen["identity"]["status"] == "unknown"
    assert ("200" if server.name == "rclone" else "206") in seen["ranges"]["detail"]
    assert "\x1b" not in seen.text


def test_who_is_asking(moto: S3Server) -> None:
    sample(moto, "contiguous")
    seen: Seen = examine(BUCKET, on=moto, AWS_ENDPOINT_URL_STS=moto.url)
    assert seen["identity"]["status"] == "ok" and "arn:aws:" in seen["identity"]["detail"]


def test_a_token_service_that_does_not_answer_is_no_failure(moto: S3Server) -> None:
    sample(moto, "contiguous")
    with nobody() as url:
        seen = examine(BUCKET, on=moto, AWS_ENDPOINT_URL_STS=url)
    assert (seen.code, seen["identity"]["status"]) == (0, "unknown")


def test_an_object_and_its_file(there: S3Server) -> None:
    seen = examine(sample(there, "contiguous"), on=there)
    assert seen.code == 0 and seen.document["file"] and seen.document["layout"]
    seen = examine(sample(there, "not_hdf5"), on=there)
    assert seen.code == 6 and seen.failed == []
    assert seen.document["file"][0]["status"] == "failure"


def test_a_sick_connection_leaves_the_file_alone(there: S3Server, proxy: Proxy) -> None:
    proxy.fault("status", when=lambda seen: seen.range, status=403, body=error("AccessDenied"))
    assert "file" not in examine(sample(there, "contiguous"), on=there).document


def test_a_file_of_this_machine_is_looked_at_alone() -> None:
    seen = examine(file("contiguous"))
    assert seen.document["connection"] == [] and seen.code == 0
