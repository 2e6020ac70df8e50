"""Tables below a prefix are files of a search, known by names of the listing."""

from __future__ import annotations

from pathlib import Path

import pytest

import h5s3
from h5s3.explore.many import datasets
from h5s3.explore.many.files import Files
from h5s3.explore.session import Session
from h5s3.records import Entry
from h5s3.settings import Settings
from tests.support.servers.s3 import S3Server

KEYS = {
    "delta/_delta_log/00000000000000000000.json": b"{}",
    "delta/_delta_log/_sidecars/a.parquet": b"x",
    "delta/day=1/part-0.parquet": b"x",
    "deep/er/hudi/.hoodie/hoodie.properties": b"x",
    "deep/er/hudi/.hoodie/metadata/.hoodie/hoodie.properties": b"x",
    "ice/data/00.parquet": b"x",
    "ice/metadata/00000-a.metadata.json": b"{}",
    "ice/metadata/snap-1.avro": b"x",
    "ice/metadata/v2.gz.metadata.json": b"x",
    "others/metadata/notes.json": b"{}",
    "others/my_delta_log/0.json": b"{}",
    "others/x.h5": b"x",
    "others/x.parquet": b"x",
}
FOUND = ["deep/er/hudi/", "delta/", "ice/", "others/x.h5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("many-tables")
    for key, data in KEYS.items():
        (top / key).parent.mkdir(parents=True, exist_ok=True)
        (top / key).write_bytes(data)
    return top


def listed(where: str, settings: Settings) -> list[str]:
    with Session(settings) as session:
        return sorted(file.location.key for file in Files(session, [session.location(where)]))


def test_of_a_folder(folder: Path) -> None:
    assert listed(str(folder), Settings()) == [f"{folder}/{name}" for name in FOUND]
    assert listed(f"{folder}/delta", Settings()) == [f"{folder}/delta/"]


def test_of_a_bucket(moto: S3Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in moto.env().items():
        monkeypatch.setenv(name, value)
    for key in KEYS:
        moto.put_file("many-tables", f"top/{key}", folder / key)
    settings = Settings(endpoint_url=moto.url)
    assert listed("s3://many-tables/top/", settings) == [f"top/{name}" for name in FOUND]
    assert listed("s3://many-tables/top/ice/", settings) == ["top/ice/"]
    assert listed("s3://many-tables/top/ice/metadata/", settings) == []
    assert listed("s3://many-tables/top/others/*.parquet", settings) == ["top/others/x.parquet"]


def test_a_place_of_parquet_files_alone_is_one_table(folder: Path, tmp_path: Path) -> None:
    for name in ("year=1/a.parquet", "year=2/b.parquet", "_SUCCESS"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert listed(str(tmp_path), Settings()) == [str(tmp_path)]
    (tmp_path / "notes.txt").write_bytes(b"")
    assert listed(str(tmp_path), Settings()) == []
    assert listed(f"{folder}/others", Settings()) == [f"{folder}/others/x.h5"]


LAKE = {
    "evo/a.parquet": b"x",
    "evo/b.parquet": b"x",
    "evo/_temporary/0/notes.txt": b"x",
    "files/docs/readme.md": b"x",
    "files/only/x.pq": b"x",
    "files/x.parquet": b"x",
    "hive/_SUCCESS": b"",
    "hive/k=a/y=1/x.parquet": b"x",
    "hive/k=b/y=1/x.parquet": b"x",
    "ice-cold/x.parquet": b"x",
    "ice/data/0a/x.parquet": b"x",
    "ice/data/0b/x.parquet": b"x",
    "ice/metadata/00000-a.metadata.json": b"{}",
    "mixed/k=a/notes.txt": b"x",
    "mixed/k=a/x.parquet": b"x",
    "refs.parq/.zmetadata": b"{}",
    "refs.parq/a/refs.0.parq": b"x",
    "scans/x.h5": b"x",
    "scans/x.parquet": b"x",
    "z/Day=1/x.parquet": b"x",
    "z/_delta_log/0.json": b"{}",
    "z/more/x.parquet": b"x",
    "z1/x.parquet": b"x",
}
IN_LAKE = ["evo/", "files/only/", "hive/", "ice-cold/", "ice/", "scans/x.h5", "z/", "z1/"]


def test_folders_of_parquet_files_are_tables(
    moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, data in LAKE.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(data)
        moto.put("many-lake", f"top/{key}", data)
    for name, value in moto.env().items():
        monkeypatch.setenv(name, value)
    settings = Settings(endpoint_url=moto.url)
    assert listed(str(tmp_path), Settings()) == [f"{tmp_path}/{name}" for name in IN_LAKE]
    assert listed("s3://many-lake/top/", settings) == [f"top/{name}" for name in IN_LAKE]
    assert listed("s3://many-lake/", settings) == [f"top/{name}" for name in IN_LAKE]
    assert listed("s3://many-lake/top/ice/", settings) == ["top/ice/"]
    assert listed("s3://many-lake/top/hive/k=a/", settings) == ["top/hive/k=a/"]
    monkeypatch.setattr(datasets, "MOST_HELD", 1)
    assert "top/evo/" in listed("s3://many-lake/top/", settings)
    assert "top/hive/" not in listed("s3://many-lake/top/", settings)


def test_of_a_file_system_of_fsspec() -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    for key, data in LAKE.items():
        MemoryFileSystem().pipe(f"/many-lake/{key}", data)
    assert listed("memory://many-lake/", Settings()) == [f"memory:///many-lake/{name}" for name in IN_LAKE]
    assert listed("memory://many-lake/evo/", Settings()) == ["memory://many-lake/evo/"]
    assert listed("memory://many-lake/ice/", Settings()) == ["memory:///many-lake/ice/"]


def test_a_table_is_told_as_soon_as_none_above_it_can_be_one() -> None:
    found, ready = datasets.Datasets(), {}
    for path in (
        "data/x.parquet",
        "metadata-x/x.parquet",
        "metadata/x.parquet",
        "n/x.parquet",
        "o/x.parquet",
    ):
        ready[path] = [folder for folder, *_ in found.ready(path)]
        found.take(path, Entry(key=path, type="object"))
    assert list(ready.values()) == [[], [], [], ["data/", "metadata-x/"], ["metadata/"]]
    assert [folder for folder, *_ in found.rest()] == ["n/", "o/"]


def test_a_catalog_has_one_row_for_a_table(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in ("evo/a.parquet", "evo/b.parquet", "hive/k=a/y=1/x.parquet", "hive/k=b/y=1/x.parquet"):
        (tmp_path / "lake" / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"energy": [1.0]}), tmp_path / "lake" / name)
    (tmp_path / "lake" / "notes.txt").write_bytes(b"x")
    built = h5s3.catalog_build(str(tmp_path / "lake"), str(tmp_path / "catalog"))
    assert (built.files, built.other) == (2, 1)  # what is in the tables is not passed over
    found = h5s3.catalog_query(str(tmp_path / "catalog"), "select file, status from files order by file")
    assert [list(row) for row in found.rows] == [
        [f"{tmp_path}/lake/{name}/", "ok"] for name in ("evo", "hive")
    ]


def test_the_version_goes_with_the_tables(folder: Path) -> None:
    with Session(Settings(version=3)) as session:
        (file,) = Files(session, [session.location(f"{folder}/delta")])
        assert file.location.table_version == "3"


def test_columns_are_found(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"energy": [1.0], "name": ["a"]}), tmp_path / "t.parquet")
    (found,) = h5s3.find(str(tmp_path / "t.parquet"), name="ener*").matches
    assert found.path == "/energy"
