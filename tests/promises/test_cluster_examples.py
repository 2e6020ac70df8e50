"""The examples for clusters, their commands run on this machine: scheduler, workers, and who sends files."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import h5s3
from tests.support import ROOT
from tests.support.cli import file
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

pytestmark = pytest.mark.slow
EXAMPLES = ROOT / "examples"
NAMES = ("nexus", "netcdf4", "compounds", "gzip")
SRUN = """#!/usr/bin/env bash
count=${1#--ntasks=}; shift
for ((each = 0; each < count; each++)); do "$@" & done
trap 'kill $(jobs -p) 2>/dev/null' EXIT
wait
"""
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="distributed is not installed")
needs_spark = pytest.mark.skipif(find_spec("pyspark") is None, reason="pyspark is not installed")


@pytest.fixture
def known(rclone: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a node that finds credentials, and files in a bucket."""
    for name in NAMES:
        rclone.put_file("cluster", f"scans/{name}.h5", file(name))
    rclone.put("cluster", "scans/damaged.h5", file("nexus").read_bytes()[:900])
    reach(rclone, monkeypatch)
    path = f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **rclone.env(), "PATH": path, "TMPDIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}


def free_port() -> int:
    """One that the system gives nobody by itself until it is taken."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(lowest // 2, lowest)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def whole(catalog: str) -> None:
    rows = h5s3.catalog_query(
        catalog, "SELECT status, count(*) FROM files GROUP BY status ORDER BY status"
    ).rows
    assert sum(count for _, count in rows) == len(NAMES) + 1
    objects = h5s3.catalog_query(catalog, "SELECT count(*) FROM objects").rows[0][0]
    assert objects > len(NAMES)


@needs_dask
def test_slurm_catalog(known: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    more = {"SLURM_NTASKS": "3", "DASK_HOST": "127.0.0.1", "DASK_PORT": str(free_port())}
    command = [str(EXAMPLES / "slurm_catalog.sh"), "s3://cluster/scans/", "s3://cluster/slurm.catalog"]
    done = subprocess.run(command, env={**known, **more}, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert re.search("dask: (1 thread|2 threads) ", done.stderr)  # the second one may still be starting
    whole("s3://cluster/slurm.catalog")


@needs_dask
def test_kubernetes_catalog(known: dict[str, str]) -> None:
    """The commands of the containers, the name of the service being this machine."""
    import yaml

    address = f"tcp://127.0.0.1:{free_port()}"
    commands: dict[str, list[str]] = {}
    for document in yaml.safe_load_all((EXAMPLES / "kubernetes_catalog.yaml").read_text()):
        for container in pods(document):
            words = [word.replace("tcp://scheduler:8786", address) for word in container["command"]]
            commands[container["name"]] = [word.replace("bucket", "cluster") for word in words]
    scheduler = commands["scheduler"]
    scheduler[scheduler.index("8786")] = address.rpartition(":")[2]
    job = [word.replace("s3://other/", "s3://cluster/") for word in commands["catalog"]]
    with running([*scheduler, "--host", "127.0.0.1"], commands["worker"], commands["worker"], known=known):
        done = subprocess.run(job, env=known, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    whole("s3://cluster/scans.catalog")


def pods(document: Any) -> list[Any]:
    template = document["spec"].get("template")
    return list(template["spec"]["containers"]) if template else []


@contextmanager
def running(*commands: list[str], known: dict[str, str]) -> Iterator[None]:
    with ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(
                command, env=known, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        yield


@needs_spark
def test_spark_catalog(known: dict[str, str], tmp_path: Path) -> None:
    import pyarrow.dataset

    output = tmp_path / "objects.parquet"
    more = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_DIRS": str(tmp_path),
    }
    command = [sys.executable, str(EXAMPLES / "spark_catalog.py"), "s3://cluster/scans/", str(output), "2"]
    done = subprocess.run(command, env={**known, **more}, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = (
        pyarrow.dataset.dataset(output, format="parquet", exclude_invalid_files=True).to_table().to_pylist()
    )
    expected = h5s3.find("s3://cluster/scans/")
    assert sorted((row["file"], row["path"]) for row in rows if row["path"]) == sorted(
        (one.location, one.path) for one in expected.matches
    )
    assert sum(row["error"] is not None for row in rows) == 1
