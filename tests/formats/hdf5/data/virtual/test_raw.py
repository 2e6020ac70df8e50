"""Values in plain files beside the file (external storage) equal what h5py reads in that folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import H5s3Error, NotFoundError, RefusedError
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.formats.selection import parse_selection
from h5s3.settings import Settings

HOWS = ("read", "exact", "raw")


def values(contents: Contents, path: str, text: str) -> list[np.ndarray[Any, Any]]:
    array = contents.values(path)
    array.refuse()
    selection = parse_selection(text, array.facts.shape or ())
    with array.decoding(1 << 20, 1):
        return [getattr(array, how)(selection) for how in HOWS]


def followed(path: str, text: str = "...", file: str = "m.h5") -> list[np.ndarray[Any, Any]]:
    with Session(Settings(follow=True)) as session:
        return session.read(session.location(f"./{file}"), partial(values, path=path, text=text))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two raw files, and the files that name them: h5py looks for those in the folder that it runs in."""
    monkeypatch.chdir(tmp_path)
    for name, start in (("a.bin", 0), ("b.bin", 100)):
        np.arange(start, start + 100, dtype=">i4").tofile(name)
    unlimited = h5py.h5f.UNLIMITED
    with h5py.File("m.h5", "w") as new:
        new.create_dataset("two", (10, 10), ">i4", external=[("a.bin", 40, 200), ("./b.bin", 4, 200)])
        new.create_dataset("short", (80,), ">i4", external=[("a.bin", 200, unlimited)])
        new.create_dataset("scalar", (), ">i4", external=[("a.bin", 8, 4)])
        new.create_dataset("pairs", (12,), np.dtype((">i2", (2,))), external=[("b.bin", 0, unlimited)])
        new.create_dataset("empty", (0,), "f4", external=[("a.bin", 0, unlimited)])
        for name, file in (("missing", "none.bin"), ("passwd", "/etc/passwd"), ("up", "../x.bin")):
            new.create_dataset(name, (10,), "S1", external=[(file, 0, 40)])
    for name, path in (("v.h5", "two"), ("lost.h5", "missing")):
        layout = h5py.VirtualLayout((10, 10) if path == "two" else (10,), "<f8" if path == "two" else "S1")
        layout[...] = h5py.VirtualSource("m.h5", path, layout.shape)
        with h5py.File(name, "w") as new:
            new.create_virtual_dataset("two", layout, fillvalue=-1 if path == "two" else None)


@pytest.mark.parametrize("path", ["two", "short", "scalar", "pairs", "empty"])
def test_values_are_those_of_h5py(path: str) -> None:
    random = Random(path)
    with h5py.File("m.h5") as h5:
        dataset = h5[path]
        for _ in range(6):
            text = ",".join(
                f"{random.randint(0, n // 2)}:{random.randint(n // 2, n)}:{random.randint(1, 3)}"
                for n in dataset.shape
            )
            selection = parse_selection(text or "...", dataset.shape)
            expected = dataset[tuple(axis.as_slice for axis in selection)]
            for found in followed(path, text or "..."):
                assert found.tobytes() == np.asarray(expected).tobytes()


def test_a_virtual_dataset_over_them() -> None:
    with h5py.File("v.h5") as h5:
        expected = h5["two"][2:9:3, ::2]
    read, exact, raw = followed("two", "2:9:3,::2", "v.h5")
    assert (read == expected).all() and (exact == expected).all() and raw.tobytes() == expected.tobytes()
    with pytest.raises(NotFoundError, match="stored in none"):
        followed("two", file="lost.h5")


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("missing", NotFoundError, "stored in none.bin: no such file"),
        ("passwd", RefusedError, "stored in /etc/passwd: only files beside it"),
        ("up", RefusedError, "stored in ../x.bin: it is not below"),
    ],
)
def test_what_is_not_there_or_not_allowed(path: str, error: type[H5s3Error], words: str) -> None:
    with pytest.raises(error, match=words):
        followed(path)


def test_no_more_is_fetched_than_is_allowed() -> None:
    def ask(contents: Contents) -> None:
        array = contents.values("/two")
        with array.decoding(10, 1):
            array.read(parse_selection("...", (10, 10)))

    with (
        Session(Settings(follow=True)) as session,
        pytest.raises(RefusedError, match="larger than the limit"),
    ):
        session.read(session.location("./m.h5"), ask)
