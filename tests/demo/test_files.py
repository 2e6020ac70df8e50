"""`demo --files`: the samples in a folder or a prefix of the user's."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import pytest

from h5s3.demo import files
from h5s3.demo.samples import Sample
from tests.support.cli import run
from tests.support.servers.s3 import S3Server

STORE, RECORD = files.STORE.name, files.RECORD.name


@pytest.fixture(autouse=True)
def made_before(samples: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sample files are those that the whole run shares: making them takes longer than all else."""
    names = sorted(path.name for path in (samples / "demo").iterdir())

    def copied(folder: Path) -> list[Sample]:
        return [Sample(Path(shutil.copy(samples / "demo" / name, folder)).name, "") for name in names]

    monkeypatch.setattr(files, "make_samples", copied)
    return names


@pytest.mark.slow
def test_into_a_folder_and_never_over_what_is_there(tmp_path: Path, made_before: list[str]) -> None:
    out = tmp_path / "new" / "folder"
    lines = run("demo", "--files", str(out)).lines
    assert lines[0] == f"# 6 sample files and a Zarr store in {out}:" and len(lines) == 8
    assert sorted(path.name for path in out.iterdir()) == sorted([*made_before, RECORD, STORE])
    with h5py.File(out / RECORD) as file:
        data = file["motion"][:]
        peak = int(data.max())
    level = run("get", str(out / STORE), "/overview/motion/4/max", "-o", "-", "--format", "json").json
    assert len(data) == 20 * 86_400 and level["shape"] == [422] and max(level["data"]) == peak

    said = run("demo", "--files", str(out)).failed(2)
    assert said == f"{out}: {made_before[0]} and 6 more exist; replace with --overwrite"
    (out / RECORD).write_bytes(b"mine")
    for path in out.iterdir():
        if path.name not in (RECORD, STORE):
            path.unlink()
    assert "and 1 more exist" in run("demo", "--files", str(out)).failed(2)
    (out / RECORD).unlink()
    (out / STORE / "zarr.json").unlink()
    assert run("demo", "--files", str(out)).failed(2).startswith(f"{out}: {STORE} exists; ")
    assert not list(out.glob("*.nc"))  # nothing was written before it was refused


@pytest.mark.slow
def test_again_with_overwrite(tmp_path: Path) -> None:
    assert len(run("demo", "--files", str(tmp_path), "--overwrite").lines) == 8  # where nothing is
    (tmp_path / RECORD).write_bytes(b"old")
    assert len(run("demo", "--files", str(tmp_path), "--overwrite").lines) == 8
    assert h5py.is_hdf5(tmp_path / RECORD)


@pytest.mark.slow
def test_into_a_prefix(moto: S3Server, made_before: list[str]) -> None:
    server = moto
    server.put("samples-here", "other", b"")
    where = "s3://samples-here/a b/c"
    assert len(run("demo", "--files", where, on=server).lines) == 8
    listed = run("ls", f"{where}/", "--uri", on=server).lines
    assert {line.rstrip("/").rpartition("/")[2] for line in listed} == {*made_before, RECORD, STORE}
    assert run("tree", f"{where}/{STORE}", "--json", on=server).json["num_children"] == 2
    assert "6 more exist" in run("demo", "--files", where, on=server).failed(2)
    assert len(run("demo", "--files", where, "--overwrite", on=server).lines) == 8


def test_what_does_not_go(tmp_path: Path) -> None:
    assert "does not go with --serve" in run("demo", "--files", str(tmp_path), "--serve").failed(2)
    assert run("demo", "--overwrite").failed(2) == "--overwrite goes with --files"
    assert "can be written to" in run("demo", "--files", "https://a.example/x").failed(2)
    (tmp_path / "file").write_bytes(b"")
    assert "a file, where a folder is to be" in run("demo", "--files", str(tmp_path / "file")).failed(2)
    assert not [path for path in tmp_path.iterdir() if path.name != "file"]
