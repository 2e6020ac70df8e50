"""A store of another package: one file and an entry point add it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from h5s3.storage.location import parse_location
from tests.support.cli import file, run, spawn

STORE = '''
"""Files of one folder, under toy://."""

import os
from pathlib import Path

from h5s3.errors import NotFoundError
from h5s3.records import Entry
from h5s3.storage.base import ObjectInfo


class ToyStore:
    endpoint = "toy"

    def __init__(self, location, settings, trace):
        self._root = Path(os.environ["TOY_ROOT"])
        self._trace = trace

    def head(self, location):
        self._trace.request("HEAD")
        path = self._path(location)
        if not path.is_file():
            raise NotFoundError("no such toy", location=location.display)
        return ObjectInfo(location, self.endpoint, path.stat().st_size, etag=str(path.stat().st_mtime_ns))

    def first(self, location, length):
        info = self.head(location)
        return info, self._path(location).read_bytes()[:length]

    def get_ranges(self, obj, ranges, on_arrival=None):
        data, todo, done = self._path(obj.location).read_bytes(), list(ranges), {}
        while todo:
            start, stop = todo.pop()
            done[start, stop] = data[start:stop]
            todo += on_arrival((start, stop), data[start:stop]) if on_arrival else []
        return done

    def list(self, location, *, recursive=False, versions=False):
        for path in sorted(self._path(location).iterdir()):
            yield Entry(key=path.name, type="object", size=path.stat().st_size)

    def close(self):
        pass

    def _path(self, location):
        return self._root / location.key.partition("://")[2]
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a store, as pip would install it, and a file that the store can read."""
    installed, root = tmp_path / "site", tmp_path / "root"
    (installed / "toys-1.0.dist-info").mkdir(parents=True)
    (installed / "toys-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n"
    )
    points = "[h5s3.stores]\ntoy = toys:ToyStore\nlost = toys:Nothing\ns3 = toys:ToyStore\n"
    points += "memory = toys:ToyStore\n"
    (installed / "toys-1.0.dist-info" / "entry_points.txt").write_text(points)
    (installed / "toys.py").write_text(STORE)
    root.mkdir()
    (root / "nexus.h5").write_bytes(file("nexus").read_bytes())
    monkeypatch.setenv("TOY_ROOT", str(root))
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.delitem(sys.modules, "toys", raising=False)
    return installed


def test_commands_read_from_it(package: Path) -> None:
    assert [entry["key"] for entry in run("ls", "toy://", "--json").json["entries"]] == ["nexus.h5"]
    found = run("tree", "toy://nexus.h5", "--json").json
    assert found["key"] == "toy://nexus.h5" and found["children"][0]["name"] == "entry"
    assert "entry" in run("tree", "toy://nexus.h5").out
    assert "the store of another package reads this" in run("doctor", "toy://nexus.h5").out
    assert run("tree", "toy://missing.h5").failed(3) == "toy://missing.h5: no such toy"
    assert run("bench", "toy://nexus.h5").failed(2).startswith("toy://nexus.h5: bench measures a storage")


def test_it_is_found_where_it_is_installed(package: Path) -> None:
    path = f"{package}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    assert "nexus.h5" in spawn("ls", "toy://", PYTHONPATH=path).out


def test_it_comes_before_fsspec_and_after_what_is_built_in(package: Path) -> None:
    kinds = {text: parse_location(f"{text}://x/y").kind for text in ("toy", "TOY", "memory", "s3", "https")}
    assert kinds == {"toy": "foreign", "TOY": "foreign", "memory": "foreign", "s3": "s3", "https": "web"}


def test_a_store_that_cannot_be_loaded(package: Path) -> None:
    line = run("ls", "lost://x").failed(1)
    assert line == "lost://x: the store of toys:Nothing cannot be loaded (AttributeError)"


def test_packages_are_looked_up_for_unknown_schemes_alone() -> None:
    program = """if True:
        import sys
        from h5s3.storage.location import parse_location
        for text in ("s3://bucket/key", "https://host/x", "file:///x", "/x", "x.h5"):
            parse_location(text)
        sys.exit("importlib.metadata" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
