"""What a command loads: nothing that it does not need, as a test of names, not of seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import run
from tests.support.h5files import make as h5files
from tests.support.servers.s3 import S3Server, rclone_server

HEAVY = {
    "h5py",
    "numpy",
    "boto3",
    "botocore",
    "s3fs",
    "fsspec",
    "pydantic",
    "plotext",
    "urllib3",
    "hdf5plugin",
    "deflate",
    "numcodecs",
}
PROBE = (
    "import atexit, json, sys\n"
    "def tell():\n"
    "    print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr, flush=True)\n"
    "atexit.register(tell)\n"
    "from h5s3.cli import command, main\n"
    "*first, last = json.loads(sys.argv[1])\n"
    "for words in first:\n"
    "    sys.argv = ['h5s3', *words]\n"
    "    assert command() == 0\n"
    "sys.argv = ['h5s3', *last]\n"
    "main()\n"
)
WHERE = "s3://lean/nexus.h5"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    root = tmp_path_factory.mktemp("lean")
    (root / "lean").mkdir()
    h5files.make("nexus", root / "lean")
    with rclone_server(root) as server:
        yield server


def done(environment: dict[str, str], *commands: list[str]) -> tuple[str, set[str]]:
    """The output of commands, one after the other in a process, and the top-level modules that it loaded."""
    words = [sys.executable, "-c", PROBE, json.dumps(commands)]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, set(ended.stderr.splitlines()[-1].split())


def place_with(server: S3Server, cache: Path) -> dict[str, str]:
    return {**os.environ, **server.env(), "H5S3_CACHE_DIR": str(cache)}


def loaded(server: S3Server, cache: Path, *commands: list[str]) -> set[str]:
    """Top-level modules that commands leave loaded."""
    return done({**place_with(server, cache), "H5S3_CELL": "0"}, *commands)[1]


def known(server: S3Server, cache: Path, *commands: list[str]) -> str:
    """The output of commands in this process, which the cache knows from now on."""
    return "".join(run(*words, on=server, H5S3_CACHE_DIR=str(cache)).out for words in commands)


def test_what_needs_no_file_loads_nothing_heavy(place: S3Server, tmp_path: Path) -> None:
    commands = (["--help"], ["tree", "--help"], ["--version"], ["schema", "meta"], ["cache", "path"])
    assert not loaded(place, tmp_path, commands[0]) & {*HEAVY, "rich"}
    assert not loaded(place, tmp_path, *commands[1:]) & {*HEAVY, "rich"}


def test_a_warm_command_loads_nothing_heavy(place: S3Server, tmp_path: Path) -> None:
    commands = [
        ["tree", WHERE],
        ["tree", WHERE, "/entry", "-d", "2"],
        ["tree", WHERE, "--view", "nexus"],
        ["meta", WHERE],
        ["meta", WHERE, "/entry", "--json"],
        ["ls", WHERE],
    ]
    before = known(place, tmp_path, *commands)
    out, modules = done(place_with(place, tmp_path), *commands)
    assert out == before.replace('"cached":false', '"cached":true') and not modules & HEAVY


def test_a_local_file_needs_no_s3_client(place: S3Server, tmp_path: Path) -> None:
    found = loaded(place, tmp_path, ["tree", str(Path(str(place.root), "lean", "nexus.h5"))])
    assert "h5py" in found and not found & {"boto3", "botocore", "s3fs", "fsspec", "urllib3", "plotext"}


def test_a_head_loads_no_reader(place: S3Server, tmp_path: Path) -> None:
    known(place, tmp_path, ["tree", WHERE])
    found = loaded(place, tmp_path, ["tree", WHERE, "--refresh"])
    assert not found & {"h5py", "numpy", "s3fs", "fsspec", "pydantic"}


def test_a_cold_command_loads_no_s3_client_where_keys_are_plain(place: S3Server, tmp_path: Path) -> None:
    found = loaded(place, tmp_path, ["tree", WHERE])
    assert "h5py" in found and not found & {"botocore", "boto3", "s3fs", "fsspec", "aiobotocore"}


def test_a_cold_command_loads_one_s3_client(
    place: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "regional")  # for boto3's chain to make something of
    found = loaded(place, tmp_path, ["tree", WHERE])
    assert "botocore" in found
    assert not found & {"s3fs", "fsspec", "aiobotocore", "deflate", "numcodecs"}


def test_the_process_with_the_keys_loads_no_decoder(place: S3Server, tmp_path: Path) -> None:
    """What reads the file is in the cell."""
    for line in (["tree", WHERE], ["preview", WHERE, "/entry/data/counts", "--json"]):
        out, ours = done(place_with(place, tmp_path), line)
        assert out and not ours & {"h5py", "numpy", "hdf5plugin", "deflate", "numcodecs"}


def test_a_conversion_loads_no_decoder_either(place: S3Server, tmp_path: Path) -> None:
    line = ["convert", WHERE, "-o", str(tmp_path / "out.zarr"), "--recompress", "zstd"]
    out, ours = done(place_with(place, tmp_path), line)
    assert "Zarr v3" in out and not ours & {"h5py", "hdf5plugin", "numcodecs", "zarr"}


def test_completion_out_of_the_cache_loads_next_to_nothing(place: S3Server, tmp_path: Path) -> None:
    known(place, tmp_path, ["tree", WHERE])
    program = (
        "import sys\n"
        "from h5s3.cli.completion.reply import answer\n"
        "for line in ('tree s3://lean/nexus.h5 /', 'ls s3://lean/', 'tree --ref'):\n"
        "    print(answer('zsh', line.split()))\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program]
    for _ in range(2):  # the first makes what there is to remember
        told = subprocess.run(
            command, env=place_with(place, tmp_path), capture_output=True, text=True, timeout=60
        )
    assert "/entry/" in told.stdout and "--refresh" in told.stdout
    assert not set(told.stderr.split()) & (HEAVY | {"typer", "rich", "msgspec"})
