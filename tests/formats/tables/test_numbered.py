"""Rows of tables by their numbers: the same as those of the whole, of which no more is read than it takes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.errors import RefusedError, UsageError
from h5s3.explore.preview.window import WindowRequest, window
from h5s3.explore.session import Session
from h5s3.export.tables.texts import json_column
from h5s3.formats.tables.rows import numbered
from h5s3.records import UNSET, Window
from h5s3.settings import Settings
from h5s3.storage.stores.local import LocalStore
from tests.formats.tables.delta.making import (
    PROTOCOL,
    add,
    features,
    field,
    inline,
    schema,
    write_log,
    write_rows,
)
from tests.formats.tables.hudi.tables import deletes_block, rows_block
from tests.formats.tables.hudi.test_logs import FIRST, SCHEMA, SECOND, Merging, row
from tests.formats.tables.iceberg.making import Made, column

NUMBERS = schema(field("n", "long"), field("word", "string"))


def numbers(first: int, count: int) -> pa.Table:
    told = range(first, first + count)
    return pa.table({"n": told, "word": [None if n % 7 == 0 else f"w{n}" for n in told]})


def parquet(folder: Path) -> None:
    for part in range(4):
        pq.write_table(numbers(100 * part, 100), folder / f"{part}.parquet", row_group_size=30)


def delta(folder: Path) -> None:
    """Vectors hide rows, a whole row group among them; of some files the log tells no numbers."""
    adds = [write_rows(folder / f"{part}.parquet", numbers(100 * part, 100)) for part in range(5)]
    pq.write_table(numbers(200, 100), folder / "2.parquet", row_group_size=10)
    adds[1]["add"]["deletionVector"] = inline([0, 5, *range(90, 100)])
    size = (folder / "2.parquet").stat().st_size
    adds[2]["add"] |= {"deletionVector": inline([3, *range(10, 20), 41]), "size": size}
    for one in (adds[2], adds[3]):
        del one["add"]["stats"]
    write_log(folder, [features("deletionVectors"), NUMBERS, *adds])


def iceberg(folder: Path) -> None:
    """By positions and by values."""
    table = Made(folder, columns=[column(1, "n", "long"), column(2, "word", "string")])
    files = [table.data(f"{part}.parquet", numbers(100 * part, 100).to_pydict()) for part in range(5)]
    table.manifest(*files)
    table.manifest(table.positions("d.parquet", [("1.parquet", at) for at in (0, 1, 50)]), sequence=2)
    table.manifest(table.equality("e.parquet", {"n": [5, 205, 206, 499]}), sequence=2)
    table.finish()


def hudi(folder: Path) -> None:
    """Two groups with logs, and one that is a log alone."""
    made = Merging(folder, 9)
    made.write(folder / f"g2_0-1-2_{FIRST}.parquet", [row(n, n, "second") for n in range(5, 60)])
    made.log(SECOND, rows_block(SECOND, [row(2, 21, "new"), row(90, 1, "more")], SCHEMA))
    changed = rows_block(SECOND, [row(7, 700, "new"), row(91, 1, "more")], SCHEMA)
    (folder / f".g2_{SECOND}.log.1_0-1-1").write_bytes(changed + deletes_block(SECOND, {"k8": None}))
    (folder / f".g3_{SECOND}.log.1_0-1-1").write_bytes(rows_block(SECOND, [row(92, 1, "log")], SCHEMA))


def asked(place: Path, **more: Any) -> Window:
    with Session(Settings(no_cache=True)) as session:
        return window(session, session.location(str(place)), WindowRequest("/", **more))


def whole(place: Path) -> list[list[Any]]:
    """As `get` writes it."""

    def question(contents: Any) -> list[list[Any]]:
        parts = contents.rows(None, None, None).rows()
        return [list(one) for part in parts for one in zip(*map(json_column, part.columns), strict=True)]

    with Session(Settings(no_cache=True)) as session:
        found: list[list[Any]] = session.read(session.location(str(place)), question)
        return found


@pytest.mark.parametrize("make", [parquet, delta, iceberg, hudi])
@pytest.mark.parametrize("little", [numbered.LITTLE, 0], ids=["counted", "by pages"])
def test_rows_are_those_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], little: int
) -> None:
    monkeypatch.setattr(numbered, "LITTLE", little)
    make(tmp_path)
    every, chance = whole(tmp_path), random.Random(1)
    counted: dict[str, Any] = {}
    for start in [0, len(every) - 1, *(chance.randrange(len(every)) for _ in range(10))]:
        stop, last = start + chance.choice([1, 7, 128]), chance.choice([1, 9])
        found = asked(tmp_path, rows=(start, stop), columns=(0, last), **counted)
        assert found.table.rows == [line[:last] for line in every[start:stop]]
        assert found.num_rows == len(every) if not found.more else stop < found.num_rows < len(every)
        counted = {"counted": tuple(found.counted), "version": found.version}
    assert asked(tmp_path, rows=(len(every), len(every) + 5)).table.rows == []
    found = asked(tmp_path, rows=(1, 4), selection="10::3")
    assert found.table.rows == every[13:22:3] and (found.row_start, found.row_step) == (10, 3)


def test_what_was_counted_is_not_counted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbered, "LITTLE", 0)
    hudi(tmp_path)
    first = asked(tmp_path, rows=(0, 4))
    assert (first.num_rows, first.more, first.counted) == (5, True, [(0, 5)])
    told = {"counted": ((0, 5), (1, 1000)), "version": first.version}
    assert asked(tmp_path, rows=(0, 4), **told).num_rows == 1005
    assert asked(tmp_path, rows=(0, 4), **told | {"version": "another"}).counted == [(0, 5)]
    with pytest.raises(UsageError, match="how many rows there are is not known"):
        asked(tmp_path, rows=(0, 4), selection="-3:")


def test_the_end_of_a_large_table_is_all_that_is_read(tmp_path: Path) -> None:
    """10⁶ rows in 100 files, of which all but the last are not even there."""
    last = numbers(990_000, 10_000)
    pq.write_table(last, tmp_path / "99.parquet", row_group_size=1000)
    size = (tmp_path / "99.parquet").stat().st_size
    adds = [add(f"{part}.parquet", 10_000, size=size) for part in range(100)]
    for one in adds[:50]:
        one["add"]["deletionVector"] = inline([1, 2])
    write_log(tmp_path, [features("deletionVectors"), NUMBERS, *adds])
    read: list[int] = []
    real = LocalStore.get_ranges

    def seen(self: LocalStore, obj: Any, ranges: Any, *more: Any) -> Any:
        found = real(self, obj, ranges, *more)
        read.append(sum(map(len, found.values())) if obj.location.key.endswith("99.parquet") else 0)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "get_ranges", seen)
        found = asked(tmp_path, rows=(999_900 - 100, 999_900))
    assert found.num_rows == 999_900 and not found.more
    assert [line[0] for line in found.table.rows] == [*range(999_900, 1_000_000)]
    assert found.table.null_words is not UNSET
    assert found.table.null_words[:2] == [[None, None], [None, "null"]]  # 999,901 is a multiple of seven
    assert sum(read) < 20_000 + 64 * 1024 < size
    pq.write_table(last, tmp_path / "0.parquet", row_group_size=1000)
    found = asked(tmp_path, rows=(0, 3))  # nor is the second file looked at for these
    assert [line[0] for line in found.table.rows] == [990_000, 990_003, 990_004]


def test_more_bytes_than_may_be_fetched(tmp_path: Path) -> None:
    pq.write_table(numbers(0, 50_000), tmp_path / "t.parquet")
    with pytest.raises(RefusedError, match="more than --max-bytes 1000"):
        asked(tmp_path / "t.parquet", rows=(40_000, 40_010), max_bytes=1000)


def test_plain_protocols_are_read_too(tmp_path: Path) -> None:
    write_log(tmp_path, [PROTOCOL, NUMBERS])
    found = asked(tmp_path)
    assert (found.num_rows, found.table.rows, found.table.columns) == (0, [], ["n", "word"])


def test_long_values_are_cut(tmp_path: Path) -> None:
    pq.write_table(pa.table({"s": ["x" * 100_000], "l": [[1] * 5000]}), tmp_path / "t.parquet")
    ((text, items),) = asked(tmp_path / "t.parquet").table.rows
    assert (text, items) == ("x" * 65536, [1] * 4096)
