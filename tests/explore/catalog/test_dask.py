"""Catalogs that the workers of a Dask cluster read: real ones, in processes of their own."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from h5s3.errors import UsageError
from h5s3.explore import dask_cluster
from h5s3.explore.catalog import tasks
from h5s3.explore.many.files import File
from h5s3.explore.session import Session
from h5s3.formats.names import looks_like_hdf5
from h5s3.settings import Settings
from tests.explore.catalog.test_build import all_rows, rows, scan
from tests.explore.convert.test_dask import SECONDS, cluster, wait_for
from tests.support.cli import run, spawn, started

COUNT = 400


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many files, one of them damaged."""
    folder = tmp_path_factory.mktemp("dask") / "in"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number:04d}.h5").write_bytes(scan(number % 7))
    (folder / "bad.h5").write_bytes(scan(1)[:-300])
    return folder


def test_a_batch_is_read_as_here(files: Path) -> None:
    with Session(Settings()) as session:
        found = [session.location(path) for path in sorted(files.iterdir())[:3] if looks_like_hdf5(path.name)]
        told = dask_cluster.settings_for(session, found, credentials=False)
        (batch,) = tasks.batches(map(File, found), told, stored=False, jobs=2)
    done = tasks.run(batch)
    assert done.error is None and [one.name for one in done.outcomes] == [one.display for one in found]
    strange = tasks.run(replace(batch, release="0"))
    assert strange.error is not None and "the workers have h5s3" in strange.error[1]


def test_what_is_signed_is_not_sent() -> None:
    with Session(Settings()) as session:
        place = session.location("https://host/x.h5?X-Amz-Signature=abc")
        with pytest.raises(UsageError, match="holds a signature"):
            dask_cluster.settings_for(session, [place], credentials=False)
    assert "goes with --dask" in run("catalog", "build", "x", "-o", "y", "--dask-pass-credentials").failed(2)


@pytest.mark.slow
def test_the_rows_are_the_same_also_where_a_worker_is_killed(files: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    line: tuple[Any, ...] = ("catalog", "build", files)
    assert spawn(*line, "-o", tmp_path / "here").code == 0
    with cluster(tmp_path, 2) as (address, workers):
        with started(*line, "-o", tmp_path / "there", "--dask", address) as process:
            wait_for(lambda: (tmp_path / "there/parts").exists())  # files are sent from here on
            time.sleep(0.5)
            workers[0].kill()
            _, said = process.communicate(timeout=SECONDS)
        assert process.returncode == 0 and "dask: 2 threads of workers, dashboard http://" in said, said
    assert all_rows(tmp_path / "here") == all_rows(tmp_path / "there")
    assert len(rows(tmp_path / "there", "files")) == COUNT + 1


@pytest.mark.slow
def test_an_interrupt_cancels_what_was_sent(files: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with cluster(tmp_path, 1) as (address, _):
        with started(
            "catalog", "build", files, "-o", tmp_path / "out", "--dask", address
        ) as process, distributed.Client(address) as client:  # fmt: skip

            def sent() -> int:
                return int(client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))

            wait_for(sent)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=SECONDS)
            assert process.returncode == 130 and "Traceback" not in said
            wait_for(lambda: not sent())
