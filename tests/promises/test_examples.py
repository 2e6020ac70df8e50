"""Every example script runs, on the files of the demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.demo.server import serve
from tests.support import ROOT, notebook
from tests.support.hostile import secrecy
from tests.support.servers.s3 import S3Server

EXAMPLES = ROOT / "examples"
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed on this machine")


@pytest.fixture(scope="module")
def demo(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of a server with two of the demo's files, with this Python's `h5s3` on the path."""
    root = tmp_path_factory.mktemp("examples")
    (root / "demo").mkdir()
    for name in ("climate_2024.nc", "scan_0042.nxs"):
        (root / "demo" / name).hardlink_to(samples / "demo" / name)
    with serve(root) as server:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        yield {**server.env(), "H5S3_CACHE_DIR": str(tmp_path_factory.mktemp("cache")), "PATH": path}


def run(demo: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **demo}, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
@needs_jq
def test_large_datasets(demo: dict[str, str]) -> None:
    done = run(demo, str(EXAMPLES / "large_datasets.sh"), "s3://demo/climate_2024.nc")
    assert done.returncode == 0, done.stderr
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        ["/t2m", "int16", str(36 * 181 * 360 * 2)],
        ["/precip", "float32", str(36 * 181 * 360 * 4)],
    ]


@pytest.mark.slow
@needs_jq
def test_have_dataset(demo: dict[str, str]) -> None:
    done = run(demo, str(EXAMPLES / "have_dataset.sh"), "s3://demo/", "/t2m")
    assert done.returncode == 1
    assert "s3://demo/scan_0042.nxs has no /t2m" in done.stdout
    assert "climate" not in done.stdout
    assert run(demo, str(EXAMPLES / "have_dataset.sh"), "s3://demo/climate", "/t2m").returncode == 0


@pytest.mark.slow
def test_summary(demo: dict[str, str]) -> None:
    done = run(demo, sys.executable, str(EXAMPLES / "summary.py"), "s3://demo/climate_2024.nc")
    assert done.returncode == 0, done.stderr
    assert "/precip" in done.stdout.splitlines()[0]
    assert "mean of /precip" in done.stdout
    assert "Conventions" in done.stdout


@pytest.mark.slow
def test_slurm_convert(rclone: S3Server, tmp_path: Path) -> None:
    """Two tasks of an array job share the files; a damaged one fails alone; what is whole stays."""
    server, names = rclone, ["a.h5", "b b.nc", "deep/ä.h5", "damaged.h5"]
    for number, name in enumerate(names):
        with h5py.File(tmp_path / "new.h5", "w") as new:
            new.create_dataset("data", data=np.arange(number, 1000 + number), chunks=(100,))
        whole = (tmp_path / "new.h5").read_bytes()
        server.put("slurm", f"scans/{name}", whole[:-500] if name == "damaged.h5" else whole)
    server.put("slurm", "scans/notes.txt", b"no HDF5")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    known = {**server.env(), "PATH": path, "TMPDIR": str(tmp_path), "SLURM_ARRAY_TASK_COUNT": "2"}
    command = [
        str(EXAMPLES / "slurm_convert.sh"),
        "s3://slurm/scans",
        "s3://slurm/zarr",
        "--zarr-format",
        "2",
    ]
    tasks = [{**known, "SLURM_ARRAY_TASK_ID": str(number)} for number in range(3)]
    done = [run(task, *command) for task in tasks[:2]]
    again = [run(task, *command) for task in tasks[:2]]
    for both in done, again:
        assert sorted(one.returncode for one in both) == [0, 6]
        assert sum(one.stderr.count("damaged.h5: ") for one in both) == 1
    converted = [{name for name in names if f"{name}.zarr: Zarr v2" in one.stdout} for one in done]
    assert converted[0] | converted[1] == set(names[:-1]) and all(converted)
    assert not converted[0] & converted[1]
    there = [{name for name in names if f"{name}.zarr is there" in one.stdout} for one in again]
    assert there == converted and not any("Zarr v2" in one.stdout for one in again)
    wrong = run(tasks[2], *command)
    assert wrong.returncode == 2 and "--array=0-1" in wrong.stderr
    for number, name in enumerate(names[:-1]):
        place = f"s3://slurm/zarr/{name}.zarr"
        values = run(known, "h5s3", "get", place, "/data", "-o", "-", "--format", "csv").stdout.split()
        assert values[-1000:] == [str(value) for value in range(number, 1000 + number)]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed on this machine")
def test_shellcheck_finds_nothing() -> None:
    done = run({}, "shellcheck", *map(str, EXAMPLES.glob("*.sh")), str(ROOT / ".ci" / "run"))
    assert (done.returncode, done.stdout) == (0, "")


def shown(cell: Any) -> list[Any]:
    """What a cell put out: its texts, and which other forms of them. HTML holds dates and pictures."""
    outputs = cell.get("outputs", [])
    return [
        (sorted(out.get("data", ())), out.get("data", {}).get("text/plain"), out.get("text"))
        for out in outputs
    ]


@pytest.mark.slow
def test_the_notebook_holds_what_its_cells_put_out(samples: Path, tmp_path: Path) -> None:
    """notebook.ipynb, run anew; without the cells that need packages which are not here."""
    kept = notebook.stored()
    with serve(samples) as server:
        made = notebook.executed(kept, {**server.env(), "H5S3_CACHE_DIR": str(tmp_path)})
    assert [shown(cell) for cell in made.cells] == [shown(cell) for cell in notebook.runnable(kept)]
    assert len([cell for cell in made.cells if shown(cell)]) >= 7
    picture = next(cell for cell in made.cells if cell.id == "preview")
    assert "<img" in picture.outputs[0].data["text/html"]
    secrecy.kept(notebook.NOTEBOOK.read_text())
    assert notebook.NOTEBOOK.stat().st_size < 200_000


def test_all_examples_are_tested() -> None:
    tested = Path(__file__).read_text()
    tested += Path(__file__).with_name("test_cluster_examples.py").read_text()
    tested += "pictures.py"  # test_readme.py runs it
    assert all(path.name in tested for path in EXAMPLES.iterdir() if path.suffix in (".py", ".sh", ".ipynb"))
