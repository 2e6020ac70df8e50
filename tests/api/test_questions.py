"""The questions from Python: plain signatures, places of all kinds, values as arrays."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.api import FollowingArgs, SettingsArgs
from h5s3.errors import RefusedError, UsageError
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

NAMES = [name for name in h5s3.__all__ if name != "Location"]
named = pytest.mark.parametrize("function", [getattr(h5s3, name) for name in NAMES], ids=NAMES)


@named
def test_help_names_every_setting_with_its_default(function: Callable[..., Any]) -> None:
    shown = inspect.signature(function).parameters
    assert set(SettingsArgs.__annotations__) < set(shown)
    assert shown["timeout"].annotation == "float | None" and shown["anon"].default is False
    assert not [one for one in shown.values() if one.kind is one.VAR_KEYWORD]
    assert function.__doc__


@named
def test_a_name_that_is_none_is_refused_before_anything_is_opened(function: Callable[..., Any]) -> None:
    with pytest.raises(
        TypeError, match=rf"^{function.__name__}\(\) got an unexpected keyword argument 'regoin'$"
    ):
        function("s3://bucket/x.h5", regoin="eu")


def test_the_settings_are_those_of_the_command_line() -> None:
    own = {one.name: one.type for one in fields(Settings)}
    del own["deadline"]
    assert own == {name: kind.__forward_arg__ for name, kind in FollowingArgs.__annotations__.items()}
    assert set(FollowingArgs.__annotations__) - set(SettingsArgs.__annotations__) == {
        "follow",
        "follow_external",
        "follow_prefix",
        "version",
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as made:
        made["x"] = np.arange(12.0).reshape(3, 4)
        made["scaled"] = np.arange(3, dtype="i2")
        made["scaled"].attrs["scale_factor"] = 0.5
        made["empty"] = np.zeros((0, 3), ">f4")
        made["texts"] = ["a", "b"]
        made["long"] = np.zeros(2, [("ä" * 20, "i2"), ("b", ">u8")])
    return path


def test_values_come_as_arrays(file: Path) -> None:
    found = h5s3.get(file, "x")
    assert found.flags.writeable and found.dtype == "f8"
    assert np.array_equal(found, np.arange(12.0).reshape(3, 4))
    assert h5s3.get(file, "/x", selection="1,:2").tolist() == [4.0, 5.0]
    assert h5s3.get(file, "scaled", decode=True).tolist() == [0.0, 0.5, 1.0]
    empty = h5s3.get(file, "empty")
    assert empty.shape == (0, 3) and empty.dtype == ">f4"
    assert h5s3.get(file, "long").dtype == [("ä" * 20, "i2"), ("b", ">u8")]
    assert h5s3.get(file, "x", selection="1,2").shape == ()
    with pytest.raises(UsageError, match="give output"):
        h5s3.get(file, "x", format="csv")  # type: ignore[call-overload]


def test_strings_of_variable_length_come_as_str(files: dict[str, Path], tmp_path: Path) -> None:
    path = files["variable_strings"]
    with h5py.File(path) as opened:
        for name, dataset in opened.items():
            found, wanted = h5s3.get(path, name), dataset.asstr()[...]
            assert found.dtype == object and found.shape == wanted.shape, name
            assert np.array_equal(found, wanted) and {type(one) for one in found.flat} <= {str}, name
        assert h5s3.get(path, "grid", selection="1,:").tolist() == opened["grid"].asstr()[1].tolist()
    with h5py.File(tmp_path / "y.h5", "w") as made:
        made["raw"] = np.array([b"ok", b"\xff"], dtype=h5py.string_dtype())
        made["chunked"] = np.array(["ä" * 50] * 300, dtype=object).reshape(100, 3)
        made["compound"] = np.array([("x", 1)], dtype=[("s", h5py.string_dtype()), ("n", "i4")])
    assert h5s3.get(tmp_path / "y.h5", "chunked", selection="::50").tolist() == [["ä" * 50] * 3] * 2
    with pytest.raises(RefusedError, match="not UTF-8, so it is no str"):
        h5s3.get(tmp_path / "y.h5", "raw")
    with pytest.raises(RefusedError, match="more than the 20000 bytes of max_bytes"):
        h5s3.get(tmp_path / "y.h5", "chunked", max_bytes=20_000)
    with pytest.raises(RefusedError, match="npy cannot hold strings of variable length"):
        h5s3.get(tmp_path / "y.h5", "compound")


def test_values_go_into_a_file(file: Path, tmp_path: Path) -> None:
    found = h5s3.get(file, "x", tmp_path / "x.npy", selection="0")
    assert (found.output, found.size) == (str(tmp_path / "x.npy"), 4)
    assert np.load(tmp_path / "x.npy").tolist() == [0, 1, 2, 3]
    assert h5s3.get(file, "x", str(tmp_path / "x.json")).format == "json"
    assert json.loads((tmp_path / "x.json").read_bytes())["data"][2][3] == 11


def test_places_are_texts_paths_and_locations(
    file: Path, rclone: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    rclone.put("places", "a?b#c.h5", file.read_bytes())
    reach(rclone, monkeypatch)
    monkeypatch.setenv("H5S3_BUCKET", "places")
    s3 = Location("s3", "a?b#c.h5", "places")
    monkeypatch.chdir(file.parent)
    for place in (s3, s3.display, "a?b#c.h5", file, Path("x.h5"), str(file), Location("local", str(file))):
        assert h5s3.tree(place).num_children == 5
        assert h5s3.meta(place, "x").shape == [3, 4]
        assert h5s3.preview(place, "x", vmax=3).plot is not None
        assert h5s3.du(place, sort="name").entries[0].path == "/empty"
        assert h5s3.get(place, "x", selection="0,0") == 0
        assert h5s3.doctor(place).status in ("ok", "warning")
        with h5s3.open(place) as opened:
            assert opened["x"][1, 1] == 5
    assert [entry.key for entry in h5s3.ls().entries] == ["a?b#c.h5"]
    assert [entry.uri for entry in h5s3.ls("s3://places/", uris=True).entries] == ["s3://places/a?b#c.h5"]
    assert h5s3.bench(s3, sizes=[100], count=3, concurrency=(1,)).object_size == file.stat().st_size
