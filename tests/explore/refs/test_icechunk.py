"""References in Icechunk: what Zarr reads by them, and that a changed object is noticed."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support.cli import file, run
from tests.support.reference.references import arrays, from_hdf5, from_zarr, same
from tests.support.servers.s3 import S3Server

BUCKET, KEY = "icechunk", "gzip.h5"


def opened(place: Any, allowed: Any) -> Any:
    """The root group of a repository: a folder, or a storage of Icechunk's."""
    import icechunk
    import zarr

    icechunk.set_logs_filter("error")
    storage = icechunk.local_filesystem_storage(str(place)) if isinstance(place, Path) else place
    repository = icechunk.Repository.open(storage, authorize_virtual_chunk_access=allowed)
    return zarr.open_group(repository.readonly_session("main").store, mode="r", zarr_format=3)


@pytest.mark.skipif(find_spec("icechunk") is not None, reason="icechunk is installed")
def test_without_icechunk(tmp_path: Path) -> None:
    line = run("refs", file("gzip"), "-o", tmp_path / "refs.icechunk").failed(1)
    assert line.endswith("Icechunk needs the package icechunk; pip install 'h5s3[icechunk]'")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["gzip", "plugins", "floats", "integers", "compounds", "variable_strings", "partly_written", "netcdf4"],
)
def test_values(name: str, files: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("icechunk")
    output = tmp_path / "refs.icechunk"
    assert run("refs", files[name], "-o", output).code == 0
    with warnings.catch_warnings(), h5py.File(files[name]) as source:
        warnings.simplefilter("ignore")
        found = list(arrays(opened(output, {f"file://{files[name].parent}/": None})))
        assert found
        for path, array in found:
            assert same(from_hdf5(source[path]), from_zarr(array)), path
    assert run("refs", "--check", output).lines == [f"{output}: fresh: 1 object as they were"]


@pytest.mark.slow
def test_an_object_in_s3_and_its_change(server: S3Server, tmp_path: Path) -> None:
    icechunk = pytest.importorskip("icechunk")
    data, output = file("gzip").read_bytes(), tmp_path / "refs.icechunk"
    server.put(BUCKET, KEY, data)
    assert run("refs", f"s3://{BUCKET}/{KEY}", "-o", output, on=server).code == 0
    keys = icechunk.s3_credentials(access_key_id=server.access_key, secret_access_key=server.secret_key)
    allowed = icechunk.containers_credentials({f"s3://{BUCKET}/": keys})
    group = opened(output, allowed)
    with h5py.File(file("gzip")) as source:
        assert np.array_equal(group["level9"][...], source["level9"][...])
    server.put(BUCKET, KEY, data + b"more")
    assert run("refs", "--check", output, on=server).code == 7
    if server.name == "moto":  # rclone's server does not look at If-Match
        with pytest.raises(icechunk.IcechunkError, match="has changed"):
            group["level9"][...]


@pytest.mark.slow
def test_a_repository_in_s3(server: S3Server) -> None:
    """It is what Icechunk itself would have put there."""
    icechunk = pytest.importorskip("icechunk")
    server.put(BUCKET, KEY, file("gzip").read_bytes())
    source, output = f"s3://{BUCKET}/{KEY}", f"s3://{BUCKET}/up/refs.icechunk"
    assert run("refs", source, "-o", output, "--overwrite", on=server).code == 0
    assert run("refs", source, "-o", output, "--overwrite", on=server).code == 0
    assert run("refs", "--check", output, on=server).lines == [f"{output}: fresh: 1 object as they were"]
    keys = {"access_key_id": server.access_key, "secret_access_key": server.secret_key}
    place = {"endpoint_url": server.url, "allow_http": True, "force_path_style": True}
    storage = icechunk.s3_storage(
        bucket=BUCKET, prefix="up/refs.icechunk", region=server.region, **keys, **place
    )
    allowed = icechunk.containers_credentials({f"s3://{BUCKET}/": icechunk.s3_credentials(**keys)})
    with h5py.File(file("gzip")) as local:
        assert np.array_equal(opened(storage, allowed)["level9"][...], local["level9"][...])
