"""Who asks whom, and where that is said: options, env file, environment, config file, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import file, run, sample
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

NOWHERE = "http://127.0.0.1:9"
COUNT = 3  # children of the root of the file that is asked for


def children(where: str, *args: object, on: S3Server | None = None, **environment: str) -> int:
    count = run("tree", where, "--no-cache", "--json", *args, on=on, **environment).json["num_children"]
    assert isinstance(count, int)
    return count


def keys(server: S3Server) -> dict[str, str]:
    """Credentials of a server, and no endpoint."""
    wanted = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return {name: value for name, value in server.env().items() if name in wanted}


def env_file(folder: Path, server: S3Server, **more: str) -> Path:
    lines = {
        "S3_ENDPOINT": server.url,
        "S3_ACCESS_KEY": server.access_key,
        "S3_SECRET_KEY": f'"{server.secret_key}"',
        "S3_REGION": server.region,
        **more,
    }
    path = folder / "lab.env"
    path.write_text("# the lab\n" + "".join(f"{name}={value}\n" for name, value in lines.items()))
    return path


def config(folder: Path, server: S3Server, name: str) -> dict[str, str]:
    """A config file with a profile, and the variable that names the file."""
    (folder / "config").write_text(
        f"[profile {name}]\nendpoint_url = {server.url}\nregion = {server.region}\n"
        f"aws_access_key_id = {server.access_key}\naws_secret_access_key = {server.secret_key}\n"
        f"[default]\nendpoint_url = {NOWHERE}\n"
    )
    return {"AWS_CONFIG_FILE": str(folder / "config")}


def test_the_environment_of_aws(server: S3Server) -> None:
    assert children(sample(server, "contiguous"), on=server) == COUNT


def test_endpoint_url_is_stronger_than_the_environment(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    where = sample(server, "contiguous")
    environment = {**keys(server), "AWS_ENDPOINT_URL": NOWHERE}
    assert children(where, "--endpoint-url", server.url, **environment) == COUNT
    assert run("tree", where, "--endpoint-url", NOWHERE, "--timeout", 2, on=server).code == 5


def test_an_env_file(server: S3Server, tmp_path: Path) -> None:
    where, path = sample(server, "contiguous"), env_file(tmp_path, server)
    assert children(where, "--env-file", path) == COUNT
    bucket, _, key = where.removeprefix("s3://").partition("/")
    path = env_file(tmp_path, server, S3_BUCKET=bucket)
    assert children(key, "--env-file", path) == COUNT
    assert children(key, "--env-file", path, H5S3_BUCKET="elsewhere") == COUNT
    listed = run("ls", "--env-file", path, "--json").json
    assert listed["location"] == f"s3://{bucket}/" and listed["entries"]


def test_an_env_file_is_stronger_than_the_environment_and_weaker_than_options(
    server: S3Server, tmp_path: Path
) -> None:
    where, path = sample(server, "contiguous"), env_file(tmp_path, server)
    wrong = {"AWS_ENDPOINT_URL": NOWHERE, "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "guess"}
    assert children(where, "--env-file", path, **wrong) == COUNT
    path = env_file(tmp_path, server, S3_ENDPOINT=NOWHERE)
    assert children(where, "--env-file", path, "--endpoint-url", server.url) == COUNT


def test_an_env_file_with_names_of_aws(server: S3Server, tmp_path: Path) -> None:
    path = tmp_path / "aws.env"
    path.write_text("".join(f"export {name}={value}\n" for name, value in server.env().items()))
    assert children(sample(server, "contiguous"), "--env-file", path) == COUNT


@pytest.mark.parametrize(
    ("content", "kind"), [(None, "FileNotFoundError"), (b"\xff\xfe", "UnicodeDecodeError")]
)
def test_an_env_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, kind: str) -> None:
    path = tmp_path / "no.env"
    if content is not None:
        path.write_bytes(content)
    line = run("ls", "--env-file", path).failed(2)
    assert line == f"{path}: cannot read the env file ({kind})"


def test_no_env_file_is_read_unasked(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, _, key = sample(server, "contiguous").removeprefix("s3://").partition("/")
    env_file(tmp_path, server, S3_BUCKET=bucket, H5S3_BUCKET=bucket).rename(tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    assert run("tree", key).failed(3) == f"{key}: no such file"
    assert children(key, "--env-file", ".env") == COUNT


def test_a_profile_of_a_config_file(server: S3Server, tmp_path: Path) -> None:
    where, environment = sample(server, "contiguous"), config(tmp_path, server, "lab")
    assert children(where, "--profile", "lab", **environment) == COUNT
    assert children(where, AWS_PROFILE="lab", **environment) == COUNT
    assert children(where, "--profile", "lab", AWS_PROFILE="default", **environment) == COUNT
    assert run("tree", where, "--profile", "other", **environment).failed(2) == (
        "no profile 'other' in the AWS config files; there are: lab, default"
    )
    assert run("tree", where, **environment | {"AWS_PROFILE": "absent"}).failed(2) == (
        "no profile 'absent' in the AWS config files; there are: lab, default"
    )


def test_the_profile_is_named_when_access_is_denied(server: S3Server, tmp_path: Path) -> None:
    where = sample(server, "contiguous")
    with Proxy(server) as proxy:
        proxy.fault("status", status=403, body=b"<Error><Code>AccessDenied</Code></Error>")
        environment = config(tmp_path, server.at(proxy.url), "lab")
        line = run("tree", where, "--profile", "lab", **environment).failed(4)
    assert line.startswith(f"{where}: access denied (AccessDenied), signed as profile lab; ")


def test_the_region_is_signed_with(server: S3Server) -> None:
    where = sample(server, "contiguous")
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        for option, region in (((), server.region), (("--region", "eu-west-3"), "eu-west-3")):
            for command in ("tree", "ls"):
                proxy.reset()
                run(command, where, "--no-cache", *option, on=there)
                signed = [seen.query + seen.headers.get("authorization", "") for seen in proxy.requests]
                assert signed and all(f"/{region}/s3/" in text.replace("%2F", "/") for text in signed)


def test_anonymous_requests_carry_no_signature(moto: S3Server) -> None:
    moto.put("cli-public", "a.h5", file("contiguous").read_bytes())
    moto.client().put_object_acl(Bucket="cli-public", Key="a.h5", ACL="public-read")
    with Proxy(moto) as proxy:
        there = moto.at(proxy.url)
        assert children("s3://cli-public/a.h5", "--anon", on=there) == COUNT
        assert run("ls", "s3://cli-public/", "--anon", "--json", on=there).json["entries"]
        assert proxy.count() >= 2
        for seen in proxy.requests:
            assert "authorization" not in seen.headers and "Signature" not in seen.query
        children("s3://cli-public/a.h5", on=there)
        assert "X-Amz-Signature" in proxy.requests[-1].query


def test_anonymous_needs_no_credentials_and_no_profile(moto: S3Server) -> None:
    where = sample(moto, "contiguous")
    line = run("tree", where, "--anon", "--endpoint-url", moto.url).failed(4)
    assert line.startswith(f"{where}: access denied, asked anonymously")
    assert run("tree", where, "--anon", "--profile", "x").failed(2) == (
        "--anon and --profile contradict each other"
    )


@pytest.mark.parametrize("command", [("tree", "-r"), ("ls",), ("meta",), ("preview", "/vector")])
def test_request_payer_is_said_with_every_request(server: S3Server, command: tuple[str, ...]) -> None:
    where = sample(server, "contiguous")
    name, *rest = command
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        run(name, where, *rest, on=there)
        assert proxy.count() and not any("x-amz-request-payer" in seen.headers for seen in proxy.requests)
        proxy.reset()
        assert run(name, where, *rest, "--request-payer", "--refresh", "--no-cache", on=there).code == 0
        assert proxy.count()
        assert all(seen.headers.get("x-amz-request-payer") == "requester" for seen in proxy.requests)


def test_what_one_identity_saw_is_not_shown_to_another(rclone: S3Server) -> None:
    where = sample(rclone, "contiguous")
    assert run("tree", where, on=rclone).code == run("tree", where, "--offline", on=rclone).code == 0
    for other in ({"AWS_ACCESS_KEY_ID": "nobody"}, {"AWS_SECRET_ACCESS_KEY": "guess"}):
        assert run("tree", where, on=rclone, **other).code == 4
        assert run("tree", where, "--offline", on=rclone, **other).code == 5
    assert run("tree", where, "--offline", "--anon", on=rclone).code == 5


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--offline", "--refresh"),
            "--offline answers from the cache: it goes neither with --refresh nor --no-cache",
        ),
        (
            ("--offline", "--no-cache"),
            "--offline answers from the cache: it goes neither with --refresh nor --no-cache",
        ),
        (("--max-bytes", "much"), "'much' is not a size; write 4096, 64K, 8M or 2G"),
        (("--max-bytes", "-1"), "'-1' is not a size; write 4096, 64K, 8M or 2G"),
        (
            ("--endpoint-url", "user:pw@localhost:9000"),
            "the endpoint 'localhost:9000' (--endpoint-url or S3_ENDPOINT) is not a URL;"
            " write http://localhost:9000 or https://localhost:9000",
        ),
        (("--region", "no region"), "not a valid endpoint or region; check --endpoint-url and --region"),
    ],
)
def test_settings_that_make_no_sense(server: S3Server, options: tuple[str, ...], line: str) -> None:
    assert run("tree", sample(server, "contiguous"), *options, on=server).failed(2) == line


def test_an_endpoint_of_the_environment_that_is_no_url(server: S3Server) -> None:
    where = sample(server, "contiguous")
    line = run("tree", where, on=server, AWS_ENDPOINT_URL="localhost:9000").failed(2)
    assert line.startswith(
        "the endpoint 'localhost:9000' (AWS_ENDPOINT_URL) is not a URL; write http://local"
    )


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo not JSON", "printed something that is not JSON"),
        ("echo '{}'", "gave no credentials: "),
        ("echo the vault is closed >&2; exit 3", "gave no credentials: the vault is closed"),
        ("exit 3", "gave no credentials: no reason given"),
    ],
)
def test_a_command_that_gives_no_credentials(tmp_path: Path, script: str, words: str) -> None:
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    (tmp_path / "config").write_text(f"[profile vault]\ncredential_process = {command}\n")
    line = run(
        "tree", "s3://cli/x.h5", "--profile", "vault", AWS_CONFIG_FILE=str(tmp_path / "config")
    ).failed(4)
    assert line.removeprefix("s3://cli/x.h5: ").startswith(f"profile vault: '{command}' {words}")


def test_stats_tell_the_cost_on_standard_error(server: S3Server) -> None:
    where = sample(server, "contiguous")
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        result = run("tree", where, "--stats", "--json", on=there)
        assert result.out.startswith('{"schema":') and result.out.count("\n") == 1
        size = file("contiguous").stat().st_size
        assert result.err.startswith(
            f"stats: 1 request (1 GET) · {size / 1000:.1f} kB ({size} bytes) · 1 round · "
        )
        assert (proxy.count(), proxy.bytes()) == (1, size)
        proxy.reset()
        again = run("tree", where, "--stats", "--refresh", on=there).err
        assert again.startswith("stats: 1 request (1 HEAD) · 0 B (0 bytes) · 1 round · 1 cache hit · ")
        assert [seen.method for seen in proxy.requests] == ["HEAD"]
        proxy.reset()
        assert " 0 requests · " in run("tree", where, "--stats", on=there).err and not proxy.count()
        failed = run("tree", where + ".no", "--stats", on=there)
        assert failed.code == 3 and failed.err.startswith("stats: ") and failed.err.count("\n") == 2
