"""Virtual datasets that are put together here equal what h5py makes of the same files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.formats.hdf5.data.virtual import dataset, mappings, sides
from h5s3.formats.hdf5.data.virtual.parts import parts_of
from h5s3.formats.hdf5.data.virtual.sides import Irregular, Regular, side_of, whole
from h5s3.formats.hdf5.follow import files
from h5s3.formats.selection import parse_selection
from h5s3.settings import Settings
from tests.support.masters import virtual

Read = tuple[tuple[int, ...], list[np.ndarray[Any, Any]], list[str]]
HOWS = ("read", "exact", "raw")
seeds = st.integers(0, 1 << 32)


def values(contents: Contents, texts: list[str], hows: tuple[str, ...]) -> Read:
    """Of the dataset `v`: its shape, the values of parts of it in these forms, and what is said of them."""
    array = contents.values("/v")
    shape = array.facts.shape or ()
    parts = [parse_selection(text, shape) for text in texts]
    return shape, [getattr(array, how)(part) for how in hows for part in parts], list(array.notes)


def followed(master: Path, texts: list[str], *hows: str) -> Read:
    with Session(Settings(follow=True)) as session:
        question = partial(values, texts=texts, hows=hows or ("read",))
        return session.read(session.location(master), question)


def part(shape: tuple[int, ...], random: Random) -> str:
    """A part of a shape."""
    axes = []
    for size in shape:
        low = random.randint(0, size)
        axes.append(f"{low}:{random.randint(low, size)}:{random.randint(1, 3)}")
    return ",".join(axes)


def check(make: Callable[[Path, Random], Path], seed: int) -> None:
    random = Random(seed)
    with TemporaryDirectory() as folder:
        master = make(Path(folder), random)
        try:
            with h5py.File(master) as h5:
                expected = h5["v"][...]
        except OSError:  # a block that a source ends in: HDF5 2.0 cannot read some
            return
        texts = ["...", part(expected.shape, random), part(expected.shape, random)]
        shape, found, _ = followed(master, texts, *HOWS)
        assert shape == expected.shape
        for number, one in enumerate(found):
            text = texts[number % len(texts)]
            wanted = expected[tuple(axis.as_slice for axis in parse_selection(text, shape))]
            assert one.shape == wanted.shape and one.tobytes() == wanted.tobytes(), text
            assert number >= 2 * len(texts) or one.dtype == wanted.dtype


@settings(max_examples=15)
@given(seed=seeds)
def test_fixed_mappings(seed: int) -> None:
    check(virtual.fixed, seed)


@settings(max_examples=12)
@given(seed=seeds)
def test_mappings_without_end(seed: int) -> None:
    check(virtual.endless, seed)


@pytest.mark.slow
@settings(max_examples=150)
@given(seed=seeds)
def test_many_mappings(seed: int) -> None:
    check(virtual.fixed, seed)
    check(virtual.endless, seed)


@settings(max_examples=40)
@given(seed=seeds)
def test_selections_pair_their_elements_in_c_order(seed: int) -> None:
    """Elements by their numbers, and numbers by their elements, are those of NumPy."""
    random = Random(seed)
    shape = tuple(random.randint(1, 7) for _ in range(random.randint(1, 3)))
    space = (virtual.irregular if seed % 2 else virtual.hyperslab)(shape, random)
    side = side_of(space)
    assert isinstance(side, Regular | Irregular)
    mask = np.zeros(shape, bool)
    for low, high in space.get_select_hyper_blocklist():
        mask[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))] = True
    assert side.size == mask.sum()
    numbers = np.where(mask, np.cumsum(mask).reshape(shape) - 1, -1)
    assert (side.ranks(np.indices(shape)) == numbers).all()
    for one, other in zip(side.points(np.arange(side.size)), np.nonzero(mask), strict=True):
        assert (one == other).all()


def test_a_row_of_a_long_comb_is_read_at_once() -> None:
    """Of indices with gaps what is between them is read as well, where that is little."""
    comb = sides.Comb(0, 3, 2, 2000)
    (found,) = parts_of(Regular((comb,)), Regular((comb,)), parse_selection(":", (3000,)))
    assert [axis.count for axis in found.source] == [2999]
    far = sides.Comb(0, 1000, 2, 2000)
    parts = list(parts_of(Regular((far,)), Regular((far,)), parse_selection(":4000", (1_000_000,))))
    assert [part.source[0].count for part in parts] == [2, 2, 2, 2]
    assert not list(parts_of(whole((4,)), whole((4,)), parse_selection("2:2", (4,))))


def vds(
    path: Path, shape: tuple[int, ...], dtype: Any, sources: list[tuple[Any, str, str, Any]], fill: Any
) -> None:
    """Write a virtual dataset `v`."""
    layout = h5py.VirtualLayout(shape, dtype)
    for where, file, name, size in sources:
        layout[where] = h5py.VirtualSource(file, name, size)
    with h5py.File(path, "a") as new:
        new.create_virtual_dataset("v", layout, fillvalue=fill)


COMPOUND = np.dtype([("x", "i2"), ("y", ">f8")])
ENUM = h5py.enum_dtype({"A": 0, "B": 1}, "i1")
KINDS: dict[str, tuple[Any, Any, Any]] = {
    "text": (np.array(["a", "bb", "ä"], dtype=object), h5py.string_dtype(), None),
    "bytes": (np.array([b"ab", b"c", b""], dtype="S3"), "S3", b"q"),
    "compound": (np.array([(1, 2), (3, 4), (5, 6)], COMPOUND), COMPOUND, None),
    "array": (np.arange(6).reshape(3, 2), np.dtype(("i4", (2,))), None),
    "enum": (np.array([0, 1, 0], dtype=ENUM), ENUM, 1),
    "boolean": (np.array([True, False, True]), bool, True),
    "complex": (np.arange(3) * (1 + 2j), "c16", 1 + 1j),
    "opaque": (np.arange(3).view("V8"), "V8", None),
    "clipped": (np.array([1.5, 3e20, -7.0]), "i2", 5),
    "wider": (np.array([1, 2, -3], "i1"), ">f8", 1.5),
}


@pytest.mark.parametrize("kind", KINDS)
def test_types_and_conversions(kind: str, tmp_path: Path) -> None:
    data, dtype, fill = KINDS[kind]
    with h5py.File(tmp_path / "a.h5", "w") as new:
        stored = dtype if kind in ("array", "text") else data.dtype
        new.create_dataset("d", (3,), dtype=stored)[...] = data
    vds(tmp_path / "m.h5", (5,), dtype, [(slice(1, 4), "a.h5", "d", (3,))], fill)
    with h5py.File(tmp_path / "m.h5") as h5:
        expected = h5["v"][...]
    for found in followed(tmp_path / "m.h5", ["..."], "read", "exact")[1]:
        assert found.dtype == expected.dtype and found.tolist() == expected.tolist()


def test_virtual_datasets_made_of_virtual_ones(tmp_path: Path) -> None:
    """Each in a folder of its own, names relative to it; through an external link, too."""
    (tmp_path / "sub").mkdir()
    with h5py.File(tmp_path / "sub" / "a.h5", "w") as new:
        new["d"] = np.arange(6, dtype="i2")
        new["soft"] = h5py.SoftLink("/d")
    vds(tmp_path / "sub" / "m.h5", (8,), "i4", [(slice(1, 7), "a.h5", "soft", (6,))], 3)
    with h5py.File(tmp_path / "links.h5", "w") as new:
        new["x"] = h5py.ExternalLink("sub/m.h5", "/v")
    sources = [(slice(0, 8), "links.h5", "x", (8,)), (slice(9, 12), "links.h5", "/none", (3,))]
    vds(tmp_path / "top.h5", (12,), ">f4", sources, 9)
    with h5py.File(tmp_path / "top.h5") as h5:
        expected = h5["v"][...]
    _, (found, some), notes = followed(tmp_path / "top.h5", ["...", "6:11:2"])
    assert found.tolist() == expected.tolist() and some.tolist() == expected[6:11:2].tolist()
    assert notes == ["1 source is missing, whose values are the fill value: links.h5 (no /none in the file)"]


@pytest.mark.parametrize("names", [[".", "."], ["m0.h5", "m0.h5"], ["m1.h5", "m0.h5"]])
def test_virtual_datasets_made_of_themselves(names: list[str], tmp_path: Path) -> None:
    for number, name in enumerate(names):
        vds(tmp_path / f"m{number}.h5", (4,), "i4", [(slice(0, 4), name, "v", (4,))], 3)
    with pytest.raises(RefusedError, match="made of itself"):
        followed(tmp_path / "m0.h5", ["..."])


def test_virtual_datasets_one_after_another_without_end(tmp_path: Path) -> None:
    for number in range(12):
        vds(tmp_path / f"m{number}.h5", (4,), "i4", [(slice(0, 4), f"m{number + 1}.h5", "v", (4,))], 3)
    with pytest.raises(RefusedError, match="more than 8 others"):
        followed(tmp_path / "m0.h5", ["..."])


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("/etc/passwd", RefusedError, "only files beside it"),
        ("../up.h5", RefusedError, "not below"),
        ("s3://bucket/x.h5", RefusedError, "only files beside it"),
        ("text.h5", DamagedError, "text.h5:d: not an HDF5 file"),
        ("group.h5", DamagedError, "no dataset"),
        ("small.h5", DamagedError, "too small"),
        ("flat.h5", DamagedError, "another shape"),
        ("words.h5", DamagedError, "cannot be read"),
        ("references.h5", RefusedError, "references"),
    ],
)
def test_sources_that_cannot_be_read(name: str, error: type[H5s3Error], words: str, tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("text " * 1000)
    for file, data in (("small", np.zeros((2, 2))), ("flat", np.zeros(4)), ("words", np.full((4, 4), b"a"))):
        with h5py.File(tmp_path / f"{file}.h5", "w") as new:
            new["d"] = data
    with h5py.File(tmp_path / "group.h5", "w") as new:
        new.create_group("d")
    with h5py.File(tmp_path / "references.h5", "w") as new:
        new.create_dataset("d", (4, 4), dtype=h5py.ref_dtype)
    space, dcpl = h5s.create_simple((4, 4)), h5p.create(h5p.DATASET_CREATE)
    space.select_hyperslab((0, 0), (4, 3))
    dcpl.set_virtual(space, name.encode(), b"d", space)
    with h5py.File(tmp_path / "m.h5", "w") as new:
        h5d.create(new.id, b"v", h5t.NATIVE_INT32, h5s.create_simple((4, 4)), dcpl)
    with pytest.raises(error, match=words):
        followed(tmp_path / "m.h5", ["..."])


def many(path: Path, count: int) -> None:
    """A virtual dataset of so many parts."""
    space, one = h5s.create_simple((count,)), h5s.create_simple((1,))
    dcpl = h5p.create(h5p.DATASET_CREATE)
    for number in range(count):
        space.select_hyperslab((number,), (1,))
        dcpl.set_virtual(space, b"a.h5", b"d", one)
    with h5py.File(path, "w") as new:
        h5d.create(new.id, b"v", h5t.NATIVE_INT32, space, dcpl)


def test_too_many_mappings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mappings, "MOST_MAPPINGS", 100)
    many(tmp_path / "m.h5", 101)
    with pytest.raises(RefusedError, match="more than 100 parts"):
        followed(tmp_path / "m.h5", ["..."])
    monkeypatch.setattr(sides, "MOST_ROWS", 10)
    blocks = np.array([[[0, 0], [10, 3]], [[20, 7], [21, 9]]])
    with pytest.raises(RefusedError, match="too many parts"):
        Irregular(blocks)


def pattern(path: Path, name: bytes, stride: int = 2) -> None:
    """A virtual dataset of two elements of each file that a pattern names."""
    space = h5s.create_simple((0,), (h5s.UNLIMITED,))
    space.select_hyperslab((0,), (h5s.UNLIMITED,), (stride,), (2,))
    dcpl = h5p.create(h5p.DATASET_CREATE)
    dcpl.set_virtual(space, name, b"d", h5s.create_simple((2,)))
    with h5py.File(path, "w") as new:
        h5d.create(new.id, b"v", h5t.NATIVE_INT32, space, dcpl)


def test_a_pattern_that_names_one_file_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "MOST_FILES", 20)
    pattern(tmp_path / "m.h5", b"x%b/../a.h5")
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new["d"] = np.arange(2)
    with pytest.raises(RefusedError, match="more than 20 parts"):
        followed(tmp_path / "m.h5", ["..."])


def test_a_pattern_whose_blocks_lie_too_far_apart(tmp_path: Path) -> None:
    pattern(tmp_path / "m.h5", b"a%b.h5", stride=2**62 - 7)
    for number in range(3):
        with h5py.File(tmp_path / f"a{number}.h5", "w") as new:
            new["d"] = np.arange(2)
    with pytest.raises(RefusedError, match="too large"):
        followed(tmp_path / "m.h5", ["0:4"])


@pytest.mark.slow
def test_a_hundred_thousand_mappings_and_one(tmp_path: Path) -> None:
    many(tmp_path / "m.h5", mappings.MOST_MAPPINGS + 1)
    with pytest.raises(RefusedError, match="more than 100,000 parts"):
        followed(tmp_path / "m.h5", ["..."])


@pytest.mark.parametrize("user_block", [0, 512])
def test_libhdf5_opens_no_other_file(user_block: int, tmp_path: Path) -> None:
    """Whatever it is asked: to it, every other name would be this very object, and a pattern without end."""
    space = h5s.create_simple((0,), (h5s.UNLIMITED,))
    space.select_hyperslab((0,), (h5s.UNLIMITED,), (2,), (2,))
    dcpl = h5p.create(h5p.DATASET_CREATE)
    dcpl.set_virtual(space, b"x%b.h5", b"d", h5s.create_simple((2,)))
    with h5py.File(tmp_path / "m.h5", "w", userblock_size=user_block) as new:
        new["d"] = np.arange(2.0)
        new["one"] = 1.0
        h5d.create(new.id, b"v", h5t.NATIVE_INT32, space, dcpl)
        new["link"] = h5py.ExternalLink("x.h5", "/d")

    def ask(contents: Contents) -> None:
        h5 = contents.file.h5  # type: ignore[attr-defined]
        for look in (lambda: h5["v"].shape, lambda: h5["link"]):
            with pytest.raises((OSError, KeyError, RuntimeError, ValueError), match="signature"):
                look()
        assert h5["d"][...].tolist() == [0, 1] and h5["one"][()] == 1

    with Session(Settings()) as session:
        session.read(session.location(tmp_path / "m.h5"), ask)


def test_more_sources_than_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "MOST_LEAVES", 3)
    monkeypatch.setattr(files, "MOST_OPEN", 2)
    layout = h5py.VirtualLayout((12, 2), "i4")
    for number in range(12):
        with h5py.File(tmp_path / f"d{number}.h5", "w") as new:
            new.create_dataset("x", data=np.array([[number, -number]]), chunks=(1, 2))
        layout[number] = h5py.VirtualSource(f"d{number}.h5", "x", (1, 2))
    with h5py.File(tmp_path / "m.h5", "w") as new:
        new.create_virtual_dataset("v", layout)
    _, (found, again), notes = followed(tmp_path / "m.h5", ["...", "::7,1"])
    assert found.tolist() == [[n, -n] for n in range(12)] and not notes
    assert again[:, 0].tolist() == [-n for n in range(0, 12, 7)]
