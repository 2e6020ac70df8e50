"""Stores in S3, and conversions that are killed."""

from __future__ import annotations

import json
import re
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

from tests.support.cli import run, started
from tests.support.reference.zarr_copies import differences
from tests.support.servers.s3 import S3Server, moto_server, rclone_server

pytestmark = pytest.mark.slow
OUT = "s3://stores/a b/out.zarr"


@pytest.fixture(params=["rclone", "moto"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[S3Server]:
    (tmp_path / "root").mkdir()
    with rclone_server(tmp_path / "root") if request.param == "rclone" else moto_server() as found:
        found.client().create_bucket(Bucket="stores")
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "source.h5", "w") as h5:
        noise = np.random.default_rng(0).integers(0, 99, (300, 64, 64), dtype="u2")
        h5.create_dataset("data", data=noise, chunks=(1, 64, 64), compression="gzip", shuffle=True)
        h5.create_dataset("lzf", data=noise[:50], chunks=(1, 64, 64), compression="lzf")
        h5["names"] = ["a", "b"]
    return tmp_path / "source.h5"


def opened(server: S3Server) -> Any:
    client = server.client()
    keys = [
        item["Key"] for item in client.list_objects_v2(Bucket="stores", Prefix="a b/out.zarr/")["Contents"]
    ]
    held = {
        key.removeprefix("a b/out.zarr/"): zarr.core.buffer.cpu.Buffer.from_bytes(
            client.get_object(Bucket="stores", Key=key)["Body"].read()
        )
        for key in keys
    }
    return zarr.storage.MemoryStore(held)


def test_into_s3_from_s3(server: S3Server, source: Path) -> None:
    server.put_file("stores", "source.h5", source)
    where = "s3://stores/source.h5"
    assert run("convert", where, "-o", OUT, on=server).code == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not differences(source, opened(server), [])
    assert "the store exists" in run("convert", where, "-o", OUT, on=server).failed(2)
    document = run("convert", where, "/names", "-o", OUT, "--overwrite", "--json", on=server).json
    assert document["output"] == OUT and document["num_arrays"] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert zarr.open(opened(server), mode="r")[:].tolist() == ["a", "b"]
    assert "no such bucket" in run("convert", where, "-o", "s3://nothing-here/x.zarr", on=server).failed(3)
    assert "a bucket, not a place in it" in run("convert", where, "-o", "s3://stores/", on=server).failed(2)


def killed(source: Path | str, out: str, at: int, on: S3Server | None = None, *more: str) -> bool:
    """A conversion that is killed once it has written so much; whether it was still at work."""
    with started("convert", source, "-o", out, *more, on=on) as process:
        while process.poll() is None:
            if written(out, on) >= at:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
    return process.returncode == -signal.SIGKILL


def written(out: str, on: S3Server | None) -> int:
    """Chunks of a store that is being written; of one in S3, parts of its journal."""
    if on is None:
        return len(list(Path(out).glob("data/c/*")))
    below = out.removeprefix("s3://stores/") + "/.h5s3-convert/"
    return len(on.client().list_objects_v2(Bucket="stores", Prefix=below).get("Contents", []))


def test_an_interrupted_conversion_says_how_to_go_on(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    with started("convert", source, "-o", out) as process:
        while not list(out.glob("data/c/*")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "--resume goes on with it" in said
    assert run("convert", source, "-o", out, "--resume").code == 0


def test_a_killed_conversion_is_not_whole_and_is_gone_on_with(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    assert killed(source, str(out), 100)
    assert not {"zarr.json"} & {path.name for path in out.rglob("*")}
    assert "not finished" in run("convert", source, "-o", out).failed(2)
    document = run("convert", source, "-o", out, "--resume", "--json").json
    assert document["chunks_copied"] + document["chunks_encoded"] + document["chunks_kept"] == 351
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not differences(source, out, [])


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_in_s3_too(server: S3Server, source: Path) -> None:
    """Chunks that are decoded, and overviews, are gone on with as well."""
    server.put_file("stores", "source.h5", source)
    where, wish = "s3://stores/source.h5", ("--recompress", "zstd", "--overviews")
    assert killed(where, OUT, 2, server, *wish)
    assert "not finished" in run("convert", where, "-o", OUT, *wish, on=server).failed(2)
    document = run("convert", where, "-o", OUT, *wish, "--resume", "--verify", "--json", on=server).json
    assert document["chunks_kept"] >= 1 and document["verified"] == 300 * 64 * 64 + 50 * 64 * 64 + 2
    assert document["chunks_encoded"] + document["chunks_kept"] == 351
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not differences(source, opened(server), [])


@pytest.mark.parametrize("server", ["rclone"], indirect=True)
def test_a_long_line_costs_a_screenful(server: S3Server, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "long.h5", "w") as h5:
        data = h5.create_dataset("line", (40_000_000,), "f4", chunks=(4_000_000,), compression="gzip")
        data[12_345_678] = 7
    assert run("convert", tmp_path / "long.h5", "-o", OUT, "--overviews", on=server).code == 0
    shown = run("preview", OUT, "/line", "--stats", "--json", "--no-cache", on=server)
    assert shown.code == 0 and json.loads(shown.out)["stats"]["max"] == 7
    size, rounds = re.search(r"\((\d+) bytes\) · (\d+) rounds", shown.err).groups()  # type: ignore[union-attr]
    assert int(size) < 2_000_000 and int(rounds) <= 4
