"""What a preview shows are the values that NumPy has: statistics, table, plot and profile."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5s, h5t
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import h5s3.explore.session
from h5s3.errors import H5s3Error
from h5s3.formats.selection import parse_selection
from h5s3.records import Preview
from tests.support.h5files import make as h5files
from tests.support.reference import h5py_walk
from tests.support.reference.compare_attributes import Case, same
from tests.support.reference.h5py_values import os_bytes
from tests.support.reference.previews import (
    as_numbers,
    check_limits,
    check_places,
    check_stats,
    drawn_of,
    index_of,
    look,
    plane_of,
    rows_of,
    stored,
    stored_array,
)
from tests.support.servers.memory import MemoryStore

INTEGERS = [f"{order}{kind}{size}" for order in "<>" for kind in "iu" for size in (1, 2, 4, 8)]
FLOATS = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<f16"]
OTHERS = ["?", "<c8", ">c8", "<c16", ">c16"]


@pytest.fixture(autouse=True)
def nothing_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a file is fetched with its identity."""
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)


def check(found: Preview, array: np.ndarray, most: int = 256) -> None:
    """All of a preview of numbers that could be read whole, against the array."""
    assert (found.dtype, found.shape, found.ndim) == (str(array.dtype), list(array.shape), array.ndim)
    read = array[index_of(found.selection)]
    check_stats(found, read, array.size)
    check_places(found, array)
    plane = plane_of(array, found)
    drawn = drawn_of(array, found)
    assert found.plot and found.table
    assert found.preview_type == found.plot.type == ("line" if plane.ndim == 1 else "heatmap")
    steps = [part.step or 1 for part in index_of(found.selection) if isinstance(part, slice)]
    axes = [axis for axis in (found.plot.y, found.plot.x) if axis]
    pairs = zip(axes, steps[-len(axes) :], strict=True)
    every = [slice(None, None, axis.step // step) for axis, step in pairs]
    np.testing.assert_array_equal(drawn, plane[tuple(every)])
    assert max(drawn.shape) <= (most if drawn.ndim > 1 else most * most)
    if found.plot.peaks is not True:
        assert found.plot.data == as_numbers(drawn)
    else:
        check_peaks(found.plot.data, as_numbers(drawn), as_numbers(plane))
    check_limits(found)
    assert found.plot.downsampled == (drawn.shape != plane.shape)
    assert found.table.rows == rows_of(plane, array.dtype, plane.ndim)
    assert found.table.rows_truncated == (plane.shape[0] > 10)
    check_profile(found)


def check_peaks(data: Any, drawn: Any, plane: Any) -> None:
    """A line reaches from the lowest to the highest value; a plane shows values that there are."""
    known = [value for value in np.ravel(np.array(plane, dtype=float)) if np.isfinite(value)]
    shown = [value for value in np.ravel(np.array(data, dtype=float)) if np.isfinite(value)]
    assert np.shape(data) == np.shape(drawn) and set(shown) <= set(known)
    if np.ndim(data) == 1 and len(data) > 1 and known:
        assert (min(shown), max(shown)) == (min(known), max(known))


def check_profile(found: Preview) -> None:
    """The mean of each row that is drawn."""
    assert found.plot
    if found.plot.type == "line":
        assert found.profile is None
        return
    for mean, row in zip(found.profile or [], found.plot.data, strict=True):
        finite = [value for value in row if value is not None]
        if not finite:
            assert mean is None
            continue
        rounded = 1e-15 * max(map(abs, finite))  # what 64-bit floats lose of integers that cancel out
        assert mean == pytest.approx(float(np.mean(finite, dtype="g")), rel=1e-9, abs=max(rounded, 1e-300))


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, Any], str, int]:
    """An array, how it is stored, a selection of it, and the size of the plot."""
    dtype = np.dtype(draw(st.sampled_from(INTEGERS + FLOATS[:6] + OTHERS)))
    shape = draw(hnp.array_shapes(max_dims=4, max_side=12))
    array = draw(hnp.arrays(dtype, shape))
    how = draw(st.sampled_from(["contiguous", "chunked", "gzip"]))
    chunks = tuple(draw(st.integers(1, size)) for size in shape)
    options = (
        {} if how == "contiguous" else {"chunks": chunks, "compression": "gzip" if how == "gzip" else None}
    )
    parts = [draw(st.sampled_from([":", "::2", f"{size // 2}:", "0", f"-{size}:"])) for size in shape]
    return array, options, ",".join(parts), draw(st.integers(1, 20))


@given(cases())
@settings(deadline=None, max_examples=60)
def test_numbers_equal_numpy(case: tuple[np.ndarray, dict[str, Any], str, int]) -> None:
    array, options, selection, most = case
    assume(not (array.dtype == "u1" and array.ndim > 2 and array.shape[-1] in (3, 4)))  # a picture
    store = stored_array(array, **options)
    found = look(store, selection=selection, max_size=most)
    axes = parse_selection(selection, array.shape)
    assert [part.start for part in axes] == [
        part.start if isinstance(part, slice) else part for part in index_of(found.selection)
    ]
    if any(axis.keep for axis in axes):
        assert array[index_of(found.selection)].shape == tuple(axis.count for axis in axes if axis.keep)
        check(found, array, most)
    else:
        assert found.preview_type == "scalar" and found.table
        assert found.table.rows == rows_of(array[index_of(found.selection)], array.dtype, 0)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS + OTHERS)
@pytest.mark.parametrize("shape", [(40,), (8, 5), (3, 4, 5)])
def test_special_values_of_each_type(dtype: str, shape: tuple[int, ...]) -> None:
    kind = np.dtype(dtype).kind
    array = np.arange(int(np.prod(shape))).astype(dtype).reshape(shape)
    if kind in "iu":
        limits = np.iinfo(dtype)
        array.reshape(-1)[:2] = limits.min, limits.max
    elif kind in "fc":
        array.reshape(-1)[:4] = np.nan, np.inf, -np.inf, np.finfo(array.real.dtype.newbyteorder("=")).tiny
    found = look(stored_array(array))
    assert found.stats and found.stats.coverage == 1.0
    check(found, array)


def test_the_largest_integers_are_exact() -> None:
    array = np.array([2**64 - 1, 2**63 + 1, 1], dtype="u8")
    found = look(stored_array(array))
    assert found.stats and found.table
    assert (found.stats.max, found.stats.min) == (2**64 - 1, 1)
    assert found.table.rows == [[2**64 - 1], [2**63 + 1], [1]]


def test_nothing_finite() -> None:
    found = look(stored_array(np.array([np.nan, np.inf, -np.inf])))
    check(found, np.array([np.nan, np.inf, -np.inf]))
    assert found.plot and found.plot.data == [None, None, None] and found.plot.vmin is None


SINGLE = {
    "string": (["a", "größe"], h5py.string_dtype()),
    "fixed": (np.array([b"ab", b"c"]), None),
    "vlen": (np.array([np.arange(3), np.arange(0)], dtype=object), h5py.vlen_dtype(np.dtype("<i4"))),
    "array": (np.arange(12).reshape(2, 2, 3), np.dtype(("<i8", (2, 3)))),
    "compound": (np.array([(1, b"x"), (2, b"y")], dtype=[("a", "<i4"), ("b", "S1")]), None),
    "enum": ([1, 2], h5py.enum_dtype({"ONE": 1, "TWO": 2}, basetype="u1")),
    "boolean": ([True, False], None),
    "complex": ([1 + 2j, 3j], None),
    "opaque": (np.array([b"abc", b"def"], dtype="V3"), None),
    "half": (np.array([0.5, 1.5], dtype=">f2"), None),
}


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("how", ["scalar", "selected"])
def test_single_values(kind: str, how: str, tmp_path: Path) -> None:
    data, dtype = SINGLE[kind]

    def fill(h5: h5py.File) -> None:
        many = h5.create_dataset("many", shape=(2,), dtype=dtype or np.asarray(data).dtype)
        one = h5.create_dataset("one", shape=(), dtype=many.dtype)
        for number in (0, 1):
            many[number] = data[number]
        one[()] = data[0]

    store = stored(fill)
    found = look(store, "/one") if how == "scalar" else look(store, "/many", selection="0")
    assert found.preview_type == "scalar" and found.selection == ("()" if how == "scalar" else "0")
    with h5py.File(io.BytesIO(store.data)) as h5:
        assert found.table and found.table.rows == rows_of(h5["one"][()], h5["one"].dtype, 0, h5)
    numeric = kind in ("enum", "boolean", "half", "complex", "array")
    assert bool(found.stats) == numeric
    if found.stats:
        assert found.stats.sample_size == (6 if kind == "array" else 1)
        assert found.stats.coverage == (1.0 if how == "scalar" else 0.5)


@pytest.mark.parametrize("scale", [5e-324, 1e-200, 1e-90, 1e90, 1e200, 1e308])
def test_statistics_of_tiny_and_huge_numbers(scale: float) -> None:
    array = np.array([0.0, 1.0, 1.0, -1.0]) * scale
    found = look(stored_array(array))
    check(found, array)
    assert found.stats and found.stats.std


# --------------------------------------------------------------------------------- every kind of value


ELSEWHERE = {"virtual_other_file", "virtual_missing", "virtual_of_virtual", "external_storage"}
ELSEWHERE |= {"broken_chunks", "billion_elements", "billion_elements_latest"}
UNDEFINED = {"/time_never"}  # never written and never filled: HDF5 leaves whatever there was


@pytest.mark.parametrize("name", sorted(h5files.FILES.keys() - h5files.CRASHES - ELSEWHERE))
def test_every_dataset_shows_what_h5py_reads(files: dict[str, Path], name: str) -> None:
    store = MemoryStore(files[name].read_bytes())
    with h5py.File(files[name], "r") as h5:
        for path, entry in islice(h5py_walk.walk(files[name]).items(), 100):
            if entry["kind"] == "dataset" and not entry["alias"] and path not in UNDEFINED:
                check_dataset(store, Case(None, None, h5, {}), path)  # type: ignore[arg-type]


def check_dataset(store: MemoryStore, case: Case, path: str) -> None:
    h5 = case.h5
    dataset = h5[os_bytes(path)]
    try:
        found = look(store, path, raw=True)
    except H5s3Error as error:
        assert error.exit_code in (6, 8), path
        with pytest.raises(h5py_walk.FAILURES):
            dataset[...]
        return
    if found.preview_type == "empty":
        assert found.notes and found.table is None
        assert dataset.size in (0, None) or unreadable(dataset), path
        return
    if unreadable(dataset):  # in part
        assert any(note.startswith("fields that cannot be read here: ") for note in found.notes), path
        return
    values, dtype = read(dataset, found), dataset.dtype
    ndim = len([part for part in index_of(found.selection) if isinstance(part, slice)])
    assert found.table
    wanted = rows_of(values, dtype, min(ndim, 2) if found.plot else ndim, h5)
    if not any(note.startswith("of long values") for note in found.notes):
        assert same(case, found.table.rows, wanted), (path, found.table.rows, wanted)
    if dtype.names and ndim:
        assert found.table.columns and len(found.table.columns) == len(dtype.names)


def test_fields_beside_one_that_cannot_be_read(files: dict[str, Path]) -> None:
    found = look(MemoryStore(files["compound_unmappable"].read_bytes()), "/table", raw=True)
    assert found.table and found.table.columns == ["number", "flags", "padded", "last\\xff"]
    assert found.table.rows == [[7, 8, "ab", 3.5], [8, 9, "ab", 4.0]]


def unreadable(dataset: h5py.Dataset) -> bool:
    try:
        return dataset.dtype is None
    except h5py_walk.FAILURES:
        return True


def read(dataset: h5py.Dataset, found: Preview) -> Any:
    """What h5py reads of a selection (of the plane in it that is drawn); opaque bytes as they are stored."""
    array = np.zeros(dataset.shape, dtype=dataset.dtype)
    if dataset.id.get_type().get_class() in (h5t.OPAQUE, h5t.BITFIELD):
        dataset.id.read(h5s.ALL, h5s.ALL, array, mtype=dataset.id.get_type())
    else:
        array = dataset[()]
    return (
        plane_of(array, found) if found.plot else array[index_of(found.selection)] if dataset.shape else array
    )
