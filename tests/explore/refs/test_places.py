"""References that are written to S3: one object, or a folder of them of which the mark comes last."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.errors import H5s3Error
from h5s3.explore.refs.refs import RefsRequest, refs
from h5s3.explore.session import Session
from h5s3.settings import from_environment
from h5s3.storage.location import parse_location
from tests.support.cli import file, run
from tests.support.reference.references import arrays, opened
from tests.support.servers.s3 import S3Server

BUCKET = "references"


@pytest.fixture
def bucket(server: S3Server) -> S3Server:
    """A server with an empty bucket."""
    server.put(BUCKET, "x", b"")
    for key in keys(server):
        server.client().delete_object(Bucket=BUCKET, Key=key)
    return server


def keys(server: S3Server, prefix: str = "") -> list[str]:
    found = server.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", [])]


def body(server: S3Server, key: str) -> bytes:
    found: bytes = server.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return found


def test_json(bucket: S3Server, tmp_path: Path) -> None:
    for key in ("refs.json", f"a b/deep{'//' if bucket.name == 'moto' else '/'}refs.json"):
        output = f"s3://{BUCKET}/{key}"
        receipt = run("refs", file("gzip"), "-o", output, "--json", on=bucket).json
        assert keys(bucket, key.partition("/")[0]) == [key]
        data = body(bucket, key)
        assert receipt["output"] == output and receipt["file_bytes"] == len(data)
        (tmp_path / "copy.json").write_bytes(data)
        with h5py.File(file("gzip")) as source:
            for name, array in arrays(opened(tmp_path / "copy.json")):
                assert np.array_equal(array[...], source[name][...])
        fresh = run("refs", "--check", output, on=bucket).lines
        assert fresh == [f"{output}: fresh: 1 object as they were"]
        assert "the object exists" in run("refs", file("gzip"), "-o", output, on=bucket).failed(2)
        assert run("refs", file("floats"), "-o", output, "--overwrite", on=bucket).code == 0
        assert body(bucket, key) != data


def test_a_folder(bucket: S3Server, tmp_path: Path) -> None:
    output, folder = f"s3://{BUCKET}/up/refs.parq", tmp_path / "refs.parq"
    assert run("refs", file("gzip"), "-o", folder).code == 0
    receipt = run("refs", file("gzip"), "-o", output, "--json", on=bucket).json
    here = {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    assert {key.removeprefix("up/refs.parq/"): body(bucket, key) for key in keys(bucket)} == here
    assert receipt["file_bytes"] == sum(map(len, here.values()))
    assert "1 object as they were" in run("refs", "--check", output, on=bucket).lines[0]
    assert "there is something already" in run("refs", file("gzip"), "-o", output, on=bucket).failed(2)
    assert run("refs", file("floats"), "-o", output, "--overwrite", on=bucket).code == 0
    arrays_now = json.loads(body(bucket, "up/refs.parq/.zmetadata"))["metadata"]
    rows = {key.rpartition("/")[0].removeprefix("up/refs.parq/") for key in keys(bucket) if "parq/" in key}
    assert rows - {"up/refs.parq"} <= {key.rpartition("/")[0] for key in arrays_now}  # none is left over
    bucket.put(BUCKET, "mine.parq/notes.txt", b"keep")
    mine = run("refs", file("gzip"), "-o", f"s3://{BUCKET}/mine.parq", "--overwrite", on=bucket)
    assert "no references are in it" in mine.failed(2)


def test_a_folder_that_cannot_be_finished(bucket: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left where the server fails; what a kill left can be overwritten."""
    for name, value in bucket.env().items():
        monkeypatch.setenv(name, value)
    from h5s3.storage.stores.s3_output import S3Output

    output, put = f"s3://{BUCKET}/half.parq", S3Output.put
    written: list[str] = []

    def failing(self: S3Output, name: str, data: bytes | memoryview) -> str:
        written.append(name)
        if name == ".zmetadata":
            raise H5s3Error("no space")
        return put(self, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(S3Output, "put", failing)
        with Session(from_environment()) as session, pytest.raises(H5s3Error, match="no space"):
            refs(session, [parse_location(str(file("gzip")))], RefsRequest(output=output))
    assert len(written) > 2 and written[0] == "h5s3.json" and written[-1] == ".zmetadata"
    assert keys(bucket) == []
    for name in ("h5s3.json", "old/refs.0.parq"):
        bucket.put(BUCKET, f"half.parq/{name}", b"{}")
    assert "not references that h5s3 wrote" in run("refs", "--check", output, on=bucket).failed(6)
    assert run("refs", file("gzip"), "-o", output, "--overwrite", on=bucket).code == 0
    assert ".zmetadata" in keys(bucket)[0]
    assert not {f"half.parq/{name}" for name in ("h5s3.json", "old/refs.0.parq")} & set(keys(bucket))


def test_places_that_are_none(bucket: S3Server, tmp_path: Path) -> None:
    for output, code, said in [
        (f"s3://{BUCKET}/", 2, "tells no format"),
        (f"s3://{BUCKET}/refs.json/", 2, "no name of an object"),
        ("s3://refs.json", 2, "no name of an object"),
        ("s3://refs.parq", 2, "a bucket, not a place in it"),
        ("s3://no-such-bucket-here/refs.json", 3, "no such bucket"),
        ("s3://no-such-bucket-here/refs.parq", 3, "no such bucket"),
        ("https://example.org/refs.json", 2, "only files and s3:// can be written to"),
        (f"{tmp_path}/none/refs.json", 2, "no folder"),
    ]:
        assert said in run("refs", file("gzip"), "-o", output, on=bucket).failed(code), output
    offline = run("refs", file("gzip"), "-o", f"s3://{BUCKET}/refs.parq", "--offline", on=bucket)
    assert "--offline asks no storage" in offline.failed(2)
    assert "no such file" in run("refs", "--check", f"s3://{BUCKET}/none.json", on=bucket).failed(3)
