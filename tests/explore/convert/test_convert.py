"""`h5s3 convert`: the store says what the file says, and looks whole only when it is."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

from h5s3.errors import ChangedError, DamagedError, RefusedError, UsageError
from h5s3.explore.convert.convert import convert
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.session import Session
from h5s3.records import Convert
from h5s3.settings import Settings
from tests.support import ROOT
from tests.support.cli import file, run
from tests.support.h5files import make
from tests.support.reference.zarr_copies import differences

CORPUS, LARGE = ROOT.parent / "shared" / "corpus" / "files", 3_000_000
FEW = (
    "arrays", "booleans", "complex_compounds", "compound_of_everything", "compounds", "dimension_scales",
    "edge_chunks", "empty_strings", "enums", "fill_values", "fixed_strings", "hdf_eos5", "long_doubles",
    "netcdf4", "non_utf8_names", "partly_written", "plugins", "plugins_codecs", "scalars",
    "shared_messages", "skipped_filters", "user_block", "variable_strings", "virtual_same_file",
)  # fmt: skip


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def converted(path: Path, out: Path, top: str = "/", **wish: Any) -> Convert:
    with Session(Settings(no_cache=True)) as session:
        return convert(session, session.location(str(path)), ConvertRequest(top, output=str(out), **wish))


def rich(path: Path) -> Path:
    """A file with scales, an enum, references, links and a dataset that must be decoded."""
    with h5py.File(path, "w") as h5:
        h5.attrs.update({"title": "all of it", "numbers": np.array([1, 2], "i2"), "none": np.nan})
        time = h5.create_dataset("time", data=np.arange(100.0))
        time.make_scale("time")
        data = h5.create_dataset(
            "run/data", data=np.random.default_rng(0).random((100, 30), dtype="f4"), chunks=(7, 10),
            compression="gzip", shuffle=True, fletcher32=True,
        )  # fmt: skip
        data.dims[0].attach_scale(time)
        data.attrs["_FillValue"] = np.float32("nan")
        data.attrs["of"] = time.ref
        h5.create_dataset("lzf", data=np.arange(600).reshape(20, 30), chunks=(6, 7), compression="lzf")
        h5.create_dataset("sparse", (90, 90), ">i2", chunks=(20, 20), fillvalue=7)[30:32] = 1
        kind = h5py.enum_dtype({"OFF": 0, "ON": 1}, "u1")
        h5.create_dataset("state", data=np.array([0, 1, 1], "u1"), dtype=kind)
        h5.create_dataset("to", data=[data.ref, time.ref], dtype=h5py.ref_dtype)
        h5["soft"], h5["z"] = h5py.SoftLink("/time"), h5["run"]
        h5.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))
        h5["names"] = ["a", "ä", ""]
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return rich(tmp_path / "rich.h5")


@pytest.mark.parametrize("version", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_values_are_those_of_the_file(tmp_path: Path, version: int) -> None:
    for number, name in enumerate(FEW):
        out = tmp_path / f"{number}.zarr"
        found = converted(file(name), out, version=version)
        assert not differences(file(name), out, [lost.path for lost in found.left_out]), name


@pytest.mark.slow
@pytest.mark.parametrize("version", [2, 3])
def test_values_of_every_kind_of_file(tmp_path: Path, version: int) -> None:
    for name in sorted({*make.FILES} - make.CRASHES - {*FEW, "broken_chunks", "user_defined_link"}):
        path = make.make(name, tmp_path)
        found = converted(path, tmp_path / f"{name}.zarr", version=version)
        assert not differences(path, tmp_path / f"{name}.zarr", [lost.path for lost in found.left_out]), name


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason="there is no ../shared/corpus on this machine")
@pytest.mark.parametrize("part", range(4))
def test_values_of_files_that_others_wrote(tmp_path: Path, part: int) -> None:
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.stat().st_size < LARGE)
    assert len(files) > 500
    for path in files[part::4]:
        try:
            found = converted(path, tmp_path / "out.zarr", overwrite=True)
        except (DamagedError, RefusedError):
            continue
        assert not differences(path, tmp_path / "out.zarr", [lost.path for lost in found.left_out]), path


@pytest.mark.parametrize("version", [2, 3])
def test_what_stands_in_the_documents(source: Path, tmp_path: Path, version: int) -> None:
    found = converted(source, tmp_path / "out.zarr", version=version)
    store = zarr.open_consolidated(tmp_path / "out.zarr", mode="r")
    assert store.metadata.zarr_format == version
    assert dict(store.attrs) == {"title": "all of it", "numbers": [1, 2], "none": "NaN"}
    data = store["run/data"]
    names = data.metadata.dimension_names if version == 3 else tuple(data.attrs["_ARRAY_DIMENSIONS"])
    assert names[0] == "time" and names[1].startswith("phony_dim_")
    assert data.attrs["of"] == "/time" and data.chunks == (7, 10)
    assert np.isnan(data.fill_value) if version == 2 else data.attrs["_FillValue"] == "AAAAAAAA+H8="
    assert store["state"].attrs["h5s3.enum"] == {"OFF": 0, "ON": 1}
    assert store["to"][:].tolist() == ["/run/data", "/time"]
    assert store["sparse"].fill_value == 7 and store["sparse"].nchunks_initialized == 5
    told = {lost.path: lost.reason for lost in found.left_out}
    assert set(told) == {"/soft", "/z", "/lists"}
    assert told["/soft"] == "a soft link to /time" and "vlen" in told["/lists"]
    assert found.chunks_copied > 40 and found.chunks_encoded == 4 * 5 + 2


@pytest.mark.parametrize("codec", ["zstd", "blosc", "gzip", "none"])
@pytest.mark.parametrize("version", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_other_compression(source: Path, tmp_path: Path, version: int, codec: str) -> None:
    out = tmp_path / "out.zarr"
    found = converted(source, out, version=version, recompress=codec)
    assert not differences(source, out, [lost.path for lost in found.left_out])
    data = zarr.open(out, mode="r")["run/data"]
    names = [type(one).__name__.lower() for one in (*data.compressors, *data.filters)]
    assert [name.removesuffix("codec") for name in names] == ([codec] if codec != "none" else [])


def test_other_chunks_and_shards(source: Path, tmp_path: Path) -> None:
    for number, wish in enumerate(
        [
            {"chunks": "time=9"},
            {"chunks": "11,13"},
            {"chunks": "11,13", "version": 2, "recompress": "zstd"},
            {"shards": "1K"},
            {"shards": "40,20", "chunks": "10,10"},
            {"shards": "time=50", "recompress": "blosc"},
        ]
    ):
        out = tmp_path / f"{number}.zarr"
        found = converted(source, out, **wish)
        assert not differences(source, out, [lost.path for lost in found.left_out]), wish
        data = zarr.open(out, mode="r")["run/data"]
        told = {0: ((9, 10), None), 1: ((11, 13), None), 2: ((11, 13), None), 3: ((7, 10), (7, 30))}
        told |= {4: ((10, 10), (40, 20)), 5: ((7, 10), (56, 10))}
        assert (data.chunks, data.shards) == told[number]
    for wish, why in (
        ({"chunks": "station=3"}, "no array has such dimensions"),
        ({"chunks": "3,x"}, "neither lengths"),
        ({"shards": "3,3", "version": 2}, "has no shards"),
        ({"recompress": "rar"}, "is one of"),
    ):
        with pytest.raises(UsageError, match=why):
            converted(source, tmp_path / "bad.zarr", **wish)  # type: ignore[arg-type]
    assert not (tmp_path / "bad.zarr").exists()


def test_shards_are_copied_too(source: Path, tmp_path: Path) -> None:
    found = converted(source, tmp_path / "out.zarr", "/run", shards="2K")
    assert found.chunks_copied and not found.chunks_encoded
    out = tmp_path / "again.zarr"
    stopped(source, out, 4, shards="2K", recompress="zstd")
    assert converted(source, out, resume=True, shards="2K", recompress="zstd").chunks_kept >= 4
    assert not differences(source, out, ["/soft", "/z", "/lists"])


def test_a_dataset_or_a_group_is_a_store_of_its_own(source: Path, tmp_path: Path) -> None:
    converted(source, tmp_path / "one.zarr", "/lzf")
    assert not differences(source, tmp_path / "one.zarr", [], "/lzf")
    found = converted(source, tmp_path / "run.zarr", "/run", version=2)
    assert found.num_arrays == 1 and not differences(source, tmp_path / "run.zarr", [], "/run")
    with pytest.raises(UsageError, match="cannot be converted: values of type vlen"):
        converted(source, tmp_path / "lists.zarr", "/lists")


def test_names_that_a_store_cannot_have(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "names.h5", "w") as h5:
        for name in ("..", "zarr.json", "__reserved", "a\\b", "fine"):
            h5.create_group(name).create_dataset("data", data=[1])
    found = converted(tmp_path / "names.h5", tmp_path / "out" / "names.zarr")
    assert {path.name for path in (tmp_path / "out" / "names.zarr").iterdir()} == {"fine", "zarr.json"}
    assert len([lost for lost in found.left_out if "its name" in lost.reason]) == 8
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["names.zarr"]


def test_strict_refuses_before_anything_is_written(source: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="not all of it has a counterpart in Zarr"):
        converted(source, tmp_path / "out.zarr", strict=True)
    assert not (tmp_path / "out.zarr").exists()


def test_nothing_is_overwritten_unasked(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    converted(source, out, "/run")
    for resume in (False, True):
        with pytest.raises(UsageError, match="the store exists"):
            converted(source, out, resume=resume)
    converted(source, out, "/names", overwrite=True)
    assert zarr.open(out, mode="r")[:].tolist() == ["a", "ä", ""] and not (out / "data").exists()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="no Zarr store"):
            converted(source, tmp_path / "home", overwrite=overwrite)
    with pytest.raises(UsageError, match="a file"):
        converted(source, source)


class StopError(Exception):
    """Raised in the middle."""


def stopped(source: Path, out: Path, after: int, **wish: Any) -> None:
    """A conversion that ends after so many chunks."""
    seen = []

    def tell(text: str, done: int, total: int) -> None:
        seen.append(done)
        assert 0 < done <= total
        if len(seen) > after:
            raise StopError

    with pytest.raises(StopError):
        converted(source, out, progress=tell, **wish)


def test_what_was_stopped_is_gone_on_with(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    stopped(source, out, 50)
    with pytest.raises((FileNotFoundError, zarr.errors.GroupNotFoundError)):
        zarr.open(out, mode="r")
    with pytest.raises(UsageError, match="not finished; --resume"):
        converted(source, out)
    with pytest.raises(UsageError, match="other options"):
        converted(source, out, version=2, resume=True)
    spoiled = sorted(out.glob("*/*/c/*/*"))[:2]
    spoiled[0].write_bytes(b"x" * spoiled[0].stat().st_size)
    spoiled[1].unlink()
    found = converted(source, out, resume=True)
    assert 40 < found.chunks_kept < 52 and found.chunks_copied > 1 and found.chunks_encoded == 22
    assert not differences(source, out, [lost.path for lost in found.left_out])
    assert not (out / ".h5s3-convert").exists()


def test_another_object_is_not_gone_on_with(source: Path, tmp_path: Path) -> None:
    stopped(source, tmp_path / "out.zarr", 10)
    shutil.copy(source, tmp_path / "other.h5")
    (tmp_path / "other.h5").replace(source)
    with pytest.raises(ChangedError, match="not the one that the conversion was begun with"):
        converted(source, tmp_path / "out.zarr", resume=True)
    converted(source, tmp_path / "out.zarr", overwrite=True)


def test_on_the_command_line(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    shown = run("convert", source, "-o", out)
    assert shown.code == 0 and shown.out.startswith(f"{out}: Zarr v3, 2 groups, 7 arrays, ")
    assert "copied as stored" in shown.out and "/soft: a soft link to /time" in shown.err
    document = run("convert", source, "/run", "-o", out, "--overwrite", "--zarr-format", "2", "--json").json
    assert (document["zarr_format"], document["num_arrays"], document["path"]) == (2, 1, "/run")
    assert json.loads((out / ".zmetadata").read_text())["metadata"]["data/.zarray"]["filters"]
    assert run("convert", source, "-o", out).failed(2).startswith(f"{out}: the store exists")
    assert run("convert", source).failed(2) == "where to?; name the store with -o, such as -o scan.zarr"
    assert "only HDF5 files are converted" in run("convert", out, "-o", tmp_path / "b.zarr").failed(2)
    assert run("convert", source, "/nothing", "-o", tmp_path / "b.zarr").failed(3)
    assert run("convert", source, "-o", tmp_path / "b.zarr", "--strict").failed(8)


def test_requests_are_made_absolute() -> None:
    assert replace(ConvertRequest("a/b/"), output="x").path == "/a/b"


@pytest.mark.parametrize("version", [2, 3])
def test_xarray_reads_it_as_it_reads_the_file(tmp_path: Path, version: int) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    path = file("netcdf4")
    found = converted(path, tmp_path / "out.zarr", version=version)
    with xarray.open_dataset(path, engine="h5netcdf") as wanted, xarray.open_zarr(found.output) as made:
        for name, variable in wanted.variables.items():
            if variable.dtype.kind in "iufSM":
                np.testing.assert_array_equal(made[name].values, variable.values)
                assert made[name].dims == variable.dims
