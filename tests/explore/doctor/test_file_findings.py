"""What `doctor` finds in files made for it, and the commands that it advises."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.explore.doctor import file as doctor
from h5s3.explore.doctor.advice import chunk_shape, file_names, page_size, writable
from h5s3.explore.doctor.file import FileReport, examine_file
from h5s3.explore.session import Session
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.layout.repacked_copy import make_repacked_copy
from h5s3.formats.hdf5.objects.file import open_hdf5
from h5s3.records.doctor import Finding
from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.stores.local import LocalStore
from h5s3.storage.trace import Trace

KIB, MIB = 1024, 1 << 20
needs_h5repack = pytest.mark.skipif(not shutil.which("h5repack"), reason="no h5repack on this machine")


def examine(path: Path) -> FileReport:
    with Session(Settings(no_cache=True)) as session:
        return examine_file(session, Location("local", str(path)))


def found_in(path: Path) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(path).findings}


def run(remedy: object, folder: Path) -> None:
    """Run a remedy as it stands."""
    assert isinstance(remedy, str)
    subprocess.run(shlex.split(remedy), cwd=folder, check=True, capture_output=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some file.h5"


def test_small_chunks_get_a_shape_that_h5repack_takes(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("it's small", data=np.zeros((400, 64, 64), "f4"), chunks=(1, 64, 64))
        file.create_dataset("good", data=np.zeros((64, 128, 128), "f4"), chunks=(32, 128, 128))
    found = found_in(path)
    small = found["small chunks"]
    assert small.status == "warning" and "chunk sizes" not in found
    assert "1 × 64 × 64, better 200 × 64 × 64 (3.12 MiB)" in small.detail and "good" not in small.detail
    assert "400 requests" in str(small.cost)
    assert shlex.split(str(small.remedy))[1:3] == ["-l", "/it's small:CHUNK=200x64x64"]


@pytest.mark.slow
@needs_h5repack
def test_the_commands_run_and_put_it_right(path: Path) -> None:
    chance = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file.create_dataset("it's $HOME", data=np.zeros((400, 64, 64), "f4"), chunks=(1, 64, 64))
        file.create_dataset("plain", data=chance.integers(0, 9, (30, 1000, 1000), "i4"))
    found = found_in(path)
    assert found["compression"].status == "warning"
    run(found["all at once"].remedy, path.parent)
    with h5py.File(path.with_name("some file.repacked.h5")) as file:
        assert file["it's $HOME"].chunks == (200, 64, 64)
        assert file["plain"].compression == "gzip" and file["plain"].shuffle
    again = found_in(path.with_name("some file.repacked.h5"))
    assert "small chunks" not in again and again["compression"].status == "ok"


def test_large_chunks(path: Path) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("huge", (64, 1024, 1024), "f8", chunks=(8, 1024, 1024), compression="gzip")
        data[0, 0, 0] = 1
    large = found_in(path)["large chunks"]
    assert "8 × 1024 × 1024, better 1 × 512 × 1024" in large.detail
    assert "64 MiB decoded" in str(large.cost)


def test_never_written_and_still_empty(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("forgotten", (100, 100), "f4", chunks=(10, 100))
        file.create_dataset("contiguous", (100,), "f4")
        file.create_dataset("log", (0,), "f8", maxshape=(None,))
    found = found_in(path)["never written"]
    assert found.status == "warning"
    assert "the fill value alone in 2 datasets: /contiguous, /forgotten" in found.detail
    assert "1 dataset without limit and still empty: /log" in found.detail


def test_what_lies_elsewhere(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["away"] = h5py.ExternalLink("other.h5", "/x")
        file.create_dataset("raw", (10,), "f4", external=[("values.bin", 0, 40)])
        layout = h5py.VirtualLayout((10,), "f4")
        layout[:] = h5py.VirtualSource("source.h5", "data", (10,))
        file.create_virtual_dataset("virtual", layout)
    found = found_in(path)
    assert "/raw" in found["external data"].detail
    assert "/virtual" in found["virtual datasets"].detail
    assert "/away to other.h5" in found["external links"].detail
    assert "-l /virtual:CONTI" in str(found["virtual datasets"].remedy)


def test_filters_that_nobody_has(path: Path) -> None:
    with h5py.File(path, "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((10,))
        plist.set_filter(4000, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        space = h5py.h5s.create_simple((100,))
        data = h5py.h5d.create(file.id, b"odd", h5py.h5t.IEEE_F32LE, space, plist)
        data.write_direct_chunk((0,), bytes(40), 0)
    filters = found_in(path)["filters"]
    assert filters.status == "failure" and "4000" in filters.detail and "/odd" in filters.detail


def test_a_user_block_and_depth(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512 * KIB) as file:
        file.create_group("/".join("abcdefghijklmnopqrst"))
    found = found_in(path)
    assert found["user block"].status == "warning" and "512 KiB" in found["user block"].detail
    assert str(found["user block"].remedy).startswith("h5unjam -i 'some file.h5'")
    assert "20 levels" in found["nesting"].detail


def test_kinds_of_indexes(path: Path) -> None:
    kinds = {"latest": "fixed array", "earliest": "version 1 B-tree"}
    for libver, kind in kinds.items():
        with h5py.File(path, "w", libver=libver) as file:
            file.create_dataset("x", data=np.zeros((100, 10)), chunks=(1, 10))
            file.create_dataset("y", data=np.zeros((100, 10)), chunks=(1, 10), maxshape=(None, 10))
            file.create_dataset("z", data=np.zeros((9, 9)), chunks=(1, 3), maxshape=(None, None))
        detail = found_in(path)["chunk index"].detail
        assert kind in detail
        if libver == "latest":
            assert "extensible array" in detail and "version 2 B-tree" in detail


def test_many_chunks_in_an_old_index(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros((12_000, 4), "u1"), chunks=(1, 4))
    found = found_in(path)["chunk index"]
    assert found.status == "warning" and "12,000 chunks" in str(found.cost)
    assert "--low=2" in str(found.remedy) and "CHUNK=12000x4" in str(found.remedy)


@pytest.mark.parametrize("name", ["a,b", "a:b", "a\nb", "\x1b[31m", "\u202ea", b"\xff\xfe"])
def test_names_that_no_command_can_hold(name: str | bytes, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=np.zeros((400, 64), "f4"), chunks=(1, 64))
    remedies = " ".join(str(finding.remedy) for finding in examine(path).findings)
    assert "CHUNK" not in remedies


@pytest.mark.parametrize("name", ["-rf", "a b", "$(x)", "'"])
def test_names_that_have_to_be_quoted(name: str) -> None:
    words = shlex.split(" ".join(file_names(Location("s3", f"folder/{name}.h5", "bucket"))))
    assert len(words) == 2 and words[0].removeprefix("./") == f"{name}.h5"
    assert not words[0].startswith("-") and words[1] != words[0]
    assert writable(f"/{name}")


def test_what_is_cut_short_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(path, "w") as file:
        for number in range(50):
            file[f"group {number}/data"] = np.zeros(1000)
    monkeypatch.setattr(doctor, "MOST_OBJECTS", 30)
    report = examine(path)
    found, layout, costs = report.findings, report.layout, report.costs
    assert layout is not None and not layout.complete
    assert found[0].name == "survey" and found[0].status == "unknown" and "30 objects" in found[0].detail
    assert [one.how for one in costs] == ["counted", "estimated"]
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "MOST_REBUILT", 10)
    report = examine(path)
    assert report.layout is not None and report.layout.complete
    assert [one.how for one in report.costs] == ["counted", "estimated"]
    monkeypatch.setattr(doctor, "COUNTING", -1.0)
    costs = examine(path).costs
    assert [one.how for one in costs] == ["estimated", "estimated"]
    assert all(one.rounds <= one.requests for one in costs)


def test_what_cannot_be_opened_is_a_finding(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html>" * 100)
    detail = "not an HDF5 file but an HTML page"
    assert examine(path).findings == [Finding(name="file", status="failure", detail=detail, exit_code=6)]


def test_extents_cover_the_file_and_tell_what_is_where(path: Path) -> None:
    with h5py.File(path, "w", libver="latest") as file:
        for number in range(400):
            file.create_dataset(f"data {number}", data=np.zeros(5000 + number))
        del file["data 7"]
    layout = examine(path).layout
    assert layout is not None
    ends = [0, *(extent.stop for extent in layout.extents)]
    assert [extent.start for extent in layout.extents] == ends[:-1] and ends[-1] == path.stat().st_size
    held = {
        kind: sum(e.stop - e.start for e in layout.extents if e.kind == kind) for kind in ("metadata", "data")
    }
    assert abs(held["data"] - layout.data_bytes) < 0.02 * layout.size
    assert abs(held["metadata"] - layout.metadata_bytes) < 0.02 * layout.size
    assert len(layout.extents) <= 600


@pytest.mark.slow
def test_declared_sizes_cost_nothing(path: Path) -> None:
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("huge", (1 << 40, 1 << 10), "f8", chunks=(1 << 13, 1 << 10))
        file.create_dataset("unwritten", (1 << 50,), "u1")
        wide = file.create_dataset("wide", (1 << 40,), "u1", chunks=(1 << 28,), compression="gzip")
        wide[5] = 1
    report = examine(path)
    assert report.layout is not None and report.layout.size < 2 * MIB
    assert [one.how for one in report.costs] == ["counted", "simulated", "simulated"]
    assert "never written" in {finding.name for finding in report.findings}


def test_lists_take_no_place_in_a_copy_that_is_made_up(path: Path) -> None:
    """What is there before it is written may be anything, and lengths of lists would be believed."""
    with h5py.File(path, "w") as file:
        lists = file.create_dataset("lists", (40,), h5py.vlen_dtype("i4"))
        lists[:] = np.array([np.arange(n) for n in range(40)], dtype=object)
        file["texts"], file["numbers"] = ["a", "bc"], np.arange(4.0)
    info, _ = LocalStore().first(Location("local", str(path)), 0)
    with open_hdf5(BlockFile(LocalStore(), None, info, Trace()), info) as source:
        made = make_repacked_copy(source, 64 * KIB, latest=False, until=time.monotonic() + 60)
    with h5py.File(made.file, "r") as file:
        placed = {name: data.id.get_offset() is not None for name, data in file.items()}
    assert placed == {"lists": False, "texts": True, "numbers": True}


@pytest.mark.parametrize(
    ("shape", "itemsize", "chunks", "advised"),
    [
        ((60, 2048, 2048), 4, (1, 256, 256), (1, 256, 2048)),
        ((60, 2048, 2048), 4, None, (1, 512, 2048)),
        ((10_000_000,), 8, (1024,), (500_000,)),
        ((100, 100), 4, (10, 100), (100, 100)),
        ((64, 4096, 4096), 4, (64, 4096, 4096), (1, 256, 4096)),
        ((1000, 1024), 4, (500, 1024), (500, 1024)),
        ((0,), 8, (1,), (1,)),
        ((), 8, None, ()),
    ],
)
def test_shapes_of_chunks(
    shape: tuple[int, ...], itemsize: int, chunks: tuple[int, ...] | None, advised: tuple[int, ...]
) -> None:
    found = chunk_shape(shape, itemsize, chunks)
    size = int(np.prod(found, dtype="i8")) * itemsize
    print(found, size)
    assert size <= 4 * MIB
    assert size >= MIB or found == tuple(max(1, n) for n in shape)
    assert found == advised


def test_sizes_of_pages() -> None:
    assert [page_size(n) for n in (0, 60_000, MIB, 2 * MIB, 1 << 40)] == [
        64 * KIB, 128 * KIB, 2 * MIB, 4 * MIB, 8 * MIB,
    ]  # fmt: skip


@pytest.mark.parametrize("damage", range(0, 4000, 173))
def test_damage_is_told_not_raised(damage: int, path: Path) -> None:
    with h5py.File(path, "w") as file:
        for number in range(8):
            group = file.create_group(f"group {number}")
            group.attrs["note"] = "some text"
            group.create_dataset("data", data=np.zeros((64, 8)), chunks=(8, 8))
    data = bytearray(path.read_bytes())
    place = 96 + damage % (len(data) - 112)
    data[place : place + 16] = b"\xff" * 16
    path.write_bytes(data)
    assert examine(path).findings


def test_a_file_that_its_writer_has_not_closed(path: Path) -> None:
    writing = path.with_name("writing.h5")
    with h5py.File(writing, "w", libver="latest") as file:
        file["x"] = np.arange(5)
        file.flush()
        shutil.copy(writing, path)
    found = found_in(path)
    assert found["write flag"].status == "warning"
    assert found["write flag"].remedy == "h5clear -s 'some file.h5'"
    assert "write flag" not in found_in(writing)
