"""`h5s3 catalog` as a command: what it says, its JSON, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from tests.support.cli import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four files, of which one is none."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        with h5py.File(tmp_path / f"in/{number}.h5", "w") as new:
            new["entry/temperature"] = 290.0 + number
            new["entry/temperature"].attrs["units"] = "K"
    (tmp_path / "in/bad.h5").write_bytes(b"no such thing")
    return tmp_path


def test_build_says_what_it_did(folder: Path) -> None:
    done = run("catalog", "build", folder / "in", "-o", folder / "out", "--log", folder / "log")
    assert done.code == 0
    assert done.out.startswith(f"{folder}/out: 4 files (4 new, 1 of them failed), ")
    assert done.err.splitlines()[0] == "1 file could not be looked into:"
    (line,) = (folder / "log").read_text().splitlines()
    assert json.loads(line)["exit_code"] == 6
    again = run("catalog", "build", folder / "in", "-o", folder / "out").lines
    assert again[0].startswith(f"{folder}/out: 4 files (4 unchanged), ")
    document = run("catalog", "build", folder / "in", "-o", folder / "out", "--json").json
    assert (document["files"], document["unchanged"], document["failed"]) == (4, 4, 0)


def test_build_ends_with_a_code(folder: Path) -> None:
    out = folder / "out"
    assert run("catalog", "build", folder / "in/bad.h5", "-o", out).code == 6
    assert "is also of" in run("catalog", "build", folder / "in", "-o", out).failed(2)
    (folder / "empty").mkdir()
    assert "no files" in run("catalog", "build", folder / "empty", "-o", folder / "x").failed(3)
    assert "a file, where a folder" in run(
        "catalog", "build", folder / "in", "-o", folder / "in/0.h5"
    ).failed(2)
    assert "is a folder or s3://" in run("catalog", "build", folder / "in", "-o", "https://x/y").failed(2)
