"""Settings and locations: what is said where, which is stronger, and what is never shown."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h5s3.errors import NetworkError, UsageError
from h5s3.settings import Settings, from_environment
from h5s3.sizes import parse_size
from h5s3.storage.location import Location, parse_location

# The environment and env files


def env_file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "settings.env"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("S3_BUCKET=plain", "plain"),
        ("export S3_BUCKET=exported", "exported"),
        ("S3_BUCKET='single # quoted'", "single # quoted"),
        ('S3_BUCKET="double \\n quoted"', "double \n quoted"),
        ("  S3_BUCKET = spaced  # and a comment", "spaced"),
        ("S3_BUCKET=a=b$c${HOME}", "a=b$c${HOME}"),
        ("# S3_BUCKET=comment\r\nS3_BUCKET=windows\r\n", "windows"),
        ("S3_BUCKET=first\nS3_BUCKET=last", "last"),
        ("S3_BUCKET=ü", "ü"),
        ("S3_BUCKET=", None),
        ("S3_BUCKET", None),
        ("s3_bucket=lower", None),
        ("", None),
    ],
)
def test_forms_of_an_env_file(tmp_path: Path, line: str, value: str | None) -> None:
    assert from_environment(env_file(tmp_path, line), {}).bucket == value


def test_names_of_an_env_file(tmp_path: Path) -> None:
    path = env_file(
        tmp_path,
        "S3_ENDPOINT=https://host:9000\nS3_ACCESS_KEY=key\nS3_SECRET_KEY=secret/+=\nS3_BUCKET=b\nS3_REGION=r\n"
        "AWS_SESSION_TOKEN=from file\nAWS_PROFILE=from file\nPATH=/elsewhere\nLD_PRELOAD=x\n",
    )
    environ = {"AWS_PROFILE": "from environment", "PATH": "/bin"}
    found = from_environment(path, environ)
    assert found == Settings(
        endpoint_url="https://host:9000", access_key="key", secret_key="secret/+=", bucket="b", region="r"
    )
    assert environ == {
        "AWS_PROFILE": "from environment",
        "PATH": "/bin",
        "AWS_SESSION_TOKEN": "from file",
    }


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    found = from_environment(env_file(tmp_path, "S3_ACCESS_KEY=hidden1\nS3_SECRET_KEY=hidden2"), {})
    assert found.secret_key == "hidden2" and "hidden" not in repr(found)
    assert len(found.scope) == 24 and "hidden" not in found.scope


@pytest.mark.parametrize("content", [None, b"S3_BUCKET=\xff\xfe"])
def test_an_unreadable_env_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "missing" if content is None else env_file(tmp_path, content)
    with pytest.raises(UsageError, match="env file") as caught:
        from_environment(path, {})
    assert caught.value.location == str(path)


def test_no_env_file_is_read_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("S3_BUCKET=unasked")
    monkeypatch.chdir(tmp_path)
    assert from_environment().bucket is None


@pytest.mark.parametrize(
    ("line", "environ", "bucket"),
    [
        ("", {}, None),
        ("", {"S3_BUCKET": "older"}, "older"),
        ("", {"S3_BUCKET": "older", "H5S3_BUCKET": "newer"}, "newer"),
        ("", {"S3_BUCKET": "older", "H5S3_BUCKET": ""}, "older"),
        ("S3_BUCKET=file", {"S3_BUCKET": "older", "H5S3_BUCKET": "newer"}, "file"),
    ],
)
def test_the_default_bucket(tmp_path: Path, line: str, environ: dict[str, str], bucket: str | None) -> None:
    assert from_environment(env_file(tmp_path, line), dict(environ)).bucket == bucket


def test_the_environment_gives_no_keys_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an env file that is named gives S3_ACCESS_KEY and its siblings; AWS_* is boto3's to read."""
    for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_ENDPOINT", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "x")
    assert from_environment() == Settings()


# Time and size


def test_the_clock_of_the_time_limit() -> None:
    assert Settings().started() == Settings() and Settings().request_seconds == 60.0
    assert Settings(timeout=1000).request_seconds == 60.0  # not started
    assert Settings(timeout=1000).started().request_seconds == 60.0
    assert 0 < Settings(timeout=50).started().request_seconds <= 50
    with pytest.raises(NetworkError, match=r"not done within 0\.05 s"):
        Settings(timeout=0.05, deadline=time.monotonic()).check_deadline()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("4096", 4096), ("64K", 65536), ("64k", 65536), ("64KB", 65536), ("64KiB", 65536),
        ("8M", 8 << 20), ("2G", 2 << 30), ("1T", 1 << 40), ("1.5MiB", 3 << 19), ("0.5K", 512),
        (" 1 M ", 1 << 20),
        ("9007199254740993", 9007199254740993), ("1.1", 1), ("7B", 7), ("999999999999T", (1 << 63) - 1),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "K", "-1", "1e3", "1,5M", "1 2", "0x10", "M1", "1P", "1.", ".5", "٤K", "1\n2", "9" * 5000, "NaN"],
)
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        parse_size(text)


# Locations

TABLE: list[tuple[str, str | None, tuple[str, str, str]]] = [
    ("s3://", None, ("s3", "", "")),
    ("s3://bucket", None, ("s3", "bucket", "")),
    ("s3://bucket/", "default", ("s3", "bucket", "")),
    ("S3://Bucket/Key", None, ("s3", "Bucket", "Key")),
    ("s3://bucket//a/../b//", None, ("s3", "bucket", "/a/../b//")),
    ("s3://bucket/a?b#c%41&d=e", None, ("s3", "bucket", "a?b#c%41&d=e")),
    ("s3://bucket/s3://other/x", None, ("s3", "bucket", "s3://other/x")),
    ("name.h5", "default", ("s3", "default", "name.h5")),
    ("folder/name.h5", "default", ("s3", "default", "folder/name.h5")),
    ("a b://x", "default", ("s3", "default", "a b://x")),
    ("1://x", "default", ("s3", "default", "1://x")),
    ("://x", None, ("local", "", "://x")),
    ("name.h5", None, ("local", "", "name.h5")),
    ("./name.h5", "default", ("local", "", "./name.h5")),
    ("../name.h5", "default", ("local", "", "../name.h5")),
    ("..", "default", ("local", "", "..")),
    ("/a/b.h5", "default", ("local", "", "/a/b.h5")),
    ("/a/s3://b", "default", ("local", "", "/a/s3://b")),
    ("file:///a%20b/c.h5", None, ("local", "", "/a b/c.h5")),
    ("file://localhost/a.h5", None, ("local", "", "/a.h5")),
    ("https://host/a?b=c", "default", ("web", "", "https://host/a?b=c")),
    ("HTTP://host", None, ("web", "", "HTTP://host")),
    ("http://[::1]:9000/a", None, ("web", "", "http://[::1]:9000/a")),
    ("memory://a/b", "default", ("fsspec", "", "memory://a/b")),
]


@pytest.mark.parametrize(("text", "default", "expected"), TABLE)
def test_locations(text: str, default: str | None, expected: tuple[str, str, str]) -> None:
    found = parse_location(text, default)
    assert (found.kind, found.bucket, found.key) == expected
    assert found.version_id is None


@pytest.mark.parametrize(
    "text",
    ["", "s3:///key", "https://", "https:///path", "http://?a", "https://user:password@/x?sig=hidden"]
    + ["http://[::1/x", "http://host:port/x", "http://host:99999/x", "file://name.h5", "file://host/x"],
)
def test_no_locations(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_location(text)
    assert "password" not in str(caught.value) and "hidden" not in str(caught.value)


@given(st.text())
def test_a_key_is_all_that_follows_the_bucket(key: str) -> None:
    found = parse_location(f"s3://bucket/{key}", "default")
    assert (found.kind, found.bucket, found.key) == ("s3", "bucket", key)
    assert found.display == f"s3://bucket/{key}"


@given(st.text(), st.sampled_from([None, "bucket"]))
def test_any_text_is_a_location_or_a_usage_error(text: str, default: str | None) -> None:
    try:
        found = parse_location(text, default)
    except UsageError:
        return
    assert isinstance(found.display, str) and isinstance(found.name, str)


quiet = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/?#@[]\\\x7f"))


@given(
    st.sampled_from(["http", "https", "ftp", "memory", "HTTPS"]),
    st.sampled_from(["{}:{}@", "{}{}@", ":{}{}@", ""]),
    st.sampled_from(["host", "host:80", "127.0.0.1", "[::1]", "[::1]:443"]),
    st.sampled_from(["", "/", "/a/b.h5", "//a@b"]),
    st.sampled_from(["", "?", "?sig={}", "?a=1&{}", "#{}", "?a#{}"]),
    quiet,
)
def test_what_can_sign_is_never_shown(
    scheme: str, user: str, host: str, path: str, query: str, noise: str
) -> None:
    secret = f"SECRET{noise}"
    text = f"{scheme}://{user.format(secret, secret)}{host}{path}{query.format(secret)}"
    try:
        found = parse_location(text)
    except UsageError as error:
        assert "SECRET" not in str(error)
    else:
        assert "SECRET" not in found.display + found.name
        assert found.display.startswith(f"{scheme}://{host}{path}")


@pytest.mark.parametrize("start", ["zip://a.h5", "simplecache", "zip://a::simplecache", "ftp://SECRET@h/a"])
def test_a_chain_of_protocols_does_not_show_the_password_of_the_last(start: str) -> None:
    assert "SECRET" not in parse_location(f"{start}::ftp://user:SECRET@host/b.zip").display


@pytest.mark.parametrize(
    ("location", "name"),
    [
        (Location("s3", "a/b?c.h5", "bucket"), "b?c.h5"),
        (Location("web", "https://host/a/b.h5?sig=/x"), "b.h5"),
        (Location("local", "/a/b.h5"), "b.h5"),
        (Location("local", "/a/b/"), "b"),
        (Location("fsspec", "memory://a/b.h5"), "b.h5"),
    ],
)
def test_the_name_of_a_location(location: Location, name: str) -> None:
    assert location.name == name


def test_options_are_stronger_than_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from h5s3.cli.options import Common

    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://of.the.environment")
    path = env_file(tmp_path, "S3_ENDPOINT=https://of.the.file\nS3_REGION=file")
    assert Common(env_file=path).settings().endpoint_url == "https://of.the.file"
    found = Common(env_file=path, endpoint_url="https://of.the.option").settings()
    assert (found.endpoint_url, found.region) == ("https://of.the.option", "file")
    assert Common().settings().endpoint_url is None  # boto3 reads the environment itself
    assert os.environ["AWS_ENDPOINT_URL"] == "https://of.the.environment"
