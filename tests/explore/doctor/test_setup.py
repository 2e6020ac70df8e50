"""What `doctor` says of the configuration, of this machine and of URLs; what it never shows."""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.cli import file, on_terminal, run, sample, spawn, without_colour
from tests.support.doctor import certificate, examine
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.web import WebServer

SECRET = "a-secret-that-nobody-may-see"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AWS config file that the environment names, to be filled."""
    path = tmp_path / "config"
    path.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return path


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server with a file."""
    server = WebServer()
    server.pages["/x.h5"] = file("contiguous").read_bytes()
    with server.running():
        yield server


def secure(web: WebServer, path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    web.secure(context)


def test_nothing_configured(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    seen = examine()
    assert (seen.code, seen.document["status"]) == (0, "warning")
    assert "none found" in seen["credentials"]["detail"] and "--anon" in seen["credentials"]["remedy"]
    assert "location" not in seen.document
    assert seen["endpoint"]["detail"].endswith("(the default; AWS)")
    assert seen["region"]["detail"].startswith("us-east-1, the default")
    assert seen["reachable"]["status"] == "unknown"
    assert "nothing" not in seen["filters"]["detail"] and "blosc" in seen["filters"]["detail"]


def test_an_account(server: S3Server) -> None:
    sample(server, "contiguous")
    names = [bucket["Name"] for bucket in server.client().list_buckets()["Buckets"]]
    seen = examine(on=server)
    assert seen.code == 0 and "cli" in names
    assert seen["buckets"]["detail"].startswith(f"{len(names)} can be seen: {', '.join(names[:5])}")
    seen = examine(on=server, H5S3_BUCKET="cli")
    assert seen["list"]["status"] == "ok" and "buckets" not in seen.names


def test_an_endpoint_without_credentials(rclone: S3Server, config: Path) -> None:
    sample(rclone, "contiguous")
    seen = examine("--endpoint-url", rclone.url)
    assert (seen.code, seen["reachable"]["status"], seen["clock"]["status"]) == (0, "ok", "ok")
    seen = examine("s3://cli/", "--endpoint-url", rclone.url)
    assert (seen.code, seen.failed) == (4, ["credentials"])


def test_a_public_bucket_without_credentials(moto: S3Server, config: Path) -> None:
    sample(moto, "contiguous")  # moto lists for everybody
    seen = examine("s3://cli/", "--endpoint-url", moto.url)
    assert (seen.code, seen.failed) == (4, ["credentials"])
    assert seen["bucket"]["detail"].startswith("is public") and seen["bucket"]["remedy"] == "give --anon"


def test_keys_in_the_environment(rclone: S3Server) -> None:
    seen = examine(on=rclone, AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY=SECRET)
    detail = seen["credentials"]["detail"]
    assert "environment" in detail and "AKIA…MPLE" in detail and "AKIAIOSFODNN7EXAMPLE" not in seen.text
    assert "(AWS_ENDPOINT_URL;" in seen["endpoint"]["detail"]
    assert seen["region"]["detail"] == "us-east-1 (AWS_DEFAULT_REGION)"


def test_keys_of_a_profile(config: Path, rclone: S3Server) -> None:
    config.write_text(f"[profile lab]\nregion = eu-north-1\nendpoint_url = {rclone.url}\n")
    keys = f"[lab]\naws_access_key_id = {rclone.access_key}\naws_secret_access_key = {SECRET}\n"
    config.with_name("credentials").write_text(keys)
    for options, environ, origin in (
        (("--profile", "lab"), {}, "--profile"),
        ((), {"AWS_PROFILE": "lab"}, "AWS_PROFILE"),
    ):
        seen = examine("s3://cli/", *options, hidden=(SECRET,), **environ)
        assert (seen.code, seen.failed) == (4, ["authentication"])
        assert f"lab ({origin})" in seen["profile"]["detail"]
        assert "from profile lab in " in seen["credentials"]["detail"]
        assert seen["credentials"]["detail"].rpartition(":")[0].endswith("credentials")
        assert seen["region"]["detail"] == "eu-north-1 (profile lab in the AWS config)"
        assert "profile lab in the AWS config" in seen["endpoint"]["detail"]


def test_keys_of_an_env_file(rclone: S3Server, config: Path, tmp_path: Path) -> None:
    path = tmp_path / "lab.env"
    path.write_text(f"S3_ENDPOINT={rclone.url}\nS3_ACCESS_KEY={rclone.access_key}\nS3_SECRET_KEY={SECRET}\n")
    seen = examine("--env-file", path, hidden=(SECRET,))
    assert (seen.code, seen.failed) == (4, ["authentication"])
    assert "from the env file" in seen["credentials"]["detail"]
    assert "(the env file (--env-file);" in seen["endpoint"]["detail"]
    seen = examine("--env-file", path, "--endpoint-url", rclone.url, hidden=(SECRET,))
    assert "(--endpoint-url;" in seen["endpoint"]["detail"]


def test_a_profile_that_is_not_there(config: Path) -> None:
    config.write_text("[profile lab]\nregion = eu-north-1\n")
    for options, environ in ((("--profile", "nothing"), {}), ((), {"AWS_PROFILE": "nothing"})):
        seen = examine(*options, **environ)
        assert (seen.code, seen.failed) == (2, ["profile"])
        assert seen["profile"]["detail"].startswith("nothing (") and "lab" in seen["profile"]["remedy"]
    assert "AWS_PROFILE is set, and empty" in examine(AWS_PROFILE="")["profile"]["detail"]


@pytest.mark.parametrize("hours", [-3, 3])
def test_keys_that_expire(config: Path, rclone: S3Server, hours: int) -> None:
    sample(rclone, "contiguous")
    when = (datetime.now(UTC) + timedelta(hours=hours, minutes=hours)).isoformat()
    keys = (
        f"[default]\naws_access_key_id = {rclone.access_key}\naws_secret_access_key = {rclone.secret_key}\n"
    )
    config.with_name("credentials").write_text(f"{keys}aws_session_token = {SECRET}\nexpiration = {when}\n")
    seen = examine("--endpoint-url", rclone.url, hidden=(SECRET,))
    if hours < 0:
        assert (seen.code, seen.failed[0]) == (4, "credentials")
        assert "expired 3 h 3 min ago" in seen["credentials"]["detail"]
        assert "aws sso login" in seen["credentials"]["remedy"]
    else:
        assert "valid for another 3 h" in seen["credentials"]["detail"]


def test_keys_that_have_expired_in_the_environment(rclone: S3Server) -> None:
    seen = examine(on=rclone, AWS_CREDENTIAL_EXPIRATION="2020-01-01T00:00:00Z")
    assert (seen.code, seen.failed) == (4, ["credentials"])
    assert "expired" in seen["credentials"]["detail"]


def test_half_of_the_keys(config: Path) -> None:
    seen = examine(
        "s3://cli/", "--endpoint-url", "http://127.0.0.1:9", AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE"
    )
    assert (seen.code, seen.failed[0]) == (4, "credentials")
    assert "AWS_SECRET_ACCESS_KEY is missing" in seen["credentials"]["detail"]
    seen = examine(AWS_SECRET_ACCESS_KEY=SECRET)
    assert "AWS_ACCESS_KEY_ID is not" in seen["credentials"]["detail"]


def test_a_login_that_has_ended(config: Path) -> None:
    config.write_text(
        "[profile lab]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.invalid/start\n"
    )
    seen = examine("s3://cli/", "--profile", "lab", "--endpoint-url", "http://127.0.0.1:9")
    assert (seen.code, seen.failed[0]) == (4, "credentials")
    assert "login of profile lab" in seen["credentials"]["detail"]
    assert "aws sso login --profile lab" in seen["credentials"]["remedy"]


def test_a_helper_that_fails_is_not_quoted(config: Path) -> None:
    program = f"import sys; sys.stderr.write('{SECRET}'); sys.exit(1)"
    config.write_text(f'[profile lab]\ncredential_process = {sys.executable} -c "{program}"\n')
    seen = examine("s3://cli/", "--profile", "lab", "--endpoint-url", "http://127.0.0.1:9", hidden=(SECRET,))
    assert (seen.code, seen.failed[0]) == (4, "credentials")
    assert "custom-process gives no credentials" in seen["credentials"]["detail"]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": f"{SECRET} "}, "begins or ends with a blank"),
        ({"AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE"}, "temporary key"),
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SESSION_TOKEN": SECRET}, "permanent key"),
        ({"AWS_PROFILE": "lab"}, "win over it"),
    ],
)
def test_keys_that_look_wrong(rclone: S3Server, config: Path, environ: dict[str, str], words: str) -> None:
    config.write_text("[profile lab]\nregion = eu-north-1\n")
    on = {**rclone.env(), "AWS_CONFIG_FILE": str(config), **environ}
    seen = examine(hidden=(SECRET,), **on)
    assert seen["keys"]["status"] == "warning" and words in seen["keys"]["detail"]


def test_names_that_nobody_reads(config: Path) -> None:
    seen = examine(AWS_REGION="eu-west-3", S3_ENDPOINT="http://127.0.0.1:9")
    assert (
        seen["region"]["status"] == "warning" and "AWS_DEFAULT_REGION=eu-west-3" in seen["region"]["remedy"]
    )
    assert seen["unread names"]["detail"].startswith("S3_ENDPOINT: ")


def test_an_endpoint_that_is_none(config: Path) -> None:
    seen = examine("s3://cli/", "--endpoint-url", "nowhere")
    assert (seen.code, seen.failed[0]) == (4, "credentials") and seen["endpoint"]["status"] == "failure"


def test_styles_and_checksums(rclone: S3Server, config: Path) -> None:
    seen = examine("s3://cli/", on=rclone)
    assert seen["addressing"]["detail"] == f"path style: {rclone.url[7:]}/cli"
    assert seen["checksums"]["detail"].startswith("when_required; other tools here use when_supported")
    config.write_text(
        "[default]\nrequest_checksum_calculation = when_required\ns3 =\n  addressing_style = virtual\n"
    )
    seen = examine("s3://cli/", "--anon", "--endpoint-url", "http://localhost:9", "--request-payer")
    assert seen["checksums"]["detail"] == "when_required"
    assert seen["addressing"]["detail"].startswith("virtual-host style: cli.localhost:9")
    assert "request payer" in seen.names


def test_a_proxy_and_its_password(rclone: S3Server) -> None:
    with Proxy("http://127.0.0.1:9") as closed:
        address = closed.url
    proxy = f"http://somebody:{SECRET}@{address[7:]}"
    seen = examine("s3://cli/", on=rclone, hidden=(SECRET,), http_proxy=proxy, no_proxy="")
    assert (seen.code, seen.failed) == (5, ["reachable"])
    assert f"HTTP_PROXY={address}; used for this endpoint" in seen["proxy"]["detail"]
    assert "the proxy" in seen["reachable"]["detail"]
    seen = examine("s3://cli/", on=rclone, hidden=(SECRET,), http_proxy=proxy, no_proxy="127.0.0.1")
    assert "not used" in seen["proxy"]["detail"] and seen["reachable"]["status"] == "ok"


def test_by_way_of_a_proxy(rclone: S3Server) -> None:
    sample(rclone, "contiguous")
    with Proxy(rclone) as proxy:
        seen = examine("s3://cli/", on=rclone, http_proxy=proxy.url, no_proxy="")
        assert (seen.code, seen["read"]["status"]) == (0, "ok")
        assert f"to the proxy {proxy.url}" in seen["reachable"]["detail"]
        assert len(proxy.requests) == 3
        proxy.fault("status", status=407, body=b"<html>who are you?</html>")
        seen = examine("s3://cli/", on=rclone, http_proxy=proxy.url, no_proxy="")
        assert (seen.code, seen.failed) == (5, ["server"]) and "login" in seen["server"]["detail"]


def test_certificates_that_are_not_there(rclone: S3Server, tmp_path: Path) -> None:
    seen = examine("s3://cli/", on=rclone, AWS_CA_BUNDLE=str(tmp_path / "ca.pem"))
    assert (seen.code, seen.failed) == (5, ["CA bundle"])


# This machine


def test_the_cache(tmp_path: Path, config: Path) -> None:
    folder = tmp_path / "cache"
    assert "not there yet" in examine(H5S3_CACHE_DIR=str(folder))["cache"]["detail"]
    assert run("tree", file("contiguous"), H5S3_CACHE_DIR=str(folder)).code == 0
    assert run("cache", "clear", H5S3_CACHE_DIR=str(folder)).code == 0
    folder.mkdir(exist_ok=True)
    found = examine(H5S3_CACHE_DIR=str(folder))["cache"]
    assert (
        found["status"] == "ok"
        and "mode 0700; 0 entries" in found["detail"]
        and "disk free" in found["detail"]
    )
    folder.chmod(0o777)
    found = examine(H5S3_CACHE_DIR=str(folder))["cache"]
    assert (
        found["status"] == "warning"
        and "written to by others" in found["detail"]
        and "0777" in found["detail"]
    )
    seen = examine(H5S3_CACHE_SIZE="plenty")
    assert (seen.code, seen.failed) == (2, ["cache"])


def test_versions_and_filters(config: Path) -> None:
    seen = examine()
    for name in (
        "h5s3",
        "Python",
        "HDF5",
        "h5py",
        "numpy",
        "boto3",
        "botocore",
        "s3fs",
        "urllib3",
        "OpenSSL",
    ):
        assert f"{name} " in seen["versions"]["detail"]
    assert seen["filters"]["status"] == "ok"
    for name in ("gzip", "lzf", "blosc", "zstd", "bitshuffle"):
        assert name in seen["filters"]["detail"]


def test_a_filter_that_is_missing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h5s3.formats.hdf5.objects.filters.available", lambda code: code != 32001)
    found = examine()["filters"]
    assert found["status"] == "warning" and found["detail"].startswith("missing: blosc;")
    assert "hdf5plugin" in found["remedy"]


# URLs


def test_a_url(web: WebServer) -> None:
    seen = examine(f"{web.url}/x.h5")
    assert seen.code == 0 and seen["read"]["status"] == seen["ranges"]["status"] == "ok"
    seen = examine(f"{web.url}/y.h5")
    assert (seen.code, seen.failed) == (3, ["read"])
    web.redirects["/old.h5"] = "/x.h5"
    assert examine(f"{web.url}/old.h5")["redirect"]["status"] == "ok"
    web.redirects["/old.h5"] = "file:///etc/passwd"
    seen = examine(f"{web.url}/old.h5")
    assert (seen.code, seen.failed) == (5, ["redirect"])
    web.redirects["/old.h5"] = "/old.h5"
    assert run("doctor", f"{web.url}/old.h5").code == 5


def test_a_url_whose_signature_has_ended(web: WebServer) -> None:
    query = f"?X-Amz-Algorithm=A&X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature={SECRET}"
    seen = examine(f"{web.url}/x.h5{query}", hidden=(SECRET,))
    assert (seen.code, seen.failed) == (4, ["presigned URL"])
    assert "expired" in seen["presigned URL"]["detail"] and "new URL" in seen["presigned URL"]["remedy"]
    later = f"?Expires={int(time.time()) + 7000}&Signature={SECRET}"
    seen = examine(f"{web.url}/x.h5{later}", hidden=(SECRET,))
    assert seen.code == 0 and "valid for another 1 h 56 min" in seen["presigned URL"]["detail"]


def test_nobody_at_a_url() -> None:
    seen = examine(
        "http://user:pass-word@127.0.0.1:9/x.h5?token=abcdefghijkl", hidden=("pass-word", "abcdefghijkl")
    )
    assert (seen.code, seen.failed) == (5, ["reachable"])


@pytest.mark.parametrize(
    ("trusted", "days", "host", "words"),
    [
        (False, 1, "127.0.0.1", "self-signed certificate"),
        (True, -1, "127.0.0.1", "certificate has expired"),
        (True, 1, "127.0.0.2", "IP address mismatch"),
    ],
)
def test_certificates_that_are_not_right(
    web: WebServer, tmp_path: Path, trusted: bool, days: int, host: str, words: str
) -> None:
    path = certificate(tmp_path, days, host)
    secure(web, path)
    bundle = {"AWS_CA_BUNDLE": str(path)} if trusted else {}
    for where in ("s3://cli/", f"{web.url}/x.h5"):
        keys = {"AWS_ENDPOINT_URL": web.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": SECRET}
        seen = examine(where, **keys, **bundle)
        assert (seen.code, seen.failed) == (5, ["reachable"])
        assert words in seen["reachable"]["detail"] and "AWS_CA_BUNDLE" in seen["reachable"]["remedy"]
    assert web.seen == []


def test_a_certificate_that_is_trusted(web: WebServer, tmp_path: Path) -> None:
    path = certificate(tmp_path)
    secure(web, path)
    seen = examine(f"{web.url}/x.h5", AWS_CA_BUNDLE=str(path))
    assert seen["read"]["status"] == "ok" and "TLSv1" in seen["reachable"]["detail"], seen.text
    assert "trusted instead" in seen["CA bundle"]["detail"]


def test_a_url_of_plain_http_that_is_redirected(web: WebServer) -> None:
    web.redirects["/old.h5"] = "https://127.0.0.1:9/x.h5"
    seen = examine(f"{web.url}/old.h5")
    assert (seen.code, seen.failed) == (5, ["reachable"]) if seen.names.count("reachable") == 1 else True
    assert "from plain HTTP to https://127.0.0.1:9" in seen["redirect"]["detail"]


# The command


def test_a_bucket_that_cannot_be() -> None:
    seen = examine(
        "s3://Not A Bucket!/",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY=SECRET,
    )
    assert seen.code in (2, 5)


def test_it_does_not_go_offline() -> None:
    assert "doctor asks the storage" in run("doctor", "--offline").failed(2)
    assert "doctor asks the storage" in run("doctor", "s3://cli/", "--offline").failed(2)


def test_nonsense_is_a_matter_of_usage() -> None:
    assert "no bucket" in run("doctor", "s3:///key").failed(2)


def test_on_a_terminal(rclone: S3Server) -> None:
    sample(rclone, "contiguous")
    code, text = on_terminal("doctor", "s3://cli/", columns=80, on=rclone)
    assert code == 0 and "\x1b[38;5;28m" in text
    plain = without_colour(text)
    assert max(len(line.rpartition("\r")[2]) for line in plain.split("\n")) <= 80
    assert "configuration" in plain and "this machine" in plain and "nothing is wrong" in plain


def test_plain_letters_where_there_are_no_others(rclone: S3Server) -> None:
    sample(rclone, "contiguous")
    result = spawn("doctor", "s3://cli/", on=rclone, PYTHONIOENCODING="ascii")
    assert result.code == 0 and result.out.isascii() and "\\u" not in result.out


@pytest.mark.parametrize("where", ["s3://b/x.h5", "http://127.0.0.1:9/x.h5"])
def test_a_proxy_without_a_valid_port(rclone: S3Server, where: str) -> None:
    result = run("doctor", where, on=rclone, http_proxy="http://u:p@127.0.0.1:99999")
    assert result.code == 5 and not result.err
    assert "the address of the web proxy has no valid port" in " ".join(result.out.split())
