"""What a command loads: nothing that it does not need, as a test of names, not of seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    "import atexit, sys\n"
    "def tell():\n"
    "    print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr, flush=True)\n"
    "atexit.register(tell)\n"
    "from h5s3.cli import main\n"
    "sys.argv = ['h5s3', *sys.argv[1:]]\n"
    "main()\n"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    root = tmp_path_factory.mktemp("lean")
    (root / "lean").mkdir()
    h5files.make("nexus", root / "lean")
    with rclone_server(root) as server:
        yield server


def loaded(server: S3Server, cache: Path, *command: str) -> set[str]:
    """Top-level modules that a command leaves loaded."""
    environment = {**os.environ, **server.env(), "H5S3_CACHE_DIR": str(cache), "H5S3_CELL": "0"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *command], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def test_help_loads_nothing_heavy(place: S3Server, tmp_path: Path) -> None:
    assert not loaded(place, tmp_path, "--help") & HEAVY


@pytest.mark.parametrize(
    "command", [("tree", "--view", "nexus"), ("meta", "/entry"), ("meta", "/entry", "--json")]
)
def test_a_warm_command_loads_nothing_heavy(
    command: tuple[str, ...], place: S3Server, tmp_path: Path
) -> None:
    name, *rest = command
    line = (name, "s3://lean/nexus.h5", *rest)
    assert "h5py" in loaded(place, tmp_path, *line)
    assert not loaded(place, tmp_path, *line) & HEAVY


def test_a_head_loads_no_reader(place: S3Server, tmp_path: Path) -> None:
    line = ("tree", "s3://lean/nexus.h5")
    loaded(place, tmp_path, *line)
    assert not loaded(place, tmp_path, *line, "--refresh") & {"h5py", "numpy", "s3fs", "fsspec", "pydantic"}


def test_a_cold_command_loads_no_s3_client_where_keys_are_plain(place: S3Server, tmp_path: Path) -> None:
    found = loaded(place, tmp_path, "tree", "s3://lean/nexus.h5")
    assert "h5py" in found and not found & {"botocore", "boto3", "s3fs", "fsspec", "aiobotocore"}


def test_a_cold_command_loads_one_s3_client(
    place: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "regional")  # for boto3's chain to make something of
    found = loaded(place, tmp_path, "tree", "s3://lean/nexus.h5")
    assert "botocore" in found
    assert not found & {"s3fs", "fsspec", "aiobotocore", "deflate", "numcodecs"}


def test_the_process_with_the_keys_loads_no_decoder(place: S3Server, tmp_path: Path) -> None:
    """What reads the file is in the cell."""
    environment = {**os.environ, **place.env(), "H5S3_CACHE_DIR": str(tmp_path)}
    for line in (
        ["tree", "s3://lean/nexus.h5"],
        ["preview", "s3://lean/nexus.h5", "/entry/data/counts", "--json"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", PROBE, *line], env=environment, capture_output=True, text=True, timeout=60
        )
        ours = set(done.stderr.splitlines()[-1].split())
        assert done.stdout and not ours & {"h5py", "numpy", "hdf5plugin", "deflate", "numcodecs"}


def test_a_conversion_loads_no_decoder_either(place: S3Server, tmp_path: Path) -> None:
    environment = {**os.environ, **place.env(), "H5S3_CACHE_DIR": str(tmp_path)}
    line = ["convert", "s3://lean/nexus.h5", "-o", str(tmp_path / "out.zarr"), "--recompress", "zstd"]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *line], env=environment, capture_output=True, text=True, timeout=60
    )
    ours = set(done.stderr.splitlines()[-1].split())
    assert "Zarr v3" in done.stdout and not ours & {"h5py", "hdf5plugin", "numcodecs", "zarr"}


def test_completion_out_of_the_cache_loads_next_to_nothing(place: S3Server, tmp_path: Path) -> None:
    loaded(place, tmp_path, "tree", "s3://lean/nexus.h5")
    program = (
        "import sys\n"
        "from h5s3.cli.completion.reply import answer\n"
        "for line in ('tree s3://lean/nexus.h5 /', 'ls s3://lean/', 'tree --ref'):\n"
        "    print(answer('zsh', line.split()))\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    environment = {**os.environ, **place.env(), "H5S3_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    for _ in range(2):  # the first makes what there is to remember
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "/entry/" in done.stdout and "--refresh" in done.stdout
    assert not set(done.stderr.split()) & (HEAVY | {"typer", "rich", "msgspec"})
