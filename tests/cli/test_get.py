"""`h5s3 get`: the formats, what it says, and what it asks of the storage."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from h5s3.errors import H5s3Error
from h5s3.explore.get.get import Estimate
from h5s3.formats.boxes import Box, Cut
from h5s3.formats.selection import parse_selection
from h5s3.render.get import SafeStream, estimate_line
from tests.support.cli import command, environment, file, on_terminal_here, run, sample, without_colour
from tests.support.get import (
    below_names,
    boxes_of,
    planned,
    read_json,
    read_npz,
    read_parquet,
    stream,
    take,
)
from tests.support.reference.previews import stored, stored_array
from tests.support.servers.memory import MemoryStore
from tests.support.servers.s3 import S3Server

GRID = np.arange(600, dtype=">i2").reshape(20, 30)
NOISE = np.random.default_rng(3).integers(0, 1 << 60, (512, 512))


def get(server: S3Server, name: str, path: str, *args: object) -> Any:
    return run("get", sample(server, name), path, *args, on=server)


# ------------------------------------------------------------------------------------ by the command


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "json", "parquet", "h5", "hdf5"])
def test_the_suffix_says_the_format(server: S3Server, kind: str, tmp_path: Path) -> None:
    target = tmp_path / f"out.{kind}"
    result = get(server, "contiguous", "/grid", "-o", target)
    assert result.lines[0].startswith(f"{target}: 20 × 30 >i2, ")
    wanted = GRID
    if kind == "npy":
        assert np.load(target).dtype == ">i2" and (np.load(target) == wanted).all()
    elif kind == "npz":
        assert np.load(target).files == ["grid"] and (read_npz(target) == wanted).all()
    elif kind == "csv":
        names = [f"grid_{number}" for number in range(30)]
        assert below_names(target, *names) == [[str(item) for item in row] for row in wanted.tolist()]
    elif kind == "json":
        assert read_json(target)["data"] == wanted.tolist()
    elif kind == "parquet":
        assert (read_parquet(target)[0] == wanted).all()
    else:
        with h5py.File(target) as h5:
            assert h5["grid"].dtype == ">i2" and (h5["grid"][()] == wanted).all()


def test_the_receipt_as_json(server: S3Server, tmp_path: Path) -> None:
    target = tmp_path / "out.npy"
    found = get(server, "contiguous", "/grid", "--slice", "2,::3", "-o", target, "--json").json
    assert (found["schema"], found["path"], found["dtype"], found["shape"]) == (
        "h5s3/get/1",
        "/grid",
        ">i2",
        [20, 30],
    )
    assert (found["selection"], found["selected_shape"]) == ("2,0:28:3", [10])
    assert (found["format"], found["output"], found["size"], found["nbytes"]) == ("npy", str(target), 10, 20)
    assert found["file_bytes"] == target.stat().st_size and "data" not in found
    assert np.load(target).tolist() == GRID[2, ::3].tolist()


def test_without_a_name_the_dataset_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = file("contiguous")
    monkeypatch.chdir(tmp_path)
    assert run("get", source, "/grid").lines == ["grid.npy: 20 × 30 >i2, 1.3 kB"]
    assert run("get", source, "/grid", "--format", "csv").lines[0].startswith("grid.csv: ")
    assert (np.load("grid.npy") == GRID).all()
    line = run("get", file("netcdf4"), "/station").failed(8)
    assert "npy cannot hold strings of variable length; use --format csv, json, parquet or h5" in line


def test_the_umask_holds(tmp_path: Path) -> None:
    run("get", file("contiguous"), "/grid", "-o", tmp_path / "a.npy")
    (tmp_path / "other").touch()
    assert (tmp_path / "a.npy").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert stat.S_ISREG((tmp_path / "a.npy").stat().st_mode)


def test_standard_output(server: S3Server) -> None:
    assert get(server, "contiguous", "/grid", "-o", "-").lines[1] == ",".join(map(str, range(30)))
    station = get(server, "netcdf4", "/station", "-o", "-.csv")
    assert station.lines == ["station", "north", "south", '""', "größe"]
    assert get(server, "compounds", "/plain", "-o", "-").lines == ["a,b", "1,2.5", "-3,4.5"]
    for args in (("-o", "-.json"), ("-o", "-", "--format", "json"), ("-o", "-", "--json")):
        assert get(server, "contiguous", "/grid", *args).json["data"] == GRID.tolist()
    three = json.loads(get(server, "netcdf4", "/sst", "-o", "-").out)  # no table: JSON
    assert three["data"] == np.arange(60).reshape(3, 4, 5).tolist() and three["output"] is None


def test_npy_in_a_pipe() -> None:
    line = command("get", file("contiguous"), "/grid", "-o", "-.npy")
    done = subprocess.run(line, env=environment(), capture_output=True, timeout=60, check=True)
    assert (np.load(io.BytesIO(done.stdout)) == GRID).all() and not done.stderr


def test_a_pipe_that_closes_is_silent(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5.create_dataset("data", data=np.arange(1 << 20))
    line = [*command("get", tmp_path / "a.h5", "/data", "-o", "-")]
    with subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert [process.stdout.readline() for _ in range(2)] == [b"data\n", b"0\n"]
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(30) == 0


def test_on_a_terminal(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.h5"
    with h5py.File(hostile, "w") as h5:
        h5["data"] = ["a\x1b[31mred", "tab\there"]
    code, text = on_terminal_here("get", hostile, "/data", "-o", "-", columns=80)
    assert code == 0 and text.splitlines()[1] == "a\\x1b[31mred" and "\x1b" not in text
    code, text = on_terminal_here("get", file("contiguous"), "/grid", "-o", "-.npy", columns=80)
    assert code == 2 and "npy is not for a terminal" in text
    code, text = on_terminal_here("get", file("contiguous"), "/grid", "-o", tmp_path / "a.npy", columns=200)
    assert code == 0 and without_colour(text).rstrip().endswith("20 × 30 >i2, 1.3 kB")


def test_a_terminal_gets_nothing_that_commands_it() -> None:
    target = io.BytesIO()
    SafeStream(target).write("a\x1b]0;x\x07\nü\u202e\n".encode())  # type: ignore[arg-type]
    assert target.getvalue().decode() == "a\\x1b]0;x\\x07\nü\\u202e\n"


def test_what_is_large_is_said_before(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5.create_dataset("data", (80 << 20,), "u1", chunks=(1 << 20,))
    result = run("get", tmp_path / "a.h5", "/data", "-o", tmp_path / "a.npy")
    assert result.code == 0
    assert result.err == f"fetching about 0 B in 0 requests, writing 83.9 MB to {tmp_path}/a.npy\n"
    assert run("get", tmp_path / "a.h5", "/data", "--slice", ":9", "-o", tmp_path / "b.npy").err == ""
    assert estimate_line(4800, 1_200_000_000, 3_100_000_000, "out.npy", False) == (
        "fetching about 1.2 GB in 4,800 requests, writing 3.1 GB to out.npy"
    )


def test_help_and_schema() -> None:
    assert "-o" in run("get", "--help").out and "get" in run("--help").out
    assert '"h5s3/get/1"' in run("schema", "get").out


# ---------------------------------------------------------------------------------------- the formats


def test_csv_quotes_and_leaves_formulas_alone() -> None:
    words = ["=1+1", "a,b", 'say "hi"', "two\nlines", "cr\r", "", " x", "@cmd"]
    data = stream(stored_array(words, dtype=h5py.string_dtype()), format="csv")
    assert [row[0] for row in below_names(data, "data")] == words and data.startswith(b"data\n=1+1\n")


def test_csv_names_enums_unless_a_name_looks_like_a_number() -> None:
    def column(names: dict[str, int], values: list[int]) -> list[str]:
        kind = h5py.enum_dtype(names, basetype="i2")
        store = stored(lambda h5: h5.create_dataset("data", data=np.array(values, "i2"), dtype=kind))
        return [row[0] for row in below_names(stream(store, format="csv"))]

    assert column({"RED": 1, "GREEN": 2}, [2, 1, 7]) == ["GREEN", "RED", "7"]
    assert column({"RED": 1, "1": 2}, [2, 1]) == ["2", "1"]


def test_csv_has_the_shortest_digits() -> None:
    values = [0.1, 1e-45, 16777216.0, float("nan"), float("inf"), -0.0]
    store = stored_array(np.array(values, "f4"))
    texts = [row[0] for row in below_names(stream(store, format="csv"))]
    assert texts == ["0.1", "1e-45", "1.6777216e+07", "nan", "inf", "-0.0"]


def test_json_counts_what_it_cannot_hold() -> None:
    values = np.array([[1.5, np.nan], [np.inf, -np.inf]])
    document = read_json(stream(stored_array(values), format="json"))
    assert document["data"] == [[1.5, None], [None, None]]
    assert (document["nan_count"], document["inf_count"]) == (1, 2)


def test_json_names_the_targets_of_references(tmp_path: Path) -> None:
    def fill(h5: h5py.File) -> None:
        target = h5.create_dataset("target", data=[1])
        h5.create_dataset("data", data=np.array([target.ref, h5.ref], dtype=object), dtype=h5py.ref_dtype)

    assert read_json(stream(stored(fill), format="json"))["data"][0] == "/target"


def test_parquet_columns(tmp_path: Path) -> None:
    kind = np.dtype([("id", ">i4"), ("name", "S4"), ("at", [("x", "<f4")])])
    rows = np.array([(1, b"one", (0.5,)), (2, b"", (1.5,))], dtype=kind)
    take(stored_array(rows), tmp_path / "a.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table.to_pylist() == [
        {"id": 1, "name": "one", "at": {"x": 0.5}},
        {"id": 2, "name": "", "at": {"x": 1.5}},
    ]
    colours = h5py.enum_dtype({"RED": 1}, basetype="u1")
    take(
        stored(lambda h5: h5.create_dataset("data", data=np.ones(2, "u1"), dtype=colours)),
        tmp_path / "b.parquet",
    )
    field = pyarrow.parquet.read_schema(tmp_path / "b.parquet").field(0)
    assert field.metadata[b"h5s3.enum"] == b'{"RED": 1}'


def test_parquet_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(H5s3Error, match=r"needs the package pyarrow; pip install 'h5s3\[parquet\]'"):
        take(stored_array(GRID), tmp_path / "a.parquet")
    assert not list(tmp_path.iterdir())


def test_h5_keeps_type_chunks_filters_fill_and_attributes(tmp_path: Path) -> None:
    def fill(h5: h5py.File) -> None:
        scale = h5.create_dataset("deep/x", data=np.arange(30.0))
        scale.make_scale("x")
        data = h5.create_dataset(
            "deep/data",
            data=GRID,
            chunks=(5, 7),
            compression="gzip",
            compression_opts=3,
            shuffle=True,
            fillvalue=-9,
        )
        data.dims[1].attach_scale(scale)
        data.attrs["units"], data.attrs["range"] = "kelvin", np.array([1, 2], ">i8")
        h5.create_dataset("lzf", data=GRID, chunks=(5, 7), compression="lzf")

    store = stored(fill)
    receipt = take(store, tmp_path / "a.h5", "/deep/data", selection="5:,::2")
    assert receipt.notes == ["attributes left out: DIMENSION_LIST"]
    with h5py.File(tmp_path / "a.h5") as h5:
        data = h5["deep/data"]
        assert data.id.get_type().equal(h5py.h5t.STD_I16BE) and (data[()] == GRID[5:, ::2]).all()
        assert (data.chunks, data.compression, data.compression_opts, data.shuffle) == (
            (5, 4),
            "gzip",
            3,
            True,
        )
        assert (data.fillvalue, data.attrs["units"], data.attrs["range"].dtype) == (-9, "kelvin", ">i8")
    take(store, tmp_path / "b.h5", "/lzf")
    with h5py.File(tmp_path / "b.h5") as h5:
        assert h5["lzf"].compression == "gzip" and (h5["lzf"][()] == GRID).all()


# ------------------------------------------------------------------------- what the storage is asked


def noise(**options: Any) -> MemoryStore:
    return stored(lambda h5: h5.create_dataset("data", data=NOISE, **options))


def pieces(store: MemoryStore) -> list[tuple[int, int]]:
    """The chunks of the file."""
    found: list[tuple[int, int]] = []
    with h5py.File(io.BytesIO(store.data)) as h5:
        h5["data"].id.chunk_iter(lambda c: found.append((c.byte_offset, c.byte_offset + c.size)))
    return found


def times_fetched(store: MemoryStore) -> set[int]:
    """How often the bytes of the chunks were asked for."""
    counts = np.zeros(len(store.data), dtype="i4")
    for start, stop in store.ranges:
        counts[start:stop] += 1
    return {int(n) for low, high in pieces(store) for n in np.unique(counts[low:high])}


@pytest.mark.parametrize("kind", ["npy", "h5"])
@pytest.mark.parametrize("chunks", [(64, 64), (512, 16), (16, 512), (100, 70)])
def test_no_chunk_is_fetched_twice(kind: str, chunks: tuple[int, int], tmp_path: Path) -> None:
    store = noise(chunks=chunks, compression="gzip")
    with boxes_of(1 << 18):
        take(store, tmp_path / f"a.{kind}")
    assert times_fetched(store) <= {0, 1} and len(store.rounds) > 4  # 0: of the first bytes of the file
    with boxes_of(1 << 18):
        take(store, tmp_path / f"b.{kind}", selection="3:500:7,5:")
    assert times_fetched(store) <= {0, 1, 2}


def test_ordered_formats_fetch_once_where_rows_of_chunks_fit(tmp_path: Path) -> None:
    store = noise(chunks=(64, 64))
    with boxes_of(1 << 18):
        take(store, tmp_path / "a.json")
    assert times_fetched(store) <= {0, 1} and len(store.rounds) > 4


@pytest.mark.parametrize("kind", ["npz", "csv", "json", "parquet"])
def test_ordered_formats_put_tall_chunks_in_order_on_the_disk(kind: str, tmp_path: Path) -> None:
    store = noise(chunks=(512, 8))
    with boxes_of(1 << 17):
        estimate = planned(store, tmp_path / f"a.{kind}", selection="1:,:")
    assert estimate.spooled and times_fetched(store) <= {0, 1}
    wanted = NOISE[1:]
    if kind == "npz":
        assert (read_npz(tmp_path / "a.npz") == wanted).all()
    elif kind == "csv":
        assert np.array(below_names(tmp_path / "a.csv"), dtype="i8").tolist() == wanted.tolist()
    elif kind == "json":
        assert read_json(tmp_path / "a.json")["data"] == wanted.tolist()
    else:
        assert (read_parquet(tmp_path / "a.parquet")[0] == wanted).all()
    assert len(list(tmp_path.iterdir())) == 1


def test_only_the_chunks_of_the_slice_are_fetched(tmp_path: Path) -> None:
    store = noise(chunks=(64, 64))
    take(store, tmp_path / "a.npy", selection="70:80,::200")
    wanted = {(1, column) for column in (0, 3, 6)}
    assert times_fetched(store) == {0, 1}
    assert store.fetched < (len(wanted) + 4) * 64 * 64 * 8


def test_what_was_never_written_costs_nothing(tmp_path: Path) -> None:
    store = stored(lambda h5: h5.create_dataset("data", (1 << 20,), "f8", chunks=(1 << 10,), fillvalue=7))
    estimate = planned(store, tmp_path / "a.npy")
    assert (estimate.fetched, estimate.requests) == (0, 0) and (np.load(tmp_path / "a.npy") == 7).all()
    assert store.fetched <= len(store.data)


@pytest.mark.parametrize("kind", ["npy", "csv", "h5"])
@pytest.mark.parametrize("options", [{}, {"chunks": (100, 70)}, {"chunks": (512, 8), "compression": "gzip"}])
def test_the_estimate_is_what_is_fetched(
    kind: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("h5s3.explore.session.FIRST_BYTES", 4096)
    monkeypatch.setattr("h5s3.explore.get.transfer.TOLERATED", 4096)
    store = noise(**options)
    with boxes_of(1 << 17):
        estimate = planned(store, tmp_path / f"a.{kind}", selection=":,3:")
    small = sum(stop - start for start, stop in store.ranges) - estimate.fetched
    assert abs(small) < 300_000, (store.fetched, estimate)  # the header and the index of chunks
    assert len(store.ranges) - estimate.requests in range(0, 12)


def test_a_column_of_a_contiguous_dataset_is_not_all_of_it(tmp_path: Path) -> None:
    wide = np.random.default_rng(0).integers(0, 255, (100, 50_000), dtype="u1")
    store = stored_array(wide)
    receipt = take(store, tmp_path / "a.npy", selection=":,7")
    assert (np.load(tmp_path / "a.npy") == wide[:, 7]).all() and receipt.planned_bytes == 100
    store = stored_array(wide)
    assert take(store, tmp_path / "b.npy", selection="::2,::3").planned_bytes < wide.size
    assert (np.load(tmp_path / "b.npy") == wide[::2, ::3]).all()


# ------------------------------------------------------------------------------------ bounded memory


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("npz", "csv", "json")]  # text takes its time


@pytest.mark.parametrize("kind", ["npy", "parquet", "h5", *SLOW])
def test_memory_is_bounded(kind: str, tmp_path: Path) -> None:
    """Sixteen times what a box may take: in smaller boxes, for the time that text needs."""
    limit = 1 << (19 if kind in ("csv", "json") else 20)
    with h5py.File(tmp_path / "source.h5", "w") as h5:
        data = h5.create_dataset("data", (16 * limit // 8192, 1024), "<f8", chunks=(16, 1024))
        data[...] = np.random.default_rng(0).random(data.shape)
    store = MemoryStore((tmp_path / "source.h5").read_bytes())
    take(stored_array(GRID), tmp_path / f"warm.{kind}")
    with boxes_of(limit):
        tracemalloc.start()
        take(store, tmp_path / f"a.{kind}")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(store.rounds) >= 16
    assert peak < 4 * limit + (8 << 20), peak


def test_boxes_cover_all_once_and_in_order() -> None:
    shape, cell = (7, 11, 5), (2, 4, 3)
    for text in (":,:,:", "1:,::2,1", "::3,2:9,::4"):
        chosen = parse_selection(text, shape)
        counts = tuple(axis.count for axis in chosen)
        for limit in (1, 40, 200, 5000):
            for ordered in (True, False):
                seen = np.full(counts, -1)
                boxes = list(Cut(chosen, cell, 8, 8 * 24, limit).boxes(ordered))
                for number, box in enumerate(boxes):
                    part = seen[tuple(slice(low, high) for low, high in box.bounds)]
                    assert (part == -1).all() and part.size
                    part[...] = number
                assert (seen >= 0).all()
                if ordered:
                    assert (np.diff(seen.ravel()) >= 0).all()
    assert Box(((2, 4), (0, 1))).counts == (2, 1)


def test_estimates() -> None:
    assert Estimate(1, 65 << 20, 0, None, False).large and Estimate(1, 0, 65 << 20, None, False).large
    assert not Estimate(1, 1, 64 << 20, None, False).large
    assert "at least" in estimate_line(1, 5, 5, None, True)


def test_what_was_never_written_is_not_written_either(tmp_path: Path) -> None:
    source, target = tmp_path / "source.h5", tmp_path / "target.h5"
    with h5py.File(source, "w") as h5:
        h5.create_dataset("data", (10**9,), "f4", fillvalue=7)
        h5.create_dataset("chunked", (10**6,), "f8", chunks=(1000,), fillvalue=3)[5000:5010] = 1
    assert run("get", source, "/data", "-o", target).code == 0
    assert target.stat().st_size < 100_000
    with h5py.File(target) as h5:
        assert h5["data"].shape == (10**9,) and h5["data"][123_456_789] == 7
    assert run("get", source, "/chunked", "-o", target, "--overwrite").code == 0
    with h5py.File(target) as h5, h5py.File(source) as before:
        assert (h5["chunked"][()] == before["chunked"][()]).all()
