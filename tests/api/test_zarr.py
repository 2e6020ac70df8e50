"""References and stores of Zarr from Python: the same as by the commands, with a receipt."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import h5py
import numpy as np
import pytest
import zarr

import h5s3
from h5s3.api import convert, refs
from h5s3.errors import UsageError
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.refs.refs import INLINE, Format, RefsRequest
from h5s3.records import Convert, ConvertMany, Refs
from tests.support.cli import run
from tests.support.servers.s3 import S3Server


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "source.h5", "w") as new:
        new.create_dataset("a/data", data=np.arange(600).reshape(60, 10), chunks=(20, 10), compression="gzip")
    return tmp_path / "source.h5"


def test_references(source: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    found = h5s3.refs(source, here)
    assert run("refs", source, "-o", there).code == 0
    assert here.read_bytes() == there.read_bytes()
    assert isinstance(found, Refs) and (found.num_arrays, found.num_chunks, found.left_out) == (1, 3, [])
    assert found.output == str(here) and "num_chunks" in found._repr_html_()
    with pytest.raises(UsageError, match="the file exists"):
        h5s3.refs(source, here)
    (tmp_path / "other.h5").write_bytes(source.read_bytes())
    both = h5s3.refs([source, h5s3.Location("local", str(tmp_path / "other.h5"))], here, overwrite=True)
    assert both.num_groups == 4 and len(both.sources) == 2
    assert h5s3.refs(source, tmp_path / "refs", format="json").format == "json"


def test_stores(source: Path, tmp_path: Path) -> None:
    store = tmp_path / "out.zarr"
    found = h5s3.convert(source, store, recompress="zstd", chunks="30,10")
    assert isinstance(found, Convert) and (found.num_arrays, found.chunks_encoded) == (1, 2)
    assert (zarr.open_group(store, mode="r")["a/data"][:] == np.arange(600).reshape(60, 10)).all()
    part = h5s3.convert(source, tmp_path / "part.zarr", "/a/data", zarr_format=2)
    assert isinstance(part, Convert) and (part.path, part.chunks_copied) == ("/a/data", 3)
    with pytest.raises(UsageError, match="the store exists"):
        h5s3.convert(source, store)
    many = h5s3.convert(f"{tmp_path}/*.h5", tmp_path / "many")
    assert isinstance(many, ConvertMany) and [one.num_arrays for one in many.stores] == [1]
    assert many.failures == [] and "stores" in many.to_dict()


def test_places_in_s3(source: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    place = f"s3://{server.put_file('python', 'source.h5', source) and 'python'}"
    assert h5s3.refs(f"{place}/source.h5", f"{place}/refs.json", overwrite=True).num_chunks == 3
    store = h5s3.convert(f"{place}/source.h5", f"{place}/up/out.zarr", overwrite=True)
    assert isinstance(store, Convert) and store.chunks_copied == 3
    assert h5s3.get(f"{place}/up/out.zarr", "/a/data")[59].tolist() == list(range(590, 600))


def test_the_defaults_are_those_of_the_commands() -> None:
    import inspect

    asked, known = inspect.signature(refs).parameters, RefsRequest(output="")
    for name, field in {
        "format": "format",
        "url": "url",
        "concat_dim": "concat",
        "overwrite": "overwrite",
    }.items():
        assert asked[name].default == getattr(known, field)
    assert asked["inline"].default == known.inline == INLINE and get_args(Format)[0] == "json"
    asked, default = inspect.signature(convert).parameters, ConvertRequest()
    assert asked["zarr_format"].default == default.version
    for name in ("recompress", "chunks", "shards", "overviews", "strict", "overwrite", "resume", "verify"):
        assert asked[name].default == getattr(default, name)
