"""Building catalogs: what is in them, that only what changed is read, and that a kill costs little."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import H5s3Error, NotFoundError, UsageError
from h5s3.explore.catalog import build, compact, place
from h5s3.explore.session import Session
from h5s3.records import CatalogManifest, from_json
from h5s3.settings import Settings
from tests.support.cli import command, environment, started
from tests.support.hostile.kills import kill_one
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

BUCKET = "catalogs"
COUNT = 12


def scan(number: int) -> bytes:
    """A small file."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as new:
        new.attrs["number"] = number
        entry = new.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry.create_dataset("data", data=np.zeros((number + 1, 4), "<f4"), maxshape=(None, 4), chunks=(8, 4))
        entry["temperature"] = 20.0 + number
        entry["temperature"].attrs["units"] = "K"
        entry["soft"] = h5py.SoftLink("/entry/data")
    return buffer.getvalue()


def manifest(folder: Path) -> CatalogManifest:
    return from_json((folder / "manifest.json").read_bytes(), CatalogManifest)


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    """The rows that count, as anybody finds them who reads the manifest."""
    found = []
    for part in manifest(folder).parts:
        read = pq.read_table(folder / "parts" / f"{part.name}.{table}.parquet").to_pylist()
        found += [row for row in read if row["file"] not in part.masked]
    return found


def all_rows(folder: Path) -> dict[str, list[str]]:
    return {table: sorted(map(repr, rows(folder, table))) for table in ("files", "objects", "attributes")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files, one of which is damaged."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(4):
        (files / f"{number}.h5").write_bytes(scan(number))
    (files / "bad.h5").write_bytes(scan(9)[:-500])
    return tmp_path


def test_rows_say_what_is_in_the_files(folder: Path) -> None:
    built = h5s3.catalog_build(folder / "files", folder / "out")
    assert (built.files, built.added, built.failed) == (5, 5, 1)
    by_name = {Path(row["file"]).name: row for row in rows(folder / "out", "files")}
    bad, first = by_name["bad.h5"], by_name["0.h5"]
    assert bad["status"] == "failed" and bad["exit_code"] == 6 and "truncated" in bad["error"]
    assert first["status"] == "ok" and first["error"] is None
    assert first["conventions"] == ["NeXus"] and first["size"] == len(scan(0))
    assert (first["groups"], first["datasets"], first["links"], first["attributes"]) == (2, 2, 1, 3)
    assert first["stored_bytes"] == 128 + 8 and first["logical_bytes"] == 16 + 8
    assert first["metadata_bytes"] == first["size"] - 136
    assert len({row["fingerprint"] for name, row in by_name.items() if name != "bad.h5"}) == 1
    objects = {row["path"]: row for row in rows(folder / "out", "objects") if row["file"].endswith("/2.h5")}
    data = objects["/entry/data"]
    assert (data["shape"], data["maxshape"], data["chunks"]) == ([3, 4], [None, 4], [8, 4])
    assert (data["dtype"], data["layout"], data["nbytes"]) == ("float32", "chunked", 48)
    assert objects["/entry/temperature"]["number"] == 22.0
    assert objects["/entry/soft"]["target"] == "/entry/data"
    assert objects["/entry"]["nx_class"] == "NXentry"
    attributes = {
        (row["path"], row["name"]): row
        for row in rows(folder / "out", "attributes")
        if row["file"].endswith("/2.h5")
    }
    assert attributes["/entry/temperature", "units"]["text"] == "K"
    assert attributes["/", "number"]["number"] == 2 and attributes["/", "number"]["json"] == "2"


def test_sizes_above_int64_are_null(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "huge.h5", "w") as new:
        new.create_dataset("x", shape=(2**61, 2), dtype="f8", chunks=(1, 1))
        new.attrs["big"] = np.uint64(2**64 - 1)
    h5s3.catalog_build(tmp_path / "huge.h5", tmp_path / "out")
    (found,) = [row for row in rows(tmp_path / "out", "objects") if row["path"] == "/x"]
    assert found["shape"] == [2**61, 2] and found["size"] == 2**62 and found["nbytes"] is None
    (attribute,) = rows(tmp_path / "out", "attributes")
    assert attribute["json"] == str(2**64 - 1) and attribute["number"] == 2.0**64


def test_only_what_changed_is_touched(folder: Path) -> None:
    files, out = folder / "files", folder / "out"
    h5s3.catalog_build(files, out)
    before = all_rows(out)
    again = h5s3.catalog_build(files, out)
    assert (again.unchanged, again.added, again.changed, again.failed) == (5, 0, 0, 0)
    assert all_rows(out) == before and manifest(out).serial == 1
    (files / "1.h5").unlink()
    (files / "2.h5").write_bytes(scan(5))
    (files / "new.h5").write_bytes(scan(6))
    renewed = h5s3.catalog_build(files, out)
    assert (renewed.unchanged, renewed.added, renewed.changed, renewed.vanished) == (3, 1, 1, 1)
    h5s3.catalog_build(files, folder / "fresh")
    assert all_rows(out) == all_rows(folder / "fresh")
    assert len(rows(out, "files")) == 5


def test_small_parts_are_put_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MOST_FILES", 1)
    monkeypatch.setattr(compact, "MANY", 100)
    h5s3.catalog_build(folder / "files", folder / "out")
    assert len(manifest(folder / "out").parts) == 5
    before = all_rows(folder / "out")
    monkeypatch.setattr(compact, "MANY", 2)
    (folder / "files/0.h5").touch()
    h5s3.catalog_build(folder / "files", folder / "out")
    found = manifest(folder / "out")
    assert len(found.parts) == 1 and len(found.retired) >= 4 and not found.parts[0].masked
    changed = {name: [row for row in some if "/0.h5'" not in row] for name, some in before.items()}
    now = all_rows(folder / "out")
    assert {name: [row for row in some if "/0.h5'" not in row] for name, some in now.items()} == changed
    assert len(now["files"]) == 5
    monkeypatch.setattr(place, "LINGERS", place.timedelta(0))
    (folder / "files/1.h5").touch()
    h5s3.catalog_build(folder / "files", folder / "out")
    left = {name.partition(".")[0] for name in os.listdir(folder / "out/parts")}
    assert left == {part.name for part in manifest(folder / "out").parts}


def test_a_catalog_keeps_to_its_locations(folder: Path) -> None:
    h5s3.catalog_build(folder / "files", folder / "out")
    with pytest.raises(UsageError, match="is also of"):
        h5s3.catalog_build(folder / "files/0.h5", folder / "out")
    (folder / "more").mkdir()
    (folder / "more/x.h5").write_bytes(scan(3))
    both = h5s3.catalog_build([folder / "files", folder / "more", folder / "files/0.h5"], folder / "out")
    assert (both.files, both.added, both.unchanged) == (6, 1, 5)
    with pytest.raises(NotFoundError, match="no files"):
        (folder / "none").mkdir()
        h5s3.catalog_build(folder / "none", folder / "other")


def test_two_builds_do_not_write_over_each_other(folder: Path) -> None:
    h5s3.catalog_build(folder / "files", folder / "out")
    with Session(Settings()) as session:
        writing = place.Writing(session, session.location(folder / "out"))
        (folder / "files/0.h5").touch()
        h5s3.catalog_build(folder / "files", folder / "out")
        with pytest.raises(H5s3Error, match="another build"):
            writing.commit([])
    assert len(rows(folder / "out", "files")) == 5


@pytest.fixture(scope="module")
def scans(rclone: S3Server) -> Iterator[S3Server]:
    for number in range(COUNT):
        rclone.put(BUCKET, f"scans/{number:03d}.h5", scan(number))
    rclone.put(BUCKET, "scans/readme.txt", b"text")
    yield rclone


def test_in_s3(scans: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Proxy(scans) as proxy:
        reach(scans, monkeypatch, proxy.url)
        out = f"s3://{BUCKET}/out/catalog"
        built = h5s3.catalog_build(f"s3://{BUCKET}/scans/", tmp_path / "here")
        assert (built.files, built.added, built.other) == (COUNT, COUNT, 1)
        assert proxy.count() == COUNT + 1
        proxy.reset()
        again = h5s3.catalog_build(f"s3://{BUCKET}/scans/", tmp_path / "here", refresh=True)
        assert again.unchanged == COUNT and proxy.count() == 1  # the LIST alone
        proxy.reset()
        warm = h5s3.catalog_build(f"s3://{BUCKET}/scans/", out, refresh=True)
        assert warm.cached == COUNT  # from the cache, into another catalog
        assert proxy.count("PUT") == 5  # four tables and the manifest
        scans.put(BUCKET, "scans/000.h5", scan(40))
        renewed = h5s3.catalog_build(f"s3://{BUCKET}/scans/", out, refresh=True)
        assert (renewed.changed, renewed.unchanged) == (1, COUNT - 1)
        scans.put(BUCKET, "scans/000.h5", scan(0))


def written(out: Path) -> set[str]:
    """Tables that are there, whether they count or not."""
    return set(os.listdir(out / "parts")) if (out / "parts").exists() else set()


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    files, out = tmp_path / "files", tmp_path / "out"
    files.mkdir()
    for number in range(200):
        (files / f"{number:04d}.h5").write_bytes(scan(number % 7))
    h5s3.catalog_build(files, tmp_path / "whole")
    expected = all_rows(tmp_path / "whole")
    words = command("catalog", "build", files, "-o", out)
    program = (
        "import sys; from h5s3.explore.catalog import build, compact;"
        "build.MOST_FILES = 10; compact.MANY = 4;"
        f"sys.argv = {words[2:]!r}; from h5s3.cli import main; main()"
    )
    chance, killed, counts = random.Random(0), 0, []
    while killed < 10:
        with subprocess.Popen(
            [words[0], "-c", program], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:  # fmt: skip
            before = written(out)
            while process.poll() is None and written(out) == before:
                time.sleep(0.005)
            time.sleep(chance.random() * 0.3)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        killed += 1
        if (out / "manifest.json").exists():
            json.loads((out / "manifest.json").read_bytes())
            names = [row["file"] for row in rows(out, "files")]
            assert len(names) == len(set(names))
            counts.append(len(names))
            if len(names) == 200:  # from the beginning
                for name in files.iterdir():
                    name.touch()
    assert sum(0 < count < 200 for count in counts) > 1
    h5s3.catalog_build(files, out)
    h5s3.catalog_build(files, tmp_path / "fresh")
    assert all_rows(out) == all_rows(tmp_path / "fresh")
    assert {name: len(some) for name, some in expected.items()} == {
        n: len(s) for n, s in all_rows(out).items()
    }


@pytest.mark.slow
def test_the_rows_are_the_same_where_cells_are_killed(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for body in range(7):
        data = scan(body)
        for number in range(body, 1000, 7):
            (files / f"{number:04d}.h5").write_bytes(data)
    (files / "bad.h5").write_bytes(scan(9)[:-300])
    h5s3.catalog_build(files, tmp_path / "whole")
    expected = all_rows(tmp_path / "whole")
    chance, killed, builds = random.Random(0), 0, 0
    while killed < 20:
        out = tmp_path / f"out{builds}"
        builds += 1
        with started("catalog", "build", files, "-o", out) as process:
            while process.poll() is None and killed < 20:
                time.sleep(chance.random())
                killed += kill_one(chance, process.pid, "h5s3.cell.inside", early=0.25)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert all_rows(out) == expected
