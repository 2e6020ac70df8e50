"""A format of another package: one file and an entry point add it, for objects and for prefixes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from h5s3.errors import DamagedError, NotFoundError
from h5s3.formats.base import Seen
from h5s3.formats.detect import _foreign, detect
from h5s3.formats.lookalikes import unknown_format, unknown_prefix
from h5s3.formats.requests import MetaRequest, TreeRequest, absolute
from tests.support.cli import file, run, spawn
from tests.support.servers.s3 import S3Server

FORMAT = '''
"""Objects that begin with TOY1, and prefixes that hold a file toy.txt: one array of numbers each."""

from contextlib import contextmanager

import numpy as np

from h5s3.errors import NotFoundError, UsageError
from h5s3.formats.base import Array, Facts
from h5s3.records import DatasetNode, DiskUsage, Meta, Tree, TypeInfo


class Numbers(Array):
    def __init__(self, info, values):
        self.path, self.etag, self._values = "/numbers", info.etag, values
        kind, shape = TypeInfo(class_="integer", size=4), values.shape
        self.facts = Facts(shape, shape, kind, "int32", values.size, 4, "contiguous", None, [], [])
        self.dtype = self.readable = values.dtype
        self.attributes = {"units": "K", "scale_factor": 0.5}

    def read(self, selection):
        return self._values[tuple(axis.as_slice for axis in selection)]

    def converter(self, most=0, *, exact=False):
        return Plain()


class Plain:
    nans = infs = cut = 0

    def value(self, value, dtype):
        return value.item()


class Contents:
    def __init__(self, source, data):
        self._info = source.info
        self._values = np.frombuffer(data, dtype="<i4")

    def _head(self, path):
        return {"location": self._info.location.display, "key": self._info.location.shown_key,
                "etag": self._info.etag, "path": path}

    def tree(self, asked):
        node = DatasetNode(name="numbers", path="/numbers", shape=[self._values.size], dtype="int32",
                           size=self._values.size, ndim=1, nbytes=self._values.nbytes, layout="contiguous")
        return Tree(**self._head(asked.path), num_children=1, children=[node])

    def meta(self, asked):
        self.values(asked.path)
        return Meta(**self._head(asked.path), name="numbers", kind="dataset", attributes=[], num_attributes=0)

    def usage(self, asked):
        n = self._values.nbytes
        return DiskUsage(**self._head("/"), size=n, stored=n, logical=n, ratio=1.0, num_datasets=1,
                         entries=[], num_entries=0)

    def values(self, path):
        if path != "/numbers":
            raise NotFoundError(f"no {path} here")
        return Numbers(self._info, self._values)

    shown = values


class Toy:
    name = "toy"

    def knows(self, seen):
        return seen.start.startswith(b"TOY1") or "toy.txt" in seen.names

    @contextmanager
    def open(self, source):
        if source.names:
            yield Contents(source, bytes(range(len(source.names) * 4)))
        else:
            whole = (0, source.info.size)
            yield Contents(source, source.read([whole])[whole][4:])
'''


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an object and a prefix of the format, which is installed as pip would."""
    installed, root = tmp_path / "site", tmp_path / "root"
    (installed / "toys-1.0.dist-info").mkdir(parents=True)
    (installed / "toys-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: toys\nVersion: 1\n"
    )
    (installed / "toys-1.0.dist-info" / "entry_points.txt").write_text("[h5s3.formats]\ntoy = toys:Toy\n")
    (installed / "toys.py").write_text(FORMAT)
    (root / "prefix").mkdir(parents=True)
    (root / "prefix" / "toy.txt").write_text("")
    (root / "prefix" / "other").write_text("")
    (root / "numbers.toy").write_bytes(b"TOY1" + np.arange(100, dtype="<i4").tobytes())
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.delitem(sys.modules, "toys", raising=False)
    _foreign.cache_clear()
    monkeypatch.chdir(root)
    yield installed
    _foreign.cache_clear()


def test_every_question_is_answered(toys: Path, tmp_path: Path) -> None:
    for where, size in (("./numbers.toy", 100), ("./prefix", 2)):
        assert run("tree", where, "--json").json["children"][0]["shape"] == [size]
        assert f"numbers  {size}  int32" in run("tree", where).out
        assert run("meta", where, "numbers", "--json").json["kind"] == "dataset"
        assert run("du", where, "--json").json["stored"] == 4 * size
    found = run("preview", "./numbers.toy", "/numbers", "--json").json
    assert found["stats"] | {"max": 49.5, "mean": 24.75, "sample_size": 100} == found["stats"]
    assert found["units"] == "K" and found["plot"]["data"][:3] == [0, 0.5, 1]
    assert found["table"]["rows"][2] == [1]
    for kind, load in {"npy": np.load, "csv": lambda path: np.loadtxt(path, dtype="i4", skiprows=1)}.items():
        output = tmp_path / f"out.{kind}"
        run("get", "./numbers.toy", "numbers", "--slice", "10:20", "-o", output)
        assert (load(output) == np.arange(10, 20)).all()
    run("get", "./numbers.toy", "/numbers", "-o", tmp_path / "out.h5")
    copied = run("preview", tmp_path / "out.h5", "/numbers", "--json").json
    assert copied["stats"]["max"] == 99
    streamed = run("get", "./numbers.toy", "/numbers", "--slice", ":3", "-o", "-.json").out
    assert json.loads(streamed)["data"] == [0, 1, 2]


def test_a_large_array_is_sampled_in_pieces(toys: Path, tmp_path: Path) -> None:
    """More values than a preview may decode at once."""
    path = tmp_path / "large.toy"
    path.write_bytes(b"TOY1" + np.arange(40 << 20, dtype="<i4").tobytes())
    found = run("preview", path, "/numbers", "--json").json
    assert 0 < found["stats"]["coverage"] < 1 and found["stats"]["sample_size"] > 1000
    assert run("preview", path, "/numbers", "--slice", ":10", "--json").json["stats"]["max"] == 4.5


def test_a_format_that_comes_later_is_found(toys: Path, server: S3Server, tmp_path: Path) -> None:
    """The object was met before, and no format knew it; then the format is installed."""
    server.put_file("toys", "numbers.toy", Path("numbers.toy"))
    where, known = "s3://toys/numbers.toy", (_foreign(), ((), ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("h5s3.formats.detect._foreign", lambda: known[1])
        assert "not an HDF5 file" in run("tree", where, on=server).failed(6)
    assert "numbers  100  int32" in run("tree", where, on=server).out
    assert "numbers  100  int32" in run("tree", where, "--refresh", on=server).out
    assert "run without --offline" in run("meta", where, "numbers", "--offline", on=server).failed(5)


def test_doctor_looks_at_hdf5_alone(toys: Path) -> None:
    found = run("doctor", "./numbers.toy", "--json").json
    assert [(one["name"], one["status"]) for one in found["file"]] == [("file", "unknown")]
    assert "only HDF5 files are examined" in run("doctor", "./numbers.toy").out


def test_a_format_that_cannot_be_loaded_is_named(toys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (toys / "toys-1.0.dist-info" / "entry_points.txt").write_text(
        "[h5s3.formats]\ntoy = toys:Toy\nbad = toys:Absent\n"
    )
    _foreign.cache_clear()
    assert "numbers" in run("tree", "./numbers.toy").out
    Path("plain.txt").write_text("nothing that is known")
    said = run("tree", "./plain.txt").failed(1)
    assert "the format bad of toys:Absent cannot be loaded (AttributeError)" in said


def test_mistakes_end_plainly(toys: Path) -> None:
    assert run("preview", "./numbers.toy", "/absent").failed(3) == "./numbers.toy: no /absent here"
    said = run("tree", "./numbers.toy", "--view", "nexus").failed(2)
    assert said == "./numbers.toy: this format has no view nexus; try: h5s3 tree ./numbers.toy"


def test_it_is_found_where_it_is_installed(toys: Path) -> None:
    path = f"{toys}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    assert "numbers" in spawn("tree", "./numbers.toy", PYTHONPATH=path).out


def test_hdf5_is_asked_first(toys: Path) -> None:
    start = file("nexus").read_bytes()[:1000]
    assert detect(Seen("x", 10**6, start)).name == "hdf5"
    assert detect(Seen("x", 10**6, b"\0" * 512 + start)).name == "hdf5"
    assert detect(Seen("x", 10**6, b"TOY1")).name == "toy"
    assert detect(Seen("x", 10**6, b"nothing")) is None
    assert detect(Seen("x", names=("toy.txt",))).name == "toy"
    assert detect(Seen("x", names=("a", "b"))) is None


def test_a_prefix_that_no_format_knows_is_named() -> None:
    error = unknown_prefix("prefix", "h5s3 ls x/")
    assert str(error) == "a prefix, not a file; try: h5s3 ls x/"
    assert error.exit_code == NotFoundError.exit_code


def test_objects_are_named() -> None:
    assert str(unknown_format(b"SIMPLE")) == "not an HDF5 file but a FITS file; astropy reads it"
    assert str(unknown_format(b"")) == "the object is empty"
    for start in (b"<!doctype html>", b"<HTML>", b"\xef\xbb\xbf\n <html"):
        assert "an HTML page" in str(unknown_format(start))
    assert unknown_format(b"anything").exit_code == DamagedError.exit_code


def test_a_path_is_one_however_it_is_written() -> None:
    assert {absolute(path) for path in ("entry", "/entry", "/entry/", "//entry/.", "./entry")} == {"/entry"}
    assert TreeRequest("entry") == TreeRequest("/entry/") and MetaRequest("").path == "/"
