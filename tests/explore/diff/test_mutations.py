"""A file against a copy of it: nothing; against a changed copy: exactly what was changed."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.explore.diff.diff import DiffRequest, diff
from h5s3.explore.session import Session
from h5s3.records import Diff
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support import examples
from tests.support.reference.mutations import MUTATIONS, Found, make, make_file

NAMES = st.text("abcé _.@", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))
TYPES = ["<i4", ">i2", "<f8", "S5", "?", "<c8"]
ANY = h5py.Empty("f4")


def compared(a: Path, b: Path, **more: Any) -> Diff:
    with Session(Settings(no_cache=True)) as session:
        return diff(session, Location("local", str(a)), Location("local", str(b)), DiffRequest(**more))


def found(a: Path, b: Path, **more: Any) -> Found:
    """What differs, as words."""
    result = compared(a, b, **more)
    assert not result.not_compared
    assert result.identical is not bool(words(result))
    return words(result)


def words(result: Diff) -> Found:
    """What a comparison found."""
    texts = {("renamed", one.a, one.b) for one in result.renamed}
    for sign, items in (("+", result.added), ("-", result.removed)):
        texts |= {(sign, one.path, *([f"@{one.name}"] if one.type == "attribute" else [])) for one in items}
    for change in result.changed:
        name = [f"@{change.attribute}"] if isinstance(change.attribute, str) else []
        texts.add(("~", change.path, *name, change.field))  # type: ignore[arg-type]
    return texts  # type: ignore[return-value]


class Tree(bytes):
    """A file, which is too long to be shown."""

    def __repr__(self) -> str:
        with h5py.File(io.BytesIO(self)) as file:
            names: list[str] = []
            file.visit(names.append)
        return f"Tree({names})"


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A file with groups, datasets, links and attributes, with one known group at its root."""
    made = io.BytesIO()
    with h5py.File(
        made, "w", libver=draw(st.sampled_from(["earliest", "latest"])), track_order=draw(st.booleans())
    ) as file:
        places = [file, file.create_group("known")]
        for name in draw(st.lists(NAMES, unique=True, max_size=5)):
            parent = draw(st.sampled_from(places))
            if name in parent:
                continue
            kind = draw(st.sampled_from(["group", "dataset", "soft", "hard", "type"]))
            if kind == "group":
                places.append(parent.create_group(name))
            elif kind == "soft":
                parent[name] = h5py.SoftLink(draw(NAMES))
            elif kind == "hard":
                parent[name] = draw(st.sampled_from(places[2:] or [h5py.SoftLink("x")]))
            elif kind == "type":
                parent[name] = np.dtype(draw(st.sampled_from(TYPES)))
            else:
                parent[name] = np.zeros(
                    draw(st.sampled_from([(), (3,), (2, 2)])), draw(st.sampled_from(TYPES))
                )
        for place in places:
            for name in draw(st.lists(NAMES, unique=True, max_size=3)):
                place.attrs[name] = draw(
                    st.sampled_from(["text", 5, 1.5, [1, 2], ANY, ["a", "é"], float("nan")])
                )
        make(file)
    return Tree(made.getvalue())


@settings(max_examples=examples(40))
@given(trees(), st.data())
def test_exactly_the_change_is_named(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("diff")
    a, b = folder / "a.h5", folder / "b.h5"
    a.write_bytes(tree)
    b.write_bytes(tree + b"more")  # what stands behind the file tells the two apart
    assert found(a, b) == set()
    name = data.draw(st.sampled_from(sorted(MUTATIONS)))
    change, expected = MUTATIONS[name]
    b.write_bytes(tree)
    with h5py.File(b, "a") as file:
        change(file)
    assert found(a, b) == expected
    signs = {"+": "-", "-": "+"}
    backwards = {
        (one[0], one[2], one[1]) if one[0] == "renamed" else (signs.get(one[0], one[0]), *one[1:])
        for one in expected
    }
    assert found(b, a) == backwards
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("diff") / "file.h5"
    make_file(path)
    return path


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_change_is_named(name: str, tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    shutil.copy(tree, other)
    change, expected = MUTATIONS[name]
    with h5py.File(other, "a") as file:
        change(file)
    assert found(tree, other) == expected


def test_names_of_one_object(tmp_path: Path) -> None:
    """Of a group with two names, the one that is left tells all that is below it, unchanged."""
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    with h5py.File(a, "w") as file:
        file["a/x"], file["a/below/y"] = 1, 2
        file["z"] = file["a"]
        file["z/self"] = file["a/below"]
        file["one"] = np.arange(3)
        file["two"] = file["one"]
    shutil.copy(a, b)
    with h5py.File(b, "a") as file:
        del file["a"]
        file["z/x"][()] = 5
    assert found(a, b) == {("-", "/a")}
    assert found(a, b, data=True) == {("-", "/a"), ("~", "/z/x", "data")}
    assert found(b, a) == {("+", "/a")}
    with h5py.File(b, "a") as file:
        del file["two"]
        file["two"] = np.arange(3)
    (change,) = compared(a, b).changed
    assert (change.path, change.field, change.a, change.b) == ("/two", "hard_link", "/one", None)


@pytest.mark.slow
def test_every_good_file_equals_its_copy(files: dict[str, Path], tmp_path: Path) -> None:
    """With its values. Of what h5py cannot read, and what is in other files, nothing is said to be alike."""
    for name, path in files.items():
        other = tmp_path / path.name
        shutil.copy(path, other)
        result = compared(path, other, data=True)
        assert words(result) == set(), name
        for left in result.not_compared:
            assert re.search("cannot be read|stored|no plugin", left.reason), (name, left)
