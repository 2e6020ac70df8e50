"""Conversions whose files are read in a cell: the same stores, and nothing that a cell says is believed."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import msgspec
import numpy as np
import pytest

from h5s3.cell import process
from h5s3.cell.host import Cell
from h5s3.errors import DamagedError, H5s3Error
from h5s3.explore.convert.checked import Checked
from h5s3.explore.convert.convert import convert
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.convert.writers import MOST, Writers
from h5s3.explore.session import Session
from h5s3.export.zarr.objects import Chunk, packed, unpacked
from h5s3.export.zarr.questions import Planning
from h5s3.records import ConversionPlan, Convert
from h5s3.settings import Settings
from h5s3.storage.output import FolderOutput
from h5s3.storage.stores.local import LocalStore
from tests.support.hostile import misbehaving


@pytest.fixture(scope="module")
def cell() -> Iterator[Cell]:
    made = Cell()
    yield made
    made.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "source.h5"
    noise = np.random.default_rng(0).integers(0, 999, (40, 100, 100), dtype="<u2")
    with h5py.File(path, "w") as h5:
        h5.create_dataset("gzip", data=noise, chunks=(1, 100, 100), compression="gzip", shuffle=True)
        h5.create_dataset("lzf", data=noise, chunks=(3, 50, 100), compression="lzf")
        h5.create_dataset("large", data=np.arange(700_000), chunks=(300_000,), compression="lzf")
        h5.create_dataset("line", data=np.arange(100_000.0), chunks=(9_999,), compression="gzip")
        h5["names"] = ["a", "ü"]
    return path


def converted(cell: Cell | None, path: Path, out: Path, **wish: Any) -> Convert:
    with Session(Settings(no_cache=True)) as session:
        session.cell = cell
        try:
            return convert(session, session.location(str(path)), ConvertRequest("/", output=str(out), **wish))
        finally:
            session.cell = None  # it is for the next


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"verify": True}, marks=pytest.mark.slow),
        {"overviews": True, "shards": "40K"},
        pytest.param({"recompress": "zstd", "version": 2}, marks=pytest.mark.slow),
        pytest.param({"overviews": True}, marks=pytest.mark.slow),
    ],
)
def test_the_store_is_the_same(cell: Cell, source: Path, tmp_path: Path, wish: dict[str, Any]) -> None:
    found = [converted(one, source, tmp_path / str(n), **wish) for n, one in enumerate((None, cell))]
    for name in ("chunks_copied", "chunks_encoded", "chunks_empty", "num_overviews", "written", "verified"):
        assert getattr(found[0], name) == getattr(found[1], name)
    assert content(tmp_path / "0") == content(tmp_path / "1")


def test_what_is_read_for_overviews_is_not_read_twice(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, get = [0], LocalStore.get_ranges

    def counted(self: LocalStore, obj: Any, ranges: Any, on_arrival: Any = None) -> Any:
        if on_arrival is None:  # no blocks of metadata
            read[-1] += sum(stop - start for start, stop in ranges)
        return get(self, obj, ranges, on_arrival)

    monkeypatch.setattr(LocalStore, "get_ranges", counted)
    converted(None, source, tmp_path / "without")
    read.append(0)
    found = converted(None, source, tmp_path / "with", overviews=True)
    assert found.num_overviews == 2 and found.chunks_copied == 51
    assert read[0] > 1_000_000 and read[1] < 1.05 * read[0]


class FullError(OSError):
    """The disk is full."""


def test_what_cannot_be_written_ends_it(
    cell: Cell, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = FolderOutput.put

    def full(self: FolderOutput, name: str, data: bytes | memoryview) -> str:
        if name.startswith("lzf/c/9"):
            raise FullError(28, "No space left on device")
        return put(self, name, data)

    monkeypatch.setattr(FolderOutput, "put", full)
    with pytest.raises(H5s3Error, match="cannot be written: No space left"):
        converted(cell, source, tmp_path / "out")
    monkeypatch.undo()
    assert not (tmp_path / "out" / "zarr.json").exists()
    assert converted(cell, source, tmp_path / "out", resume=True).chunks_kept > 40


def test_a_crash_costs_one_sentence_and_what_is_there_stays(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def stop(text: str, done: int, total: int) -> None:
        seen.append(done)
        if len(seen) > 20:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        converted(None, source, tmp_path / "out", progress=stop)
    monkeypatch.setattr(process, "START", misbehaving.start("segfault"))
    with pytest.raises(DamagedError, match="crashed while it read this"):
        converted(Cell(), source, tmp_path / "out", resume=True)
    monkeypatch.undo()
    assert converted(None, source, tmp_path / "out", resume=True).chunks_kept >= 20


@pytest.fixture(scope="module")
def plan(source: Path) -> bytes:
    with Session(Settings(no_cache=True)) as session:
        return msgspec.json.encode(session.read(session.location(str(source)), Planning("/")))


def rows(text: str, column: int, value: int) -> str:
    table = np.frombuffer(base64.b64decode(text), dtype="<u8").reshape(-1, 5).copy()
    table[0, column] = value
    return base64.b64encode(table.tobytes()).decode()


WRONG: dict[str, Any] = {
    "a path out of the store": lambda p: p["nodes"].update({"../x": p["nodes"]["gzip"]}),
    "a name of a document": lambda p: p["nodes"]["gzip"].update({"../../x": {}}),
    "an array without a document": lambda p: p["nodes"].pop("gzip"),
    "other chunks than the document has": lambda p: p["arrays"][0].update(chunks=[2, 100, 100]),
    "chunks of no length": lambda p: p["arrays"][0].update(chunks=[0, 100, 100]),
    "a shape below nothing": lambda p: p["arrays"][0].update(shape=[-1, 100, 100]),
    "half a row": lambda p: p["arrays"][0].update(copied="AAAA"),
    "a cell outside": lambda p: p["arrays"][0].update(copied=rows(p["arrays"][0]["copied"], 0, 40)),
    "bytes beyond the end": lambda p: p["arrays"][0].update(
        copied=rows(p["arrays"][0]["copied"], 4, 1 << 62)
    ),
    "bytes that wrap around": lambda p: p["arrays"][0].update(
        copied=rows(p["arrays"][0]["copied"], 3, (1 << 64) - 10)
    ),
    "an overview of nothing": lambda p: p.update(
        overviews=[{"array": 9, "factors": [8], "dtype": "<f8", "missing": None}]
    ),
    "a document that is none": lambda p: p["nodes"]["gzip"]["zarr.json"].update(chunk_grid=3),
    "lengths that are none": lambda p: p["nodes"]["gzip"]["zarr.json"].update(shape=["40", True, 1.5]),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_plan_that_makes_no_sense_is_refused(plan: bytes, what: str) -> None:
    told = msgspec.json.decode(plan)
    array = next(n for n, one in enumerate(told["arrays"]) if one["path"] == "gzip")
    told["arrays"].insert(0, told["arrays"].pop(array))
    Checked(msgspec.convert(told, ConversionPlan), 3)
    WRONG[what](told)
    with pytest.raises(DamagedError, match="makes no sense"):
        Checked(msgspec.json.decode(msgspec.json.encode(told), type=ConversionPlan), 3)


def test_a_chunk_that_no_array_has_is_refused(plan: bytes) -> None:
    checked = Checked(msgspec.json.decode(plan, type=ConversionPlan), 3)
    checked.require(Chunk("gzip", (39, 0, 0), b""))
    for path, cell in (("gzip", (40, 0, 0)), ("gzip", (0, 0)), ("", ()), ("../gzip", (0, 0, 0))):
        with pytest.raises(DamagedError):
            checked.require(Chunk(path, cell, b""))
    chunk = Chunk("ü/x", (3, 1 << 40), b"data", True)
    assert unpacked(memoryview(packed(chunk))) == Chunk("ü/x", (3, 1 << 40), memoryview(b"data"), True)
    for data in (b"", b"\x05\x00\x00\x02abc", b"\x02\x00\x00\x00\xff\xfe"):
        with pytest.raises(DamagedError):
            unpacked(memoryview(data))


def test_writers_hold_back_who_gives_too_much_and_raise_what_failed() -> None:
    done, go_on = list[int](), threading.Event()

    def slow() -> None:
        go_on.wait(10)
        done.append(1)

    with Writers(2) as writers:
        for _ in range(3):
            writers.give(MOST // 3, slow)
        giving = threading.Thread(target=lambda: writers.give(MOST, slow))
        giving.start()
        time.sleep(0.05)
        assert giving.is_alive() and not done
        go_on.set()
        giving.join(10)
    assert len(done) == 4
    with pytest.raises(ZeroDivisionError), Writers(2) as writers:
        writers.give(1, lambda: 1 // 0)
        for _ in range(100):
            writers.give(1, lambda: time.sleep(0.001))
