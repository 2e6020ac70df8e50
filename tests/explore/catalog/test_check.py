"""What falls out of line: found from files as from a catalog, and lengths are none of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.errors import NotFoundError
from h5s3.records import UNSET, CatalogCheck, Difference
from tests.support.cli import run


def usual(number: int) -> Callable[[h5py.File], None]:
    def fill(new: h5py.File) -> None:
        data = np.zeros((number + 1, 4), "<f4")
        new.create_dataset("gt1l/h_li", data=data, maxshape=(None, 4), chunks=(8, 4), compression="gzip")
        new["gt1l/h_li"].attrs["units"] = "m"
        new["gt1l/title"] = f"granule {number:0{number + 1}d}"
        new["gt1l"].attrs["name"] = np.bytes_(b"x" * (number + 1))
        new["gt1l/soft"] = h5py.SoftLink("h_li")
        new["gt1l/away"] = h5py.ExternalLink(f"data_{number}.h5", "/x")

    return fill


def lacking(new: h5py.File) -> None:
    usual(1)(new)
    del new["gt1l"]["h_li"]


def wide(new: h5py.File) -> None:
    usual(1)(new)
    del new["gt1l/h_li"]
    data = np.zeros((2, 5))
    new.create_dataset("gt1l/h_li", data=data, maxshape=(None, 5), chunks=(8, 4), compression="gzip")
    new["gt1l/h_li"].attrs["unit"] = "m"
    new["more/below"] = 1


def write(folder: Path, name: str, fill: Callable[[h5py.File], None]) -> None:
    with h5py.File(folder / name, "w") as new:
        fill(new)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("check")
    (top / "in").mkdir()
    (top / "same").mkdir()
    for number in range(6):
        write(top / "in", f"{number}.h5", usual(number))
        write(top / "same", f"{number}.h5", usual(2 * number))
    write(top / "in", "lacks_1.h5", lacking)
    write(top / "in", "lacks_2.h5", lacking)
    write(top / "in", "wide.h5", wide)
    (top / "in/bad.h5").write_bytes(b"nothing")
    for name in ("in", "same"):
        h5s3.catalog_build(top / name, top / f"{name}.catalog")
    return top


def told(found: CatalogCheck) -> set[tuple[int, str]]:
    """Differences in words, and how many files have them."""

    def words(one: Difference) -> str:
        parts = (one.path, one.change, one.attribute, one.field, one.value, one.expected)
        return " ".join(str(part) for part in parts if part is not UNSET)

    return {(group.num_files, words(one)) for group in found.groups for one in group.differences}


@pytest.mark.parametrize("place", ["in", "in.catalog"])
def test_what_falls_out_of_line(folder: Path, place: str) -> None:
    found = h5s3.catalog_check(folder / place)
    assert (found.files, found.alike, found.failed, found.num_groups) == (10, 6, 1, 2)
    assert told(found) == {
        (2, "/gt1l/h_li lacks"),
        (1, "/gt1l/h_li has dtype float64 float32"),
        (1, "/gt1l/h_li has shape ['*', 5] ['*', 4]"),
        (1, "/gt1l/h_li lacks units"),
        (1, "/gt1l/h_li adds unit"),
        (1, "/more adds"),
    }


def test_lengths_are_no_difference(folder: Path) -> None:
    for place in ("same", "same.catalog"):
        found = h5s3.catalog_check(folder / place)
        assert (found.alike, found.files, found.num_groups) == (6, 6, 0)


def test_held_against_one_file(folder: Path) -> None:
    found = h5s3.catalog_check(folder / "in.catalog", like=folder / "in/wide.h5")
    assert found.alike == 1 and [group.num_files for group in found.groups] == [6, 2]
    found = h5s3.catalog_check([folder / "same", folder / "in/0.h5"], like=folder / "in/lacks_1.h5")
    assert found.alike == 0 and told(found) == {(7, "/gt1l/h_li adds")}
    with pytest.raises(NotFoundError):
        h5s3.catalog_check(folder / "in.catalog", like=folder / "none.h5")


def test_as_a_command(folder: Path, tmp_path: Path) -> None:
    done = run("catalog", "check", folder / "in.catalog")
    assert done.code == 9 and done.err.startswith("1 file could not be looked into:")
    lines = done.out.splitlines()
    assert lines[0] == f"6 of 9 files alike, as {folder}/in/0.h5"
    assert lines[1:4] == ["2 lack /gt1l/h_li", f"    {folder}/in/lacks_1.h5", f"    {folder}/in/lacks_2.h5"]
    assert "1 has dtype float64 instead of float32 at /gt1l/h_li" in lines
    assert run("catalog", "check", folder / "same").lines == [f"6 of 6 files alike, as {folder}/same/0.h5"]
    assert run("catalog", "check", folder / "same.catalog", "--json").json["alike"] == 6
    assert run("catalog", "check", folder / "in/bad.h5").code == 6
    assert "no files" in run("catalog", "check", tmp_path).failed(3)
