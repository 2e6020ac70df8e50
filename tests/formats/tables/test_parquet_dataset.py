"""Parquet files below a prefix as one table: partitions, schemas that differ, what is passed over, rounds."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import ChangedError, DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables.parquet.dataset import is_data, keys_of
from h5s3.formats.tables.parquet.table import open_table
from h5s3.formats.tables.rows.scan import scan
from h5s3.records import UNSET, DatasetNode
from h5s3.storage.location import parse_location
from tests.support.cli import run
from tests.support.servers.s3 import S3Server
from tests.support.tables.places import FolderPlace

DAY = datetime.date(2024, 1, 1)


def rows_of(folder: Path, *args: Any) -> list[dict[str, Any]]:
    place = FolderPlace(folder)
    return [row for part in scan(open_table(place, None), place, *args) for row in part.to_pylist()]


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset") / "hive"
    table = pa.table(
        {
            "id": range(90),
            "day": [DAY + datetime.timedelta(n % 3) for n in range(90)],
            "part": [n % 2 for n in range(90)],
            "a name": [None if n % 5 == 0 else "x/y=%" for n in range(90)],
        }
    )
    keys = pa.schema(
        [pa.field("day", pa.date32()), pa.field("part", pa.int32()), pa.field("a name", pa.string())]
    )
    ds.write_dataset(table, folder, format="parquet", partitioning=ds.partitioning(keys, flavor="hive"))
    for name in (
        "_SUCCESS",
        "_metadata",
        ".hidden.parquet",
        "day=2024-01-01/notes.txt",
        "day=2024-01-01/_committed_1",
    ):
        (folder / name).write_bytes(b"no Parquet")
    return folder


@pytest.mark.parametrize(
    "where",
    ["id >= 0", "day = '2024-01-02'", 'part = 1 and "a name" is null', "\"a name\" = 'x/y=%' and id < 9"],
)
def test_partitions_are_columns(hive: Path, where: str) -> None:
    asked = f"select * from read_parquet('{hive}/*/*/*/*.parquet', hive_partitioning = true) where {where}"
    wanted = duckdb.sql(asked).to_arrow_table().to_pylist()
    found = rows_of(hive, None, where)
    assert sorted(found, key=str) == sorted(
        ({name: row[name] for name in found[0]} for row in wanted), key=str
    )


def test_a_folder_of_partitions_is_a_table(hive: Path, tmp_path: Path) -> None:
    tree = h5s3.tree(str(hive))
    assert {node.name: node.dtype for node in tree.children if isinstance(node, DatasetNode)} == {
        "id": "int64", "day": "date32[day]", "part": "int64", "a name": "string",
    }  # fmt: skip
    facts = h5s3.meta(str(hive)).table
    assert facts is not UNSET
    assert (facts.rows, facts.num_files, facts.format) == (90, 12, "parquet")
    assert [one.name for one in facts.partitioning] == ["day", "part", "a name"]
    found = h5s3.get(str(hive), "/", tmp_path / "o.csv", where="part = 0", limit=5)
    assert found.rows == 5


def test_partitions_that_cannot_match_are_not_read(hive: Path) -> None:
    place = FolderPlace(hive)
    table = open_table(place, None)
    place.rounds.clear()
    assert len(list(scan(table, place, ["id"], "day > '2024-01-02' and part = 1"))) == 2
    assert all("day=2024-01-03/part=1" in path for one in place.rounds for path, _ in one)


def test_types_are_joined(tmp_path: Path) -> None:
    for number, column in enumerate(
        [pa.array([1], pa.int16()), pa.array([1 << 40]), pa.array([None], pa.int8())]
    ):
        more = {"late": ["x"]} if number == 2 else {}
        pq.write_table(pa.table({"a": column, **more}), tmp_path / f"{number}.parquet")
    assert rows_of(tmp_path) == [
        {"a": 1, "late": None},
        {"a": 1 << 40, "late": None},
        {"a": None, "late": "x"},
    ]
    table = open_table(FolderPlace(tmp_path), None)
    assert table.notes == ["files without columns that others have: late (2)"]


def test_types_that_no_other_one_holds_are_refused_but_shown(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "1.parquet")
    facts = h5s3.meta(str(tmp_path)).table
    assert facts is not UNSET and facts.rows == 2
    with pytest.raises(
        RefusedError, match=r"the column a is of type int64 in one file, of string in 1\.parquet"
    ):
        rows_of(tmp_path)


def test_names_have_dots(tmp_path: Path) -> None:
    inner = pa.array([{"c.d": 1, "e": [2]}])
    pq.write_table(pa.table({"a.b": inner, "a": pa.array([{"b": 3}])}), tmp_path / "t.parquet")
    assert rows_of(tmp_path, ["a.b.c.d", "a.b.e"]) == [{"a.b.c.d": 1, "a.b.e": [2]}]
    sizes = {one.path: one.stored for one in h5s3.du(str(tmp_path / "t.parquet"), depth=0).entries}
    group = pq.read_metadata(tmp_path / "t.parquet").row_group(0)
    assert sizes["/a.b/c.d"] == group.column(0).total_compressed_size
    assert sizes["/a/b"] == group.column(2).total_compressed_size


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.parquet", True), ("k=v/a.PARQ", True), ("_dt=1/a.parquet", True), ("_a.parquet", False),
        ("x/.tmp/a.parquet", False), ("_temporary/a.parquet", False), ("a.parquet.crc", False),
        ("a.csv", False),
    ],
)  # fmt: skip
def test_what_is_data(path: str, data: bool) -> None:
    assert is_data(path) is data


def test_keys_of_paths() -> None:
    path = "a%20b=c%2Fd%3D/e=__HIVE_DEFAULT_PARTITION__/f/g=/x=y.parquet"
    assert keys_of(path) == [("a b", "c/d="), ("e", None), ("g", "")]


@pytest.mark.parametrize("names", [("a.h5", "b.parquet"), ("k=v/a.csv",), ("sub/a.parquet", "b.parquet")])
def test_other_prefixes_are_no_tables(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(H5s3Error, match="directory"):
        h5s3.tree(str(tmp_path))


# ------------------------------------------------------------------------------------------------- servers


def put(server: S3Server, key: str, **columns: Any) -> int:
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made)
    server.put("lake", key, made.getvalue())
    return len(made.getvalue())


def settings_of(server: S3Server) -> dict[str, Any]:
    return {"endpoint_url": server.url, "access_key": server.access_key, "secret_key": server.secret_key}


@pytest.mark.parametrize("files", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_all_footers_come_in_one_round(server: S3Server, files: int) -> None:
    for number in range(files):
        put(server, f"many{files}/p={number % 4}/{number:04}.parquet", a=[number])
    result = run("meta", f"s3://lake/many{files}/", "--json", "--stats", on=server)
    assert json.loads(result.out)["table"]["rows"] == files
    rounds = int(result.err.split(" rounds")[0].rsplit(" ", 1)[1])
    assert rounds <= 4, result.err  # what is there, in one of its folders, all that is listed, footers


def test_the_ends_of_objects_are_pinned_by_the_sizes_that_were_listed(server: S3Server) -> None:
    from contextlib import closing

    from h5s3.settings import Settings
    from h5s3.storage.objects import Objects
    from h5s3.storage.stores.s3 import open_s3
    from h5s3.storage.trace import Trace

    server.put("lake", "ends/a", b"0123456789")
    server.put("lake", "ends/b", b"xy")
    trace, place = Trace(), parse_location("s3://lake/ends")
    store = open_s3(place, Settings(region=server.region, **settings_of(server)), trace)
    with closing(store), closing(Objects(store, place, trace)) as objects:
        found = objects.tails([("a", 10), ("missing", 5), ("b", 2)], 4)
        assert [one and one[1] for one in found] == [b"6789", None, b"xy"]
        assert (trace.rounds, trace.total) == (1, 3)
        info = found[0][0] if found[0] else None
        assert info is not None and info.etag and info.size == 10
        assert objects.read([(info, (2, 4))]) == [b"23"]
        for size in (9, 11, 100):
            with pytest.raises(ChangedError):
                objects.tails([("a", size)], 4)
        server.put("lake", "ends/a", b"abcdefghij")
        with pytest.raises(ChangedError):
            objects.read([(info, (0, 4))])


def test_files_that_are_damaged_are_named(server: S3Server) -> None:
    put(server, "bad/a.parquet", a=[1])
    server.put("lake", "bad/b.parquet", b"PAR1 and nothing else")
    assert "b.parquet is not a Parquet file" in run("meta", "s3://lake/bad/", on=server).failed(6)


def test_listings_say_which_prefixes_are_tables(server: S3Server) -> None:
    put(server, "marked/t/a.parquet", a=[1])
    server.put("lake", "marked/other/a.csv", b"a")
    found = run("ls", "s3://lake/marked/", "--json", on=server).json["entries"]
    assert {one["key"]: one.get("format") for one in found} == {"marked/other/": None, "marked/t/": "parquet"}


def test_sizes_that_are_wrong_in_metadata_are_damage(tmp_path: Path) -> None:
    from h5s3.formats.base import Source
    from h5s3.formats.tables.place import PrefixPlace
    from h5s3.storage.base import ObjectInfo
    from h5s3.storage.location import Location
    from h5s3.storage.objects import Objects
    from h5s3.storage.stores.local import LocalStore
    from h5s3.storage.trace import Trace

    (tmp_path / "a").write_bytes(b"0123456789")
    location, store, trace = Location("local", str(tmp_path)), LocalStore(), Trace()
    source = Source(ObjectInfo(location, "", 0), b"", store, None, trace)  # type: ignore[arg-type]
    place = PrefixPlace(source, Objects(store, location, trace))
    with pytest.raises(DamagedError, match="a is of 10 bytes, the metadata of the table says 8"):
        place.tails([("a", 8)], 4)
    found = place.tails([("a", 10), ("b", None)], 4)
    assert [(path, one.start, one.data) for path, one in found.items()] == [("a", 6, b"6789")]
