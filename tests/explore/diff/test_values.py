"""Values: what differs of any type, shape and layout is what NumPy says, of what is stored alike or not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.cell.host import Cell
from h5s3.explore.diff import boxes, data
from h5s3.explore.diff.diff import DiffRequest, diff
from h5s3.explore.session import Session
from h5s3.records import Changed, Diff
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support import examples

PLAIN = ["u1", "<i2", ">i4", "<i8", ">u8", "<f2", ">f4", "<f8", "<c8", "S3", "?", "<f16"]
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"chunks": True},
    {"chunks": True, "compression": "gzip", "shuffle": True},
    {"chunks": True, "fletcher32": True},
]


def compared(a: Path, b: Path, cell: bool = False, max_bytes: int | None = None, **more: Any) -> Diff:
    with Session(Settings(no_cache=True, max_bytes=max_bytes), cell=Cell() if cell else None) as session:
        places = (Location("local", str(a)), Location("local", str(b)))
        return diff(session, *places, DiffRequest(data=True, **more))


def write(path: Path, values: Any, **options: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, **options)


def only(found: Diff, field: str = "data") -> Changed:
    """The one change of values."""
    assert not found.not_compared
    (change,) = [one for one in found.changed if one.field == field]
    return change


@settings(max_examples=examples(100))
@given(st.data())
def test_what_numpy_says(tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("values")
    dtype = np.dtype(draw.draw(st.sampled_from(PLAIN)))
    shape = tuple(draw.draw(st.lists(st.integers(1, 9), min_size=0, max_size=3)))
    rng = np.random.default_rng(draw.draw(st.integers(0, 1000)))
    old = rng.integers(0, 100, shape).astype(dtype)
    new = old.copy()
    for _ in range(draw.draw(st.integers(0, 3))):
        at = tuple(int(rng.integers(0, size)) for size in shape)
        special = [np.nan] if dtype.kind in "fc" else []
        new[at] = draw.draw(st.sampled_from([1, 101, *special]))
    layouts = [draw.draw(st.sampled_from(LAYOUTS)) if shape else {} for _ in range(2)]
    for name, values, layout in zip("ab", (old, new), layouts, strict=True):
        write(folder / name, values, **layout)
    found = compared(folder / "a", folder / "b")
    same = old == new
    if dtype.kind in "fc":
        same |= np.isnan(old) & np.isnan(new)
    differ = np.argwhere(~same)
    assert found.num_values == old.size
    assert [one.field for one in found.changed].count("data") == bool(len(differ))
    if len(differ):
        change = only(found)
        assert change.num_different == len(differ) and change.num_compared == old.size
        assert change.first == differ[0].tolist()
        assert (change.first or shape == ()) and change.path == "/data"
        if dtype.kind in "iuf" and np.isfinite(new).all():
            distances = np.abs(old.astype("f8") - new.astype("f8"))
            assert change.max_difference == distances.max()
    shutil.rmtree(folder)


def pair(tmp_path: Path, make: Callable[[h5py.File, int], object]) -> tuple[Path, Path]:
    """Two files: what is made is told which it is."""
    for number, name in enumerate("ab"):
        with h5py.File(tmp_path / name, "w") as file:
            make(file, number)
    return tmp_path / "a", tmp_path / "b"


def test_tolerances(tmp_path: Path) -> None:
    a = np.array([1.0, 10.0, np.nan, np.inf, 100.0])
    b = np.array([1.05, 10.05, np.nan, np.inf, 101.0])
    both = pair(tmp_path, lambda file, number: file.create_dataset("data", data=(a, b)[number]))
    assert only(compared(*both)).num_different == 3
    assert only(compared(*both, atol=0.06)).num_different == 1
    assert only(compared(*both, rtol=0.01)).num_different == 1
    found = compared(*both, rtol=0.01, atol=0.05)
    assert found.identical and found.num_values == 5


def test_what_is_not_finite_is_counted_apart(tmp_path: Path) -> None:
    a = np.array([1.0, 2.0, 3.0, np.nan, np.inf])
    b = np.array([1.5, np.nan, np.inf, np.nan, -np.inf])
    both = pair(tmp_path, lambda file, number: file.create_dataset("data", data=(a, b)[number]))
    found = only(compared(*both))
    assert (found.num_different, found.num_not_finite, found.max_difference) == (4, 3, 0.5)
    a, b = a[1:], b[1:]
    found = only(
        compared(*pair(tmp_path, lambda file, number: file.create_dataset("data", data=(a, b)[number])))
    )
    assert (found.num_different, found.num_not_finite, found.max_difference) == (3, 3, None)


def test_numbers_of_different_types(tmp_path: Path) -> None:
    """Exactly: integers that a float of 64 bits does not hold are told apart."""
    large = 2**53
    cases: list[tuple[Any, Any, list[int]]] = [
        (np.array([1, -1, 2**62], "<i8"), np.array([1, 2**64 - 1, 2**62], "<u8"), [1]),
        (np.array([large, large + 1], "<i8"), np.array([large, large], "<f8"), [1]),
        (np.array([1.5, 2], "<f4"), np.array([1.5, 2 + 1j], "<c16"), [1]),
        (np.array([0.1, 0.5], "<f4"), np.array([0.1, 0.5], ">f8"), [0]),
        (np.array([True, False]), np.array([1, 2], "i1"), [1]),
        (np.array([b"a", b"bc"]), np.array(["a", "bd"], object), [1]),
        (np.array([b"a"], "S1"), np.array([b"a"], "S7"), []),
    ]
    kinds = [h5py.string_dtype() if new.dtype.kind == "O" else new.dtype for _, new, _ in cases]

    def make(file: h5py.File, number: int) -> None:
        for at, (old, new, _) in enumerate(cases):
            file.create_dataset(str(at), data=(old, new)[number], dtype=(old.dtype, kinds[at])[number])

    found = compared(*pair(tmp_path, make))
    assert not found.not_compared
    first = {one.path: one.first for one in found.changed if one.field == "data"}
    assert first == {f"/{at}": where for at, (*_, where) in enumerate(cases) if where}


def test_fields_strings_sequences_enums_references(tmp_path: Path) -> None:
    kind = np.dtype([("x", "<f4"), ("name", h5py.string_dtype()), ("in", [("k", "<i8", (2,))])])

    def make(file: h5py.File, number: int) -> None:
        file["before" if number else "zz"] = 1  # moves what follows
        rows = np.zeros(5, dtype=kind)
        rows["name"] = ["a", "b", "c", "d", "e" * (number + 1)]
        rows["in"]["k"][3, 1] = 9 * number
        file["rows"] = rows
        file["words"] = ["same", "größe" if number else "", "same"]
        file["same"] = np.arange(3)
        file["points"] = np.array(
            [file["same"].ref, file["words" if number else "rows"].ref], dtype=h5py.ref_dtype
        )
        file.create_dataset("lists", (2,), h5py.vlen_dtype("<f8"))[0] = [1.5, np.nan, number]
        colour = h5py.enum_dtype({"RED": 0, "BLUE": 1}, basetype="u1")
        file.create_dataset("colour", data=[0, number], dtype=colour)

    found = compared(*pair(tmp_path, make))
    told = {(one.path, one.column): (one.first, one.a, one.b, one.num_different) for one in found.changed}
    from h5s3.records import UNSET

    assert told == {
        ("/rows", "name"): ([4], "e", "ee", 1),
        ("/rows", "in.k"): ([3], 0, 9, 1),
        ("/words", UNSET): ([1], "", "größe", 1),
        ("/points", UNSET): ([1], "/rows", "/words", 1),
        ("/lists", UNSET): ([0], [1.5, "NaN", 0.0], [1.5, "NaN", 1.0], 1),
        ("/colour", UNSET): ([1], 0, 1, 1),
    }


def test_stored_bytes_that_are_equal_need_no_filter(tmp_path: Path) -> None:
    """Pieces are compared as they are stored: nobody needs to know how these were made."""

    def make(file: h5py.File, number: int) -> None:
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_chunk((4,))
        dcpl.set_filter(499, h5py.h5z.FLAG_OPTIONAL, (1,))
        made = h5py.h5d.create(file.id, b"data", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((12,)), dcpl)
        for chunk in range(3):
            changed = bool(number) and chunk == 2 and "other" in file.filename
            made.write_direct_chunk((chunk * 4,), bytes([chunk + changed]) * 9)

    (tmp_path / "other").mkdir()
    assert compared(*pair(tmp_path, make)).identical
    found = compared(*pair(tmp_path / "other", make))
    assert not found.identical and not found.changed
    assert "no plugin here decodes the filter with id 499" in found.not_compared[0].reason


def test_chunks_never_written_are_not_read(tmp_path: Path) -> None:
    def make(file: h5py.File, number: int) -> None:
        huge = file.create_dataset("huge", (10**7, 10**6), "<f8", chunks=(100, 100), fillvalue=2)
        huge[500, 500] = 3
        if number:
            huge[10**6, 5] = 4
        file.create_dataset("empty", (10**6, 10**6), "<f8", chunks=(100, 100 + number))
        file.create_dataset("fill", (9, 9), "<i4", chunks=(3, 3), fillvalue=number)[0, 0] = 5

    found = compared(*pair(tmp_path, make))
    by_path = {one.path: one for one in found.changed if one.field == "data"}
    assert by_path["/huge"].first == [10**6, 5] and by_path["/huge"].num_different == 1
    assert by_path["/fill"].num_different == 80 and by_path["/fill"].first == [0, 1]


def test_no_more_than_was_allowed(tmp_path: Path) -> None:
    def make(file: h5py.File, number: int) -> None:
        for name in ("a", "b"):
            file.create_dataset(name, data=np.arange(1000) + number, chunks=(100,))

    both = pair(tmp_path, make)
    found = compared(*both, max_bytes=20_000)
    assert [one.path for one in found.changed] == ["/a"]
    (left,) = found.not_compared
    assert left.path == "/b" and left.reason == "values: --max-bytes was reached: it takes 16.0 kB"


def test_many_boxes_and_two_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    old = rng.normal(size=(100, 70))
    new = old.copy()
    new[rng.integers(0, 100, 50), rng.integers(0, 70, 50)] += 1
    for name, value in {
        "BOX": 4096,
        "BATCH": 8192,
        "LARGEST_WHOLE": 4096,
        "TOGETHER": 2,
    }.items():
        monkeypatch.setattr(data if name == "TOGETHER" else boxes, name, value)

    def make(file: h5py.File, number: int) -> None:
        for at, chunks in enumerate([(10, 7), (100, 70), None, (7, 10)]):
            file.create_dataset(
                f"d{at}", data=(old, new)[number], chunks=chunks, compression=chunks and "gzip"
            )
        other = {"chunks": (13, 17)} if number else {}
        file.create_dataset("other", data=(old, new)[number], **other)

    differ = np.argwhere(old != new)
    for cell in (False, True):
        found = compared(*pair(tmp_path, make), cell=cell)
        told = {one.path: (one.num_different, one.first) for one in found.changed if one.field == "data"}
        expected = (len(differ), differ[0].tolist())
        assert told == dict.fromkeys(["/d0", "/d1", "/d2", "/d3", "/other"], expected)
        assert found.num_values == 5 * old.size


def test_damaged_chunks_are_named(tmp_path: Path) -> None:
    def make(file: h5py.File, number: int) -> None:
        for name in ("bad", "good"):
            file.create_dataset(name, data=np.arange(100) + number, chunks=(50,), compression="gzip")
        if number:
            file["bad"].id.write_direct_chunk((50,), b"no zlib stream")

    found = compared(*pair(tmp_path, make))
    assert [(one.path, one.num_different) for one in found.changed] == [("/bad", 50), ("/good", 100)]
    assert found.num_values == 150
    (left,) = found.not_compared
    assert left.path == "/bad" and left.reason.startswith("values: ")
