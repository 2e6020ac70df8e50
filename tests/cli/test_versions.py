"""`--version-id` names the version of an object that is read."""

from __future__ import annotations

import io
from dataclasses import dataclass

import h5py
import pytest

import h5s3
from tests.support.cli import run
from tests.support.servers.s3 import S3Server

BUCKET = "versions"
WHERE = f"s3://{BUCKET}/runs/file.h5"
AGAIN = f"no such version of the object, or a delete marker; try: h5s3 ls {WHERE} --versions"


@dataclass(frozen=True)
class Versions:
    """The ids of an object that was written twice and deleted."""

    server: S3Server
    first: str
    second: str
    marker: str


@pytest.fixture(scope="module")
def versions(moto: S3Server) -> Versions:
    def body(size: int) -> bytes:
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file["values"] = list(range(size))
        return buffer.getvalue()

    client = moto.client()
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    names = {"Bucket": BUCKET, "Key": "runs/file.h5"}
    first, second = (client.put_object(Body=body(size), **names)["VersionId"] for size in (3, 5))
    return Versions(moto, first, second, client.delete_object(**names)["VersionId"])


def test_each_version_is_read(versions: Versions) -> None:
    for wanted, size in ((versions.first, 3), (versions.second, 5), (versions.first, 3)):
        chosen = ("--version-id", wanted)
        found = run("tree", WHERE, *chosen, "--json", on=versions.server).json
        assert found["children"][0]["shape"] == [size]
        assert run("meta", WHERE, "/values", *chosen, "--json", on=versions.server).json["shape"] == [size]
        shown = run("preview", WHERE, "/values", *chosen, "--json", on=versions.server).json
        assert shown["stats"]["max"] == size - 1
        used = run("du", WHERE, *chosen, "--json", on=versions.server).json
        assert used["entries"][0]["logical"] == size * 8
        values = run("get", WHERE, "/values", *chosen, "-o", "-.csv", on=versions.server).out
        assert values.split()[-1] == str(size - 1)


def test_doctor_looks_at_the_version(versions: Versions) -> None:
    found = run("doctor", WHERE, "--version-id", versions.second, "--json", on=versions.server)
    assert found.code == 0 and "1 dataset" in found.out
    found = run("doctor", WHERE, "--version-id", versions.marker, on=versions.server)
    assert found.code == 3 and "no such version" in found.out


@pytest.mark.parametrize("command", ["tree", "meta", "du", "preview"])
def test_no_such_version(versions: Versions, command: str) -> None:
    for wanted in (versions.marker, "nonsense", "00000000-0000-0000-0000-000000000000"):
        line = run(command, WHERE, "--version-id", wanted, on=versions.server).failed(3)
        assert line == f"{WHERE}: {AGAIN}"


def test_a_version_is_of_an_object_in_s3(versions: Versions) -> None:
    for where in ("./file.h5", "https://127.0.0.1:1/file.h5", f"s3://{BUCKET}"):
        line = run("tree", where, "--version-id", "1", on=versions.server).failed(2)
        assert line.endswith(": --version-id names a version of an object in S3")


def test_versions_from_python(versions: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in versions.server.env().items():
        monkeypatch.setenv(name, value)
    assert h5s3.meta(WHERE, "/values", version_id=versions.first).shape == [3]
