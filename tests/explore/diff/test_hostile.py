"""Files that were made to do harm, and what a cell sends that reads such a one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import DamagedError, RefusedError
from h5s3.explore.diff.diff import DiffRequest, diff
from h5s3.explore.diff.readers import Report
from h5s3.explore.diff.reading import report
from h5s3.explore.diff.values import columns_told, values_of
from h5s3.explore.session import Session
from h5s3.formats.hdf5 import outline
from h5s3.records import Diff
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.cli import on_terminal_here, run, without_colour

PLACE = Location("local", "file.h5")


def compared(a: Path, b: Path, **more: Any) -> Diff:
    with Session(Settings(no_cache=True)) as session:
        return diff(session, Location("local", str(a)), Location("local", str(b)), DiffRequest(**more))


def write(path: Path, count: int, changed: int | None = None) -> None:
    """A file of many attributes and of long names."""
    with h5py.File(path, "w", libver="latest") as file:
        one = h5py.h5s.create(h5py.h5s.SCALAR)
        for number in range(count):
            made = h5py.h5a.create(file.id, b"a%06d" % number, h5py.h5t.STD_I32LE, one)
            made.write(np.array(-1 if number == changed else number, dtype="i4"))
        name = "\x1b]0;owned\x07\u202e" + "x" * 50_000
        file[name] = 5 if changed is None else 5.5
        file[name].attrs["y" * 50_000] = changed or 0


@pytest.mark.parametrize("count", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_many_attributes_and_long_names(count: int, tmp_path: Path) -> None:
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    write(a, count)
    write(b, count, changed=count // 2)
    found = compared(a, b)
    assert found.num_attributes == count + 1
    (attribute,) = [one for one in found.changed if one.path == "/" and one.field == "value"]
    assert (attribute.attribute, attribute.a, attribute.b) == (f"a{count // 2:06d}", count // 2, -1)
    assert {one.field for one in found.changed if one.path != "/"} == {"dtype", "value"}


def test_no_text_commands_the_terminal(tmp_path: Path) -> None:
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    write(a, 3)
    write(b, 3, changed=1)
    for out in (run("diff", a, b).out, run("diff", a, b, "--json").out):
        assert "\x1b" not in out and "\u202e" not in out and "\x07" not in out
    code, sent = on_terminal_here("diff", a, b, columns=80)
    assert code == 9 and "\x1b" not in without_colour(sent) and "\u202e" not in sent


def test_more_than_can_be_held_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "MOST", 100_000)
    a = tmp_path / "a.h5"
    write(a, 3000)
    with pytest.raises(RefusedError, match="more objects than can be held"):
        compared(a, a)


def told(**changed: Any) -> Any:
    return [{"name": "", "type": "<i4", "inner": [], "reference": False, **changed}]


@pytest.mark.parametrize(
    "wrong",
    [
        told(type="O"),
        told(type="<V0"),
        told(type="nonsense"),
        told(inner=[-1]),
        told(inner=[1 << 40]),
        told(inner="x"),
        [5],
        7,
        [{}],
    ],
)
def test_columns_that_make_no_sense(wrong: Any) -> None:
    with pytest.raises(DamagedError, match="makes no sense"):
        columns_told(Report(report(None), PLACE), wrong)


def test_reports_that_make_no_sense() -> None:
    (numbers,) = columns_told(Report(report(None), PLACE), told())
    (texts,) = columns_told(Report(report(None), PLACE), told(type=None))
    for data in (b"", b"\xff\xff\xff\xff{}", b"\x02\0\0\0{]"):
        with pytest.raises(DamagedError):
            Report(data, PLACE)
    for column, blob, size in [
        (numbers, bytes(8), 12),
        (numbers, bytes(8), 7),
        (numbers, bytes(8), -1),
        (texts, b"[1]", 3),
        (texts, b"{}", 2),
        (texts, b"[[[[", 4),
        (texts, b"[" * 100_000, 100_000),
    ]:
        with pytest.raises(DamagedError):
            values_of(Report(report(None, blob), PLACE), column, 2, size, str)
    good = json.dumps(["a", "b"]).encode()
    assert values_of(Report(report(None, good), PLACE), texts, 2, len(good), str).tolist() == [["a"], ["b"]]
