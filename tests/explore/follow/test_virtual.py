"""Virtual datasets over objects beside the file: read in a cell, counted, named where they are missing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.errors import RefusedError
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.formats.selection import parse_selection, whole
from h5s3.records import UNSET, DatasetNode
from h5s3.settings import Settings
from tests.support.cli import run
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

BUCKET = "virtual"


def detector(folder: Path) -> Path:
    """Images in three files, the second of which is missing, and a dataset over all of them."""
    layout = h5py.VirtualLayout((12, 6, 8), "u4")
    for number in range(3):
        name = f"scan_data_{number}.h5"
        layout[4 * number : 4 * number + 4] = h5py.VirtualSource(name, "/entry/data", (4, 6, 8))
        if number == 1:
            continue
        with h5py.File(folder / name, "w") as new:
            images = np.arange(4 * 6 * 8, dtype="u4").reshape(4, 6, 8) + 1000 * number
            new.create_dataset("entry/data", data=images, chunks=(1, 6, 8), compression=4)
    path = folder / "scan_master.h5"
    with h5py.File(path, "w") as new:
        group = new.create_group("entry")
        group.attrs["NX_class"], group.attrs["signal"] = "NXdata", "data"
        group.create_virtual_dataset("data", layout, fillvalue=7)
        space = h5py.h5s.create_simple((0, 6, 8), (h5py.h5s.UNLIMITED, 6, 8))
        space.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (4, 6, 8), (4, 6, 8))
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_virtual(space, b"scan_data_%b.h5", b"/entry/data", h5py.h5s.create_simple((4, 6, 8)))
        h5py.h5d.create(group.id, b"pattern", h5py.h5t.NATIVE_UINT32, space, dcpl)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("virtual")
    detector(made)
    return made


@pytest.fixture
def there(server: S3Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for path in folder.iterdir():
        server.put_file(BUCKET, f"run/{path.name}", path)
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/run/scan_master.h5"


def test_values_are_those_of_h5py_in_the_folder(there: str, folder: Path) -> None:
    with h5py.File(folder / "scan_master.h5") as h5:
        images, pattern = h5["entry/data"][...], h5["entry/pattern"][...]
    assert (images[4:8] == 7).all() and pattern.shape == (4, 6, 8)
    assert (h5s3.get(there, "/entry/data", follow=True) == images).all()
    assert (h5s3.get(there, "/entry/data", selection="::3,2,:", follow=True) == images[::3, 2]).all()
    assert (h5s3.get(there, "/entry/pattern", follow=True) == pattern).all()
    shown = h5s3.preview(there, "/entry", follow=True)
    assert shown.stats is not None and shown.stats.max == images.max() and shown.stats.coverage == 1
    assert shown.notes == [
        "1 source is missing, whose values are the fill value: scan_data_1.h5 (no such object)"
    ]
    with pytest.raises(RefusedError, match="--follow"):
        h5s3.get(there, "/entry/data")


def test_descriptions(there: str) -> None:
    node = {child.name: child for child in h5s3.tree(there, "/entry", follow=True).children}["pattern"]
    assert isinstance(node, DatasetNode) and node.shape == [4, 6, 8]
    meta = h5s3.meta(there, "/entry/data", follow=True)
    assert meta.virtual_sources is not UNSET
    assert [one.error for one in meta.virtual_sources] == [UNSET, "no such object", UNSET]
    assert h5s3.meta(there, "/entry/pattern", follow=True).shape == [4, 6, 8]
    plain = h5s3.meta(there, "/entry/data")
    assert [one.to_dict().keys() for one in plain.virtual_sources] == [{"file", "path", "same_file"}] * 3


def test_sources_are_not_looked_for_in_the_file_itself(there: str) -> None:
    """To libhdf5 every other file is this one, which has each block of the pattern: it found no end."""
    nodes = {child.name: child for child in h5s3.tree(there, "/entry", timeout=30).children}
    pattern = nodes["pattern"]
    assert isinstance(pattern, DatasetNode) and pattern.shape == [0, 6, 8]


def test_the_command_line(there: str, server: S3Server, tmp_path: Path) -> None:
    out = tmp_path / "x.h5"
    told = run("get", there, "/entry/data", "--follow", "-o", out, on=server)
    assert told.code == 0 and "1 source is missing" in told.out
    with h5py.File(out) as h5:
        (images,) = h5["entry"].values() if "entry" in h5 else h5.values()
        assert (images[0, 0, 0], images[4, 0, 0], images[11, 5, 7]) == (0, 7, 2191)
    stream = run("get", there, "/entry/data", "--follow", "--slice", "4,0,:2", "-o", "-", on=server)
    assert stream.out.split() == ["data", "7", "7"]
    assert "1 source is missing" in stream.err
    document = run(
        "get", there, "/entry/data", "--follow", "-o", out, "--overwrite", "--json", on=server
    ).json
    assert document["notes"] and "planned_bytes" not in document
    lines = run("meta", there, "/entry/data", "--follow", on=server).lines
    assert any(line.split()[:2] == ["missing", "scan_data_1.h5"] for line in lines)
    other = ("-o", tmp_path / "other.npy")
    assert "--follow" in run("get", there, "/entry/data", *other, on=server).failed(8)


def test_no_more_is_fetched_than_is_allowed(there: str) -> None:
    with Session(Settings(follow=True)) as session:
        assert session.read(session.location(there), partial(_within, most=1000)) == 48
        with pytest.raises(RefusedError, match="larger than the limit"):
            session.read(session.location(there), partial(_within, most=10))


def _within(contents: Contents, most: int) -> int:
    array = contents.values("/entry/data")
    with array.decoding(most, 1):
        return int(array.read(parse_selection("1", array.facts.shape or ())).size)


def test_files_are_looked_for_all_together(there: str, proxy: Proxy) -> None:
    with Session(Settings(endpoint_url=proxy.url, follow=True, no_cache=True)) as session:
        found = session.read(session.location(there), _all)
        assert found == 192 * 2 + 192
        assert session.trace.rounds <= 8 and session.trace.total <= 14


def _all(contents: Contents) -> int:
    array = contents.values("/entry/data")
    return int(array.read(whole(array.facts.shape or ())).size)
