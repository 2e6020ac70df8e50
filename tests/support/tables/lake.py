"""A bucket with a small table of each kind, for the README."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.formats.tables.hudi.tables import Maker
from tests.formats.tables.iceberg.making import Made, column

BUCKET = "lake"
START = datetime(2024, 5, 1, tzinfo=UTC)
STATIONS = ("Bern", "Genf", "Basel")


def make_lake(folder: Path) -> None:
    """Write `readings.parquet`, and `delta/`, `iceberg/` and `hudi/`."""
    folder.mkdir()
    pq.write_table(_readings(0, 3000), folder / "readings.parquet", row_group_size=1000)
    _delta(folder / "delta")
    _iceberg(folder / "iceberg")
    _hudi(folder / "hudi")


def _readings(start: int, count: int) -> pa.Table:
    at = pa.struct([pa.field("lat", pa.float64()), pa.field("lon", pa.float64())])
    numbers = range(start, start + count)
    return pa.table(
        {
            "station": [STATIONS[n % 3] for n in numbers],
            "time": pa.array([START + timedelta(minutes=n) for n in numbers], pa.timestamp("us", "UTC")),
            "celsius": [10 + n % 17 / 2 for n in numbers],
            "place": pa.array([{"lat": 46.0 + n % 3, "lon": 7.0 + n % 3} for n in numbers], at),
        }
    )


def _delta(folder: Path) -> None:
    import deltalake

    deltalake.write_deltalake(folder, _readings(0, 900), partition_by=["station"], name="readings")
    more = _readings(900, 90).append_column("humidity", pa.array([n % 100 for n in range(90)], pa.int16()))
    deltalake.write_deltalake(folder, more, mode="append", schema_mode="merge")
    deltalake.DeltaTable(folder).delete("station = 'Genf' AND celsius > 17")


def _iceberg(folder: Path) -> None:
    columns = [
        column(1, "id", "long", required=True),
        column(2, "station", "string", doc="where it was read"),
        column(3, "celsius", "double"),
    ]
    table = Made(folder, columns, location="s3://old-lake/readings")
    files = [
        table.data(
            f"{name.lower()}.parquet",
            {"id": range(500 * n, 500 * n + 500), "station": [name] * 500, "celsius": [12.5] * 500},
        )
        for n, name in enumerate(STATIONS)
    ]
    table.manifest(*files)
    table.manifest(
        table.positions("hidden.parquet", [("bern.parquet", row) for row in range(20)]), sequence=2
    )
    table.finish()


def _hudi(folder: Path) -> None:
    table = Maker(folder, 9, hoodie__table__name="readings")
    paths = {
        table.base(f"file{number}", "20240501120000000", range(100 * number), partition=name.lower()): 100
        * number
        for number, name in enumerate(STATIONS, 1)
    }
    table.commit("20240501120000000", paths)
