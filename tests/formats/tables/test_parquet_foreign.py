"""Parquet files that others wrote, and hostile ones: rows as pyarrow reads them, or why not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables.parquet.encrypted import encrypted_columns
from h5s3.formats.tables.parquet.table import open_table
from h5s3.formats.tables.rows.scan import scan
from h5s3.records import UNSET
from tests.support import ROOT
from tests.support.tables.places import FolderPlace

SHARED = ROOT.parent / "shared" / "tables" / "parquet"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared tables are not on this machine")
FOREIGN = sorted(p for p in SHARED.rglob("*") if p.is_file() and p.suffix in (".parquet", ".encrypted"))
QUICK = {
    "alltypes_plain.snappy.parquet",
    "nested_maps.snappy.parquet",
    "int64_decimal.parquet",
    "null_list.parquet",
}
REFUSED = {  # why rows cannot be read right
    "ARROW-GH-41317.parquet": "has 0 rows, its footer says 3",
    "ARROW-GH-47662.parquet": "Unexpected end of stream",
    "ARROW-RS-GH-6229-LEVELS.parquet": "levels do not match",
    "datapage_v1-corrupt-checksum.parquet": "CRC checksum verification failed",
    "rle-dict-uncompressed-corrupt-checksum.parquet": "CRC checksum verification failed",
    "encrypt_columns_plaintext_footer.parquet.encrypted": "the column float_field is encrypted",
    "encrypt_columns_and_footer_aad.parquet.encrypted": "encrypted footer, which needs a key",
    "encrypt_columns_and_footer_ctr.parquet.encrypted": "encrypted footer, which needs a key",
    "uniform_encryption.parquet.encrypted": "encrypted footer, which needs a key",
}
TOO_MUCH = ("large_string_map.brotli.parquet",)  # texts of 2 GB, which pyarrow cannot read at once


def rows_of(path: Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    place = FolderPlace(path)
    return [row for part in scan(open_table(place, None), place, columns) for row in part.to_pylist()]


def pyarrows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read().to_pylist()
    return found


@needs_shared
@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=() if p.name in QUICK else pytest.mark.slow, id=p.name) for p in FOREIGN]
)
def test_rows_are_those_of_pyarrow_or_it_is_said_why_not(path: Path) -> None:
    if path.name in REFUSED:
        with pytest.raises((DamagedError, RefusedError), match=REFUSED[path.name]):
            rows_of(path)
    elif path.name not in TOO_MUCH:
        assert repr(rows_of(path)) == repr(pyarrows(path))  # NaN is NaN there


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.name)
def test_commands_show_them_or_say_what_is_wrong(path: Path, tmp_path: Path) -> None:
    """In the cell: whatever a file makes pyarrow do ends in an answer or in a sentence."""
    for ask in (h5s3.tree, h5s3.meta, h5s3.preview):
        try:
            assert ask(str(path)) is not None
        except (DamagedError, RefusedError) as error:
            assert path.name in (*REFUSED, *TOO_MUCH), error
    try:
        for kind in ("csv", "json", "parquet"):
            h5s3.get(str(path), "/", tmp_path / f"o.{kind}")
    except (DamagedError, RefusedError) as error:
        assert path.name in (*REFUSED, *TOO_MUCH), error


@needs_shared
def test_columns_that_are_not_encrypted_are_shown_and_read() -> None:
    path = SHARED / "data" / "encrypt_columns_plaintext_footer.parquet.encrypted"
    facts = h5s3.meta(str(path), files=0)
    assert facts.table is not UNSET and facts.table.notes == [
        "times of INT96 are read to the microsecond: finer digits are cut",
        "encrypted, and not read: float_field, double_field",
    ]
    assert facts.row_groups is not UNSET and {one.compression for one in facts.row_groups[0].columns} >= {
        "encrypted"
    }
    assert len(rows_of(path, ["int32_field"])) == facts.table.rows


# ------------------------------------------------------------------------------------------------- hostile


def made(**options: Any) -> bytearray:
    data = io.BytesIO()
    table = pa.table({"a": pa.array([b"x" * 100] * 1000), "b": range(1000)})
    pq.write_table(table, data, use_dictionary=False, **options)
    return bytearray(data.getvalue())


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_a_page_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    """Its header says how long it is once decompressed: the memory for it is bounded, and nothing crashes."""
    data = made(compression="zstd")
    size = data[7:10]  # of the first page: three bytes of a number
    assert data[4:7] == b"\x15\x00\x15" and size[2] < 128
    data[7:10] = varint((1 << 21) - 2)[:3]
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(H5s3Error):
        h5s3.get(str(tmp_path / "t.parquet"), "/", tmp_path / "o.csv", columns=["a"])
    assert not (tmp_path / "o.csv").exists()


def test_column_chunks_outside_of_the_file_are_damage(tmp_path: Path) -> None:
    data = made(compression=None)
    footer = int.from_bytes(data[-8:-4], "little")
    cut = bytes(data[:4] + data[-8 - footer :])  # the columns are gone
    (tmp_path / "t.parquet").write_bytes(cut)
    with pytest.raises(DamagedError, match="lies outside of it"):
        rows_of(tmp_path / "t.parquet")


@pytest.mark.slow
def test_footers_that_are_damaged_end_in_a_sentence(tmp_path: Path) -> None:
    """In the cell: some of them make pyarrow end its process."""
    good = made(compression="snappy")
    footer = int.from_bytes(good[-8:-4], "little")
    for at in range(0, footer, max(1, footer // 40)):
        data = bytearray(good)
        data[-8 - footer + at] ^= 0x55
        path, output = tmp_path / f"{at}.parquet", tmp_path / f"{at}.csv"
        path.write_bytes(data)
        try:
            assert h5s3.get(str(path), "/", output).rows in (0, 1000)
        except H5s3Error:
            assert not output.exists()


@pytest.mark.parametrize(
    "data", [b"", b"\x49", b"\x49\xfc\xff\xff\xff\xff\xff", b"\x1c" * 500, b"\x19\xf9" * 200, b"\xff" * 90]
)
def test_thrift_bombs_are_damage(data: bytes) -> None:
    with pytest.raises(DamagedError):
        encrypted_columns(data)
