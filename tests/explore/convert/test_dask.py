"""Conversions by the workers of a Dask cluster: real ones, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import UsageError
from h5s3.explore import dask_cluster
from h5s3.explore.dask_cluster import Cluster
from tests.support.cli import run, spawn, started
from tests.support.servers.s3 import S3Server, moto_server

SECONDS = 60.0


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"needs distributed; pip install 'h5s3\[dask\]'"):
        Cluster("local")
    line = ["convert", tmp_path / "a.h5", "-o", tmp_path / "a.zarr"]
    assert "no address" in run(*line, "--dask", "host:8786").failed(2)
    assert "goes with --dask" in run(*line, "--dask-pass-credentials").failed(2)


@contextmanager
def program(*words: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    hidden = {name for name in os.environ if name.startswith(("AWS_", "S3_", "H5S3_"))}
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | more
    with subprocess.Popen(
        [sys.executable, "-m", *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def cluster(folder: Path, workers: int, **more: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and so many workers, of one thread each, which it knows; its address and the workers."""
    import distributed

    told = folder / "scheduler.json"
    with ExitStack() as stack:
        words = ("--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0")
        stack.enter_context(program("distributed.cli.dask_scheduler", *words, "--scheduler-file", str(told)))
        until = time.monotonic() + SECONDS
        while not told.exists() or not told.read_text().endswith("}"):
            assert time.monotonic() < until
            time.sleep(0.05)
        address: str = json.loads(told.read_text())["address"]
        words = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        found = [
            stack.enter_context(
                program("distributed.cli.dask_worker", address, *words, H5S3_CACHE_DIR=str(folder), **more)
            )
            for _ in range(workers)
        ]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=SECONDS)
        yield address, found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("distributed")
    with cluster(tmp_path_factory.mktemp("cluster"), 2) as (found, _):
        yield found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dask") / "source.h5"
    noise = np.random.default_rng(0).integers(0, 999, (60, 100, 100), dtype="<u2")
    with h5py.File(path, "w") as h5:
        h5.create_dataset("gzip", data=noise, chunks=(1, 100, 100), compression="gzip", shuffle=True)
        h5.create_dataset("lzf", data=noise.repeat(2, axis=1), chunks=(3, 50, 100), compression="lzf")
        h5.create_dataset("line", data=np.arange(100_000.0), chunks=(9_999,), compression="gzip")
        kind = np.dtype(("<i2", (3,)))
        h5.create_dataset("inner", (400_000,), kind)[:] = np.arange(1_200_000, dtype="<i2").reshape(-1, 3)
        h5["names"], h5["scalar"] = ["a", "ü"], 3
        h5["to"] = np.array([h5["line"].ref], dtype=h5py.ref_dtype)
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("wish", [["--overviews"], ["--shards", "100K", "--recompress", "zstd"]])
def test_the_store_is_the_same(address: str, source: Path, tmp_path: Path, wish: list[str]) -> None:
    here = run("convert", source, "-o", tmp_path / "here", "--json", *wish).json
    shown = spawn("convert", source, "-o", tmp_path / "there", "--json", "--verify", "--dask", address, *wish)
    there = json.loads(shown.out)
    assert shown.code == 0 and shown.err.startswith("dask: 2 threads of workers, dashboard http://")
    for name in ("chunks_copied", "chunks_encoded", "num_overviews", "written"):
        assert here.get(name) == there.get(name), name
    assert content(tmp_path / "here") == content(tmp_path / "there")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many tasks."""
    path = tmp_path_factory.mktemp("large") / "large.h5"
    with h5py.File(path, "w") as h5:
        for number in range(14):
            noise = np.random.default_rng(number).integers(0, 9, (20, 400, 400), dtype="<u2")
            h5.create_dataset(f"data{number}", data=noise, chunks=(10, 400, 400), compression="lzf")
    return path


def wait_for(found: Any) -> None:
    until = time.monotonic() + SECONDS
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_worker_costs_a_retry(large: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    out = tmp_path / "out"
    with cluster(tmp_path, 2) as (address, workers):
        with started("convert", large, "-o", out, "--recompress", "zstd", "--dask", address) as process:
            wait_for(lambda: list(out.glob("data*/c/*")))
            workers[0].kill()
            shown, said = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said
    assert "28 decoded and encoded" in shown
    assert run("convert", large, "-o", tmp_path / "here", "--recompress", "zstd").code == 0
    assert content(tmp_path / "here") == content(out)


@pytest.mark.slow
def test_an_interrupt_cancels_what_was_sent(address: str, large: Path, tmp_path: Path) -> None:
    from distributed import Client

    out = tmp_path / "out"
    with started("convert", large, "-o", out, "--recompress", "gzip", "--dask", address) as process:
        wait_for(lambda: len(list(out.glob("data*"))) > 4)  # of the first tasks it has heard
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130 and "--resume goes on with it" in said and "Traceback" not in said
    with Client(address) as client:
        wait_for(lambda: not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))
    again = spawn("convert", large, "-o", out, "--recompress", "gzip", "--dask", address, "--resume")
    assert again.code == 0 and "there from before" in again.out


@pytest.mark.slow
def test_workers_have_their_own_credentials(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with moto_server() as server, cluster(tmp_path, 1) as (address, _):
        server.client().create_bucket(Bucket="dask")
        server.put_file("dask", "in.h5", source)
        line = ("convert", "s3://dask/in.h5", "-o", "s3://dask/out.zarr", "--dask", address)
        refused = spawn(*line, "--endpoint-url", server.url, on=server)
        assert refused.code == 4 and "credentials" in refused.err.splitlines()[-1]
        passed = spawn(*line, "--dask-pass-credentials", "--overwrite", on=server)
        assert passed.code == 0, passed.err
        assert _objects(server) > 100


def _objects(server: S3Server) -> int:
    return len(server.client().list_objects_v2(Bucket="dask", Prefix="out.zarr/")["Contents"])


@pytest.mark.slow
def test_where_no_scheduler_is(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "SECONDS", 1)
    shown = run("convert", source, "-o", tmp_path / "out", "--dask", "tcp://127.0.0.1:9")
    assert "no Dask scheduler answers" in shown.failed(5)


@pytest.mark.slow
def test_workers_of_this_machine(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    shown = spawn("convert", source, "-o", tmp_path / "out", "--dask", "local")
    assert shown.code == 0 and shown.err.count("\n") == 1 and "7 arrays" in shown.out
