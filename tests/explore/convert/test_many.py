"""`h5s3 convert` of several files, and stores held against the files that they were made of."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

from h5s3.errors import DamagedError
from h5s3.explore.convert.verify import verify
from h5s3.explore.session import Session
from h5s3.export.zarr.questions import Planning
from h5s3.settings import Settings
from tests.support.cli import run

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.h5", "deep/b.nc")):
        with h5py.File(tmp_path / "in" / name, "w") as h5:
            h5.create_dataset("data", data=np.arange(100) + number, chunks=(10,), compression="gzip")
            h5["names"] = ["x", "ü"]
    (tmp_path / "in" / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\nand nothing more")
    (tmp_path / "in" / "notes.txt").write_text("no file of HDF5")
    return tmp_path


def test_a_folder_becomes_a_folder_of_stores(folder: Path) -> None:
    shown = run("convert", f"{folder}/in/", "-o", folder / "out", "--verify")
    assert shown.code == 6 and "1 of 3 files could not be converted" in shown.err
    assert shown.out.count("102 values verified") == 2 and f"{folder}/out: 2 stores written" in shown.out
    assert zarr.open(folder / "out" / "deep" / "b.nc.zarr", mode="r")["data"][0] == 1
    assert not (folder / "out" / "bad.h5.zarr").exists()


def test_a_glob_and_what_was_there_before(folder: Path) -> None:
    pattern = f"{folder}/in/**/[ab].*"
    document = run("convert", pattern, "-o", folder / "out", "--json").json
    assert document["schema"] == "h5s3/convert-many/1" and len(document["stores"]) == 2
    assert not document["failures"] and not document["kept"]
    again = run("convert", pattern, "-o", folder / "out", "--resume", "--json").json
    assert not again["stores"] and len(again["kept"]) == 2
    assert "no file is meant" in run("convert", f"{folder}/in/*.nothing", "-o", folder / "out").failed(3)


def test_another_value_is_found(folder: Path) -> None:
    out = folder / "a.zarr"
    assert run("convert", folder / "in" / "a.h5", "-o", out, "--recompress", "none").code == 0
    spoiled = out / "data" / "c" / "4"
    spoiled.write_bytes(bytes([spoiled.read_bytes()[0] ^ 1]) + spoiled.read_bytes()[1:])
    with Session(Settings(no_cache=True)) as session:
        source, store = (session.location(str(place)) for place in (folder / "in" / "a.h5", out))
        plan = session.read(source, Planning("/"))
        with pytest.raises(DamagedError, match=r"data\[0:100\] has other values than the file"):
            verify(session, source, store, plan, 3, lambda *_: None)
