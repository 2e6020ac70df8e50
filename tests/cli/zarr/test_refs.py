"""`h5s3 refs` as it is typed: what it prints, what it writes, what it says of bad input."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support.cli import file, run, sample
from tests.support.reference.references import arrays, opened
from tests.support.servers.s3 import S3Server
from tests.support.servers.web import WebServer

CAST = {"compression": "gzip", "shuffle": True}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Datasets that references can hold, and some that they cannot."""
    path = tmp_path / "mixed.h5"
    with h5py.File(path, "w") as new:
        new["time"] = np.arange(4.0)
        new["time"].make_scale("time")
        data = new.create_dataset(
            "group/data", data=np.arange(24, dtype="<i4").reshape(4, 6), chunks=(2, 6), **CAST
        )
        data.dims[0].attach_scale(new["time"])
        data.attrs["units"], data.attrs["_FillValue"] = "counts", np.int32(-1)
        new["group/same"] = data
        new["soft"] = h5py.SoftLink("/group/data")
        new["group/other"] = np.zeros((7, 6))
        new["name"] = ["a", "längere"]
        new["away"] = h5py.ExternalLink("other.h5", "/data")
        new["reference"] = data.ref
        new.create_dataset("lzf", data=np.zeros(400_000, dtype="<i4"), chunks=(1000,), compression="lzf")
    return path


def refs_of(path: Path) -> dict[str, Any]:
    """The references of a file, documents of Zarr as they are meant."""
    found: dict[str, Any] = json.loads(path.read_bytes())
    assert found["version"] == 1
    return {
        key: json.loads(one) if key.rpartition("/")[2].startswith(".z") else one
        for key, one in found["refs"].items()
    }


def test_references_on_a_server(server: S3Server, tmp_path: Path) -> None:
    where, output = sample(server, "gzip"), tmp_path / "gzip.json"
    line = run("refs", where, "-o", output, on=server).lines
    assert len(line) == 1 and "chunks referred to" in line[0]
    found = refs_of(output)
    (url, start, size) = found["level9/0.0"]
    assert url == where
    with h5py.File(file("gzip")) as local:
        stored = local["level9"].id.get_chunk_info(0)
        assert (start, size) == (stored.byte_offset, stored.size)
    assert found["level9/.zarray"]["filters"] == [{"id": "zlib", "level": 9}]
    assert found[".zmetadata"]["metadata"]["level9/.zarray"] == found["level9/.zarray"]
    assert run("refs", "--check", output, on=server).lines == [f"{output}: fresh: 1 object as they were"]
    receipt = run("refs", where, "-o", output, "--overwrite", "--json", on=server).json
    assert receipt["sources"][0] == {
        "location": where,
        "url": where,
        "size": file("gzip").stat().st_size,
        "etag": receipt["sources"][0]["etag"],
        "last_modified": receipt["sources"][0]["last_modified"],
    }
    assert receipt["num_arrays"] == 6 and receipt["format"] == "json"


def test_what_is_held_and_what_is_left_out(mixed: Path, tmp_path: Path) -> None:
    output = tmp_path / "mixed.json"
    done = run("refs", mixed, "-o", output)
    assert done.code == 0
    assert done.out.startswith(f"{output}: 6 arrays, 1 group, ")
    left = {line.split(": ")[1]: line.split(": ", 2)[2] for line in done.err.splitlines()}
    assert left == {
        "/away": "a link that is not followed (external)",
        "/lzf": "no codec of Zarr undoes its filters (lzf), and its values are too large to be inlined (1.6 MB)",  # noqa: E501
        "/reference": "sequences of variable length and references have no counterpart in Zarr 2",
    }
    found = refs_of(output)
    assert found["group/data/.zattrs"] == {"units": "counts", "_ARRAY_DIMENSIONS": ["time", "data_dim_1"]}
    assert found["group/data/.zarray"]["fill_value"] == -1
    assert found["group/data/0.0"] == found["soft/0.0"] == found["group/same/0.0"]
    assert found["group/other/.zattrs"]["_ARRAY_DIMENSIONS"] == ["other_dim_0", "other_dim_1"]
    assert base64.b64decode(found["time/0"].removeprefix("base64:")) == np.arange(4.0).tobytes()
    values = {name: array[...] for name, array in arrays(opened(output))}
    assert values["name"].tolist() == ["a", "längere"]
    assert np.array_equal(values["soft"], np.arange(24).reshape(4, 6))
    receipt = json.loads(run("refs", mixed, "-o", output, "--overwrite", "--json").out)
    assert {item["path"]: item["reason"] for item in receipt["left_out"]} == left


def test_the_url_that_references_have(tmp_path: Path, server: S3Server) -> None:
    output = tmp_path / "refs.json"

    def url(*words: object, on: S3Server | None = None) -> str:
        assert run("refs", *words, "-o", output, "--overwrite", on=on).code == 0
        found: str = refs_of(output)["level0/0.0"][0]
        return found

    assert url(file("gzip")) == f"file://{file('gzip')}"
    where = sample(server, "gzip")
    key = where.split("/", 3)[3]
    assert url(where, "--url", "https://data.example.org/{bucket}/{key}", on=server) == (
        f"https://data.example.org/{where.split('/')[2]}/{key}"
    )


def test_stale_references(tmp_path: Path) -> None:
    path, output = tmp_path / "data.h5", tmp_path / "refs.json"
    path.write_bytes(file("gzip").read_bytes())
    run("refs", path, "-o", output)
    path.write_bytes(path.read_bytes() + b"more")
    done = run("refs", "--check", output)
    assert done.code == 7 and "stale: 1 of 1 object" in done.out and "its size is" in done.out
    path.unlink()
    done = run("refs", "--check", output, "--json")
    assert done.code == 7
    assert json.loads(done.out)["stale"] == [{"location": str(path), "reason": "it is not there any more"}]


def test_stale_references_to_several_objects(server: S3Server, tmp_path: Path) -> None:
    """One that is gone and one that is another do not keep the others from being told."""
    output, data = tmp_path / "refs.json", file("gzip").read_bytes()
    for number in range(4):
        server.put("stale", f"several/{number}.h5", data)
    assert run("refs", "s3://stale/several/", "-o", output, on=server).code == 0
    assert run("refs", "--check", output, on=server).lines == [f"{output}: fresh: 4 objects as they were"]
    server.client().delete_object(Bucket="stale", Key="several/1.h5")
    server.put("stale", "several/3.h5", data[:-1] + b"x")
    done = run("refs", "--check", output, "--json", on=server)
    assert (done.code, done.err) == (7, "")
    assert json.loads(done.out)["stale"] == [
        {"location": "s3://stale/several/1.h5", "reason": "it is not there any more"},
        {"location": "s3://stale/several/3.h5", "reason": "its ETag is another one"},
    ]


def test_bad_input(tmp_path: Path, server: S3Server) -> None:
    output, good = tmp_path / "refs.json", file("gzip")

    def failed(code: int, *words: object, on: S3Server | None = None) -> str:
        return run("refs", *words, on=on).failed(code)

    assert "are needed" in failed(2)
    assert "are needed" in failed(2, good)
    assert "tells no format" in failed(2, good, "-o", tmp_path / "refs.txt")
    assert "takes references alone" in failed(2, good, "--check", output)
    assert "no such file" in failed(3, "--check", output)
    assert "no such" in failed(3, tmp_path / "nothing.h5", "-o", output)
    (tmp_path / "other.json").write_text('{"version": 1, "refs": {}}')
    assert "not references that h5s3 wrote" in failed(6, "--check", tmp_path / "other.json")
    assert "holds a signature or a password" in failed(
        2, "http://127.0.0.1:9/file.h5?X-Amz-Signature=00&X-Amz-Date=1", "-o", output
    )
    assert not output.exists()
    assert run("refs", good, "-o", output).code == 0
    assert "the file exists" in failed(2, good, "-o", output)


def test_names_that_are_no_keys(tmp_path: Path) -> None:
    path, output = tmp_path / "names.h5", tmp_path / "refs.json"
    names = [
        "..",
        ".zarray",
        "a\\b",
        "line\nfeed",
        "\x1b[31m",
        "right\u202eleft",
        "{{url}}",
        "base64:x",
        "0.0",
    ]
    with h5py.File(path, "w") as new:
        group = new.create_group("group")
        for name in names:
            group.create_dataset(name, data=1.0)
    done = run("refs", path, "-o", output)
    assert done.code == 0 and "\x1b" not in done.err
    assert sum("its name is no key in Zarr" in line for line in done.err.splitlines()) == 6
    assert {name for name, _ in arrays(opened(output))} == {"group/{{url}}", "group/base64:x", "group/0.0"}


def test_chunks_outside_of_the_object(tmp_path: Path) -> None:
    path, output = tmp_path / "cut.h5", tmp_path / "refs.json"
    with h5py.File(path, "w") as new:
        new.create_dataset("data", data=np.arange(1000), chunks=(100,))
        new["plain"] = np.arange(1000)
        places = [new["data"].id.get_chunk_info(3).byte_offset, new["plain"].id.get_offset()]
    data = path.read_bytes()
    for place in places:
        assert data.count(place.to_bytes(8, "little")) == 1
        data = data.replace(place.to_bytes(8, "little"), (len(data) - 50).to_bytes(8, "little"))
    path.write_bytes(data)
    done = run("refs", path, "-o", output)
    assert done.code == 0 and done.err.count("\n") == 2, done.err
    assert "/data" in done.err and "/plain" in done.err and "0 arrays" in done.out


def test_a_file_behind_a_url(tmp_path: Path) -> None:
    output = tmp_path / "refs.json"
    with WebServer().running() as web:
        web.pages["/data/gzip.h5"] = file("gzip").read_bytes()
        where = f"{web.url}/data/gzip.h5"
        assert run("refs", where, "-o", output).code == 0
        assert refs_of(output)["level9/0.0"][0] == where
        assert run("refs", "--check", output).lines == [f"{output}: fresh: 1 object as they were"]
        with h5py.File(file("gzip")) as local:
            assert np.array_equal(dict(arrays(opened(output)))["level9"][...], local["level9"][...])
