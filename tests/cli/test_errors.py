"""Each failure at the storage or in the file: its exit code and one line on standard error, nothing else."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from tests.support.cli import file, run, sample
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

MISSING = [
    (("tree", "/no"), "no /no in the file; try: h5s3 tree {location}"),
    (
        ("meta", "/entry/no/x"),
        "no /entry/no in the file (asked: /entry/no/x); try: h5s3 tree {location} /entry",
    ),
    (("meta", "/entry/title/x"), "no /entry/title/x in the file: /entry/title is not a group"),
    (("preview", "/no"), "no /no in the file; try: h5s3 tree {location}"),
    (("tree", "/Entry"), "no /Entry in the file; did you mean /entry?"),
    (
        ("meta", "/entry/instrument/Detektor"),
        "no /entry/instrument/Detektor in the file; did you mean /entry/instrument/detector?",
    ),
    (("meta", "/entry", "--attr", "nx_class"), "/entry has no attribute nx_class; did you mean NX_class?"),
    (
        ("meta", "/entry", "--attr", "no"),
        "/entry has no attribute no; try: h5s3 meta {location} /entry --all-attrs",
    ),
]
DAMAGED = [
    ("not_hdf5", "not an HDF5 file (no HDF5 signature)"),
    ("empty_file", "the object is empty"),
    (
        "netcdf_classic",
        "not an HDF5 file but a NetCDF-3 file (classic format), not NetCDF-4; ncdump and xarray read it",
    ),
    ("html_error_page", "not an HDF5 file but an HTML page; the URL may lead to a login or an error page"),
    ("gzipped", "not an HDF5 file but a gzip file; decompress it first"),
    ("hdf4", "not an HDF5 file but an HDF4 file; convert it with h4toh5, or read it with pyhdf"),
    ("future_superblock", "the file is damaged: bad superblock version number"),
]
CORRUPTED = ["corrupted_btree", "corrupted_local_heap", "corrupted_object_header"]
REFUSED = [
    (
        "external_storage",
        "/whole",
        "the values are stored in external files (external_raw.bin), which are not read"
        "; preview and get read them with --follow",
    ),
    (
        "virtual_other_file",
        "/virtual",
        "a virtual dataset whose values are stored in other files (virtual_source.h5)"
        "; preview and get read them with --follow",
    ),
    ("giant_chunk", "/data", "one chunk decodes to 512 MiB; allow it with --max-bytes 128M"),
]


@pytest.mark.parametrize("command", [("tree",), ("meta",), ("preview", "/x"), ("ls",)])
def test_missing_buckets(server: S3Server, command: tuple[str, ...]) -> None:
    name, *rest = command
    where = "s3://cli-no-such-bucket/" + ("" if name == "ls" else "key.h5")
    assert run(name, where, *rest, on=server).failed(3) == f"{where}: no such bucket; try: h5s3 ls s3://"


@pytest.mark.parametrize("command", [("tree",), ("meta",), ("preview", "/x")])
def test_missing_keys(server: S3Server, command: tuple[str, ...]) -> None:
    sample(server, "nexus")
    name, *rest = command
    line = run(name, "s3://cli/no.h5", *rest, on=server).failed(3)
    assert line == "s3://cli/no.h5: no such object; try: h5s3 ls s3://cli/"


@pytest.mark.parametrize(("args", "line"), MISSING)
def test_missing_paths_and_attributes(server: S3Server, args: tuple[str, ...], line: str) -> None:
    where = sample(server, "nexus")
    expected = f"{where}: {line}".format(location=where)
    assert run(args[0], where, *args[1:], on=server).failed(3) == expected


def test_a_dangling_link_on_the_way() -> None:
    where = file("soft_link_dangling")
    line = run("tree", where, "/group/absent/x").failed(3)
    assert line == f"{where}: the soft link /group/absent leads nowhere (/no/such)"


def test_local_files_that_cannot_be_read(tmp_path: Path) -> None:
    for where in (tmp_path / "no.h5", tmp_path / "no" / "below"):
        assert run("tree", where).failed(3) == f"{where}: no such file"
    os.mkfifo(tmp_path / "fifo")
    assert run("tree", tmp_path).failed(3) == f"{tmp_path}: a directory, not a file; try: h5s3 ls {tmp_path}/"
    where = tmp_path / "fifo"
    assert run("tree", where).failed(3) == f"{where}: not a regular file; try: h5s3 ls"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_local_file_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "secret.h5"
    path.touch(mode=0)
    assert run("tree", path).failed(4) == f"{path}: permission denied"


@pytest.mark.parametrize(
    ("wrong", "code", "hint"),
    [
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId", "the endpoint does not know the access key"),
        ({"AWS_SECRET_ACCESS_KEY": "guess"}, "SignatureDoesNotMatch", "the secret key is wrong"),
    ],
)
def test_wrong_credentials(rclone: S3Server, wrong: dict[str, str], code: str, hint: str) -> None:
    where = sample(rclone, "nexus")
    for command in ("tree", "ls"):
        line = run(command, where, on=rclone, **wrong).failed(4)
        assert line.startswith(f"{where}: access denied ({code}), signed with credentials from env; {hint}")


@pytest.mark.parametrize("command", ["tree", "ls"])
def test_access_denied(server: S3Server, command: str) -> None:
    where = sample(server, "nexus")
    with Proxy(server) as proxy:
        proxy.fault("status", status=403, body=b"<Error><Code>AccessDenied</Code></Error>")
        line = run(command, where, on=server.at(proxy.url)).failed(4)
        assert proxy.count() == 1
    assert line == (
        f"{where}: access denied (AccessDenied), signed with credentials from env; "
        "check --profile, or try --anon for a public bucket"
    )


def test_no_credentials(server: S3Server) -> None:
    for command in ("tree", "ls"):
        line = run(command, "s3://cli/x.h5", "--endpoint-url", server.url).failed(4)
        assert line == (
            "s3://cli/x.h5: no credentials found; set AWS_PROFILE or AWS_ACCESS_KEY_ID, give --profile, "
            "or --anon for a public bucket"
        )


@pytest.mark.parametrize("command", [("tree", "s3://cli/x.h5"), ("ls", "s3://cli/")])
def test_an_endpoint_that_nobody_listens_at(
    moto: S3Server, command: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    line = run(*command, on=moto.at(f"http://{host}")).failed(5)
    assert line == f"{command[1]}: cannot connect to {host}; check --endpoint-url and the network"


@pytest.mark.parametrize("command", ["tree", "ls"])
def test_a_server_that_fails_for_ever(
    server: S3Server, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    where = sample(server, "nexus")
    with Proxy(server) as proxy:
        proxy.fault("status", status=503, body=b"<Error><Code>SlowDown</Code></Error>")
        line = run(command, where, on=server.at(proxy.url)).failed(5)
        assert 2 <= proxy.count() <= 6
    assert line == f"{where}: the server failed with status 503 (SlowDown); try again later"


def test_a_server_that_fails_once_is_asked_again(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with Proxy(server) as proxy:
        proxy.fault("status", status=503, times=1)
        assert (
            run("tree", sample(server, "nexus"), "--json", on=server.at(proxy.url)).json["num_children"] == 1
        )


@pytest.mark.parametrize("command", [("tree",), ("ls",), ("meta",), ("preview", "/sst")])
def test_a_time_limit(server: S3Server, command: tuple[str, ...]) -> None:
    name, *rest = command
    with Proxy(server) as proxy:
        proxy.delay = 20
        where = sample(server, "netcdf4")
        line = run(name, where, *rest, "--timeout", "0.3", on=server.at(proxy.url)).failed(5)
    assert line.removeprefix(f"{where}: ") == "not done within 0.3 s; raise --timeout"


def test_a_time_limit_while_bytes_trickle_in(moto: S3Server) -> None:
    where = sample(moto, "plenty")
    with Proxy(moto) as proxy:
        proxy.bandwidth = 100_000
        line = run("tree", where, "--timeout", "0.5", on=moto.at(proxy.url)).failed(5)
    assert line.removeprefix(f"{where}: ") == "not done within 0.5 s; raise --timeout"


@pytest.mark.parametrize("command", [("tree",), ("ls",), ("meta",), ("preview", "/sst")])
def test_offline_without_a_cache(server: S3Server, command: tuple[str, ...]) -> None:
    name, *rest = command
    where = sample(server, "netcdf4")
    with Proxy(server) as proxy:
        line = run(name, where, *rest, "--offline", on=server.at(proxy.url)).failed(5)
        assert proxy.connections == 0
    assert line == f"{where}: not in the cache; run without --offline"


@pytest.mark.parametrize(("name", "line"), DAMAGED)
def test_what_is_no_hdf5_file(server: S3Server, name: str, line: str) -> None:
    where = sample(server, name)
    for command in (("tree", where), ("meta", where), ("preview", where, "/data")):
        assert run(*command, on=server).failed(6) == f"{where}: {line}"


@pytest.mark.parametrize("name", ["truncated", "cut_tail"])
def test_a_truncated_file(server: S3Server, name: str) -> None:
    where, size = sample(server, name), file(name).stat().st_size
    assert run("tree", where, on=server).failed(6) == (
        f"{where}: the file is truncated: {size} bytes are fewer than its header says; "
        "an upload may not have completed"
    )


@pytest.mark.parametrize("name", CORRUPTED)
def test_a_corrupted_file(name: str) -> None:
    for command in (("tree", "-r"), ("meta",), ("preview", "/other")):
        line = run(command[0], file(name), *command[1:]).failed(6)
        assert line.startswith(f"{file(name)}: ") and "internal" not in line


def test_values_that_cannot_be_decoded(server: S3Server) -> None:
    where = sample(server, "broken_chunks")
    assert (
        run("preview", where, "/garbage", on=server)
        .failed(6)
        .startswith(f"{where}: the values cannot be read: ")
    )


def test_an_object_that_changes_while_it_is_read(server: S3Server) -> None:
    server.put_file("cli", "changing.h5", file("plenty"))
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        proxy.fault(
            "call",
            when=lambda seen: seen.method == "GET" and seen.range and seen.range[0] > 0,
            times=1,
            fn=lambda seen: server.put("cli", "changing.h5", file("contiguous").read_bytes()),
        )
        line = run("preview", "s3://cli/changing.h5", "/data", on=there).failed(7)
        assert line == (
            "s3://cli/changing.h5: the object changed while it was being read; run the command again"
        )
        again = run("preview", "s3://cli/changing.h5", "/vector", "--json", on=there).json
        assert again["stats"]["max"] == 99


@pytest.mark.parametrize(("name", "path", "line"), REFUSED)
def test_refused(server: S3Server, name: str, path: str, line: str) -> None:
    where = sample(server, name)
    assert run("preview", where, path, on=server).failed(8) == f"{where}: {line}"


def test_a_filter_that_nobody_has(server: S3Server) -> None:
    where = sample(server, "unknown_filter")
    line = run("preview", where, "/data", on=server).failed(8)
    assert line.startswith(f"{where}: ") and "40000" in line


def test_an_external_link_is_not_followed_unasked(server: S3Server) -> None:
    where = sample(server, "external_link")
    hint = "; tree, meta, preview and get follow it with --follow"
    for command in ("tree", "meta", "preview"):
        assert run(command, where, "/group/data", on=server).failed(8) == (
            f"{where}: /group is an external link to external_target.h5:/group, which is not followed{hint}"
        )
    line = run("preview", where, "/data", on=server).failed(8)
    target = "external_target.h5:/group/data"
    assert line == f"{where}: /data is an external link to {target}, which is not followed{hint}"
