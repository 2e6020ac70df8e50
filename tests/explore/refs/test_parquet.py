"""References in Parquet: the same as in JSON, row by row, in a folder that appears when it is complete."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from h5s3.export.references import kerchunk_parquet
from tests.support.cli import run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file whose arrays have many chunks, some of which were never written, and values that are inlined."""
    path = tmp_path / "source.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "group/data", (70, 20), "<f8", chunks=(7, 5), fillvalue=-1, compression="gzip"
        )
        data[:35] = np.random.default_rng(0).random((35, 20))
        data[63:, 15:] = 1
        file["scalar"], file["text"] = 1.5, ["a", "b"]
        file["like"] = np.frombuffer(b"base64:AAAA", dtype="u1")
        file["large"] = np.arange(1000.0)
        file.create_dataset("nothing", (10,), "<i4", chunks=(5,))
    return path


def by_keys(folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    """All references of a folder as JSON has them."""
    found: dict[str, Any] = {}
    for key, array in document["metadata"].items():
        if not key.endswith(".zarray"):
            continue
        grid = [-(-n // c) for n, c in zip(array["shape"], array["chunks"], strict=True)] or [1]
        name = key.removesuffix("/.zarray")
        for file in (folder / name).glob("refs.*.parq"):
            first = int(file.name.split(".")[1]) * document["record_size"]
            for at, row in enumerate(pyarrow.parquet.read_table(file).to_pylist()):
                cell = ".".join(map(str, np.unravel_index(first + at, grid)))
                if row["path"] is not None:
                    found[f"{name}/{cell}"] = [row["path"], row["offset"], row["size"]]
                elif row["raw"] is not None:
                    found[f"{name}/{cell}"] = row["raw"]
    return found


@pytest.mark.parametrize("rows", [10_000, 7])
def test_the_same_references_as_in_json(
    rows: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kerchunk_parquet, "MOST_ROWS", rows)
    folder, file = tmp_path / "refs.parq", tmp_path / "refs.json"
    line = run("refs", source, "-o", folder).err, run("refs", source, "-o", file).err
    assert line[0] == line[1]
    document = json.loads((folder / ".zmetadata").read_bytes())
    wanted = json.loads(file.read_bytes())
    assert document["record_size"] == min(rows, 40)
    assert document["h5s3"]["sources"] == wanted["h5s3"]["sources"]
    metadata = json.loads(wanted["refs"][".zmetadata"])["metadata"]
    assert document["metadata"] == metadata
    found = by_keys(folder, document)
    chunks = {key: one for key, one in wanted["refs"].items() if not key.rpartition("/")[2].startswith(".z")}
    assert found.keys() == chunks.keys()
    for key, one in chunks.items():
        if isinstance(one, str):
            raw = base64.b64decode(one.removeprefix("base64:"))
            assert found[key] in (raw, b"base64:" + base64.b64encode(raw))
        else:
            assert found[key] == one
    assert found["like/0"].startswith(b"base64:YmFzZTY0")


def test_folders(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "refs.parq"
    receipt = json.loads(run("refs", source, "-o", folder, "--json").out)
    assert receipt["format"] == "parquet"
    assert receipt["file_bytes"] == sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
    assert run("refs", "--check", folder).lines == [f"{folder}: fresh: 1 object as they were"]
    assert "the folder exists" in run("refs", source, "-o", folder).failed(2)
    assert run("refs", source, "-o", folder, "--overwrite").code == 0
    other = tmp_path / "other.parq"
    other.mkdir()
    (other / "mine.txt").write_text("keep")
    assert "it is not replaced" in run("refs", source, "-o", other, "--overwrite").failed(2)
    assert (other / "mine.txt").read_text() == "keep"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["other.parq", "refs.parq", "source.h5"]
    assert "no folder" in run("refs", source, "-o", tmp_path / "none" / "refs.parq").failed(2)


def test_nothing_is_left_of_a_folder_that_cannot_be_finished(source: Path, tmp_path: Path) -> None:
    with h5py.File(source, "a") as file:
        file["x" * 300] = 1.0  # no file system takes such a name
    assert "cannot be written" in run("refs", source, "-o", tmp_path / "refs.parq").failed(1)
    assert [one.name for one in tmp_path.iterdir()] == ["source.h5"]
