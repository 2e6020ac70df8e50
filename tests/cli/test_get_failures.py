"""What `get` refuses, and what it leaves behind when something fails: nothing."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import ChangedError, H5s3Error, RefusedError, UsageError
from h5s3.export.atomic_file import file_name
from h5s3.export.npy import NpyWriter
from tests.support.cli import command, environment, file, run
from tests.support.get import boxes_of, stream, take
from tests.support.reference.previews import stored, stored_array
from tests.support.servers.memory import MemoryStore

GRID = np.arange(600, dtype=">i2").reshape(20, 30)
ALL = ("npy", "npz", "csv", "json", "parquet", "h5")


def left(folder: Path) -> list[str]:
    """All that is in a folder, hidden files too."""
    return sorted(os.listdir(folder))


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    target = tmp_path / "a.npy"
    target.write_text("mine")
    line = run("get", file("contiguous"), "/grid", "-o", target).failed(2)
    assert line == f"{target}: the file exists; replace it with --overwrite"
    assert target.read_text() == "mine" and left(tmp_path) == ["a.npy"]
    assert run("get", file("contiguous"), "/grid", "-o", target, "--overwrite").code == 0
    assert (np.load(target) == GRID).all() and left(tmp_path) == ["a.npy"]


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.npy"
    monkeypatch.setattr(NpyWriter, "finish", lambda self: target.write_text("theirs") and None)
    with pytest.raises(UsageError, match="the file exists"):
        take(stored_array(GRID), target)
    assert target.read_text() == "theirs" and left(tmp_path) == ["a.npy"]


@pytest.mark.parametrize("name", ["folder", "fifo", "link"])
def test_what_is_no_file_is_not_replaced(name: str, tmp_path: Path) -> None:
    target = tmp_path / f"{name}.npy"
    if name == "folder":
        target.mkdir()
    elif name == "fifo":
        os.mkfifo(target)
    else:
        target.symlink_to("/dev/null")
    before = target.lstat().st_mode
    run("get", file("contiguous"), "/grid", "-o", target, "--overwrite").failed(2)
    assert target.lstat().st_mode == before and left(tmp_path) == [target.name]


def test_a_folder_that_is_not_there_or_not_ours(tmp_path: Path) -> None:
    line = run("get", file("contiguous"), "/grid", "-o", tmp_path / "no" / "a.npy").failed(2)
    assert f"no folder {tmp_path}/no; create it" in line
    assert "cannot be written" in run("get", file("contiguous"), "/grid", "-o", "/proc/a.npy").failed(1)


def test_groups_and_absent_paths(tmp_path: Path) -> None:
    line = run("get", file("contiguous"), "/", "-o", tmp_path / "a.npy").failed(2)
    assert "/ is a group, not a dataset; try: h5s3 tree /" in line
    assert "no /no in the file" in run("get", file("contiguous"), "/no", "-o", tmp_path / "a.npy").failed(3)
    assert "null dataspace" in run("get", file("null_spaces"), "/integer", "-o", tmp_path / "a.npy").failed(8)
    assert "does not fit" in run(
        "get", file("contiguous"), "/grid", "--slice", "99", "-o", tmp_path / "a.npy"
    ).failed(2)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("external_storage", "/whole", "external files"),
        ("virtual_other_file", "/virtual", "other files"),
        ("unknown_filter", None, "no plugin here decodes"),
    ],
)
@pytest.mark.parametrize("kind", ["npy", "h5", "json"])
def test_values_that_lie_elsewhere(
    name: str, path: str | None, words: str, kind: str, tmp_path: Path
) -> None:
    if path is None:
        with h5py.File(file(name)) as h5:
            path = next(key for key, item in h5.items() if isinstance(item, h5py.Dataset))
    line = run("get", file(name), path, "-o", tmp_path / f"a.{kind}").failed(8)
    assert words in line and left(tmp_path) == []


@pytest.mark.parametrize(
    ("dtype", "refusing"),
    [
        (h5py.string_dtype(), {"npy", "npz"}),
        (h5py.vlen_dtype(np.dtype("i4")), {"npy", "npz", "csv", "parquet"}),
        (h5py.ref_dtype, {"npy", "npz", "csv", "parquet", "h5"}),
        (h5py.regionref_dtype, {"npy", "npz", "csv", "parquet", "h5"}),
        (np.dtype("c8"), {"parquet"}),
        (np.dtype("f16"), {"json", "parquet"}),
        (np.dtype("V3"), {"csv"}),
        (np.dtype([("a", [("b", "i4")])]), {"csv"}),
        (np.dtype([("a", "c8"), ("b", h5py.ref_dtype)]), {"npy", "npz", "csv", "parquet", "h5"}),
    ],
)
def test_what_formats_cannot_hold(dtype: Any, refusing: set[str], tmp_path: Path) -> None:
    store = stored(lambda h5: h5.create_dataset("data", (2,), dtype=dtype))
    for kind in ALL:
        if kind not in refusing:
            take(store, tmp_path / f"a.{kind}")
            continue
        with pytest.raises(RefusedError) as refused:
            take(store, tmp_path / f"b.{kind}")
        assert refused.value.cause.startswith(f"{kind} cannot hold ")
        assert (
            set(refused.value.hint.removeprefix("use --format ").replace(" or ", ", ").split(", "))
            == set(ALL) - refusing
        )
    assert left(tmp_path) == sorted(f"a.{kind}" for kind in set(ALL) - refusing)


def test_csv_of_many_dimensions_names_slice(tmp_path: Path) -> None:
    line = run("get", file("netcdf4"), "/sst", "-o", tmp_path / "a.csv").failed(8)
    assert "csv cannot hold values of 3 dimensions (choose some with --slice, or add --coords)" in line


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    store = stored_array(np.array([b"good", b"b\xffad"]))
    for kind in ("csv", "parquet"):
        with pytest.raises(RefusedError, match="not UTF-8"):
            take(store, tmp_path / f"a.{kind}")
    assert left(tmp_path) == []
    assert b'["good", {"b64": "Yv9hZA=="}]' in stream(store, format="json")


class Failing(MemoryStore):
    """A store that fails at the third fetch of chunks."""

    error: BaseException = ChangedError("the object changed")

    def get_ranges(self, obj: Any, ranges: Any, on_arrival: Any = None) -> Any:
        """The bytes, or the error."""
        if len(self.rounds) >= 3:
            raise self.error
        return super().get_ranges(obj, ranges, on_arrival)


def failing(error: BaseException) -> Failing:
    made = stored(
        lambda h5: h5.create_dataset(
            "data",
            data=np.random.default_rng(1).bytes(4 << 20)
            and np.random.default_rng(1).integers(0, 255, (1024, 4096), dtype="u1"),
            chunks=(64, 64),
        )
    )
    store = Failing(made.data)
    store.error = error
    return store


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("error", [ChangedError("the object changed"), KeyboardInterrupt(), MemoryError()])
def test_a_failure_on_the_way_leaves_nothing(kind: str, error: BaseException, tmp_path: Path) -> None:
    store = failing(error)
    with boxes_of(1 << 18), pytest.raises((type(error), H5s3Error)):
        take(store, tmp_path / f"a.{kind}")
    assert len(store.rounds) == 3 and left(tmp_path) == []


@pytest.mark.parametrize("kind", ["npy", "csv", "json"])
def test_a_full_disk_is_one_sentence(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("h5s3.export.atomic_file.os.fsync", full)
    with pytest.raises(H5s3Error, match="cannot be written: No space left on device") as said:
        take(stored_array(GRID), tmp_path / f"a.{kind}")
    assert said.value.exit_code == 1 and left(tmp_path) == []


@pytest.mark.parametrize("kind", ALL)
def test_a_limit_of_the_size_of_files(kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 1 << 62, (1 << 16,))
    source = tmp_path / "source.h5"
    with h5py.File(source, "w") as h5:
        h5.create_dataset("data", data=noise, chunks=(4096,))
    folder = tmp_path / "out"
    folder.mkdir()
    line = [
        "bash",
        "-c",
        'ulimit -f 100; exec "$@"',
        "-",
        *command("get", source, "/data", "-o", folder / f"a.{kind}"),
    ]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "written" in done.stderr, done
    assert left(folder) == [] and "Traceback" not in done.stderr


def test_values_that_do_not_fit_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h5s3.explore.get.output.free_bytes", lambda path: 1199)
    with pytest.raises(RefusedError, match="1200 bytes of values do not fit the disk, which has 1199"):
        take(stored_array(GRID), tmp_path / "a.npy")
    assert left(tmp_path) == []
    assert stream(stored_array(GRID), format="csv")  # not on that disk


def test_a_declared_giant_is_refused(tmp_path: Path) -> None:
    store = stored(lambda h5: h5.create_dataset("data", (10**7, 10**6), "f8", chunks=(1000, 1000)))
    for kind in ALL:
        if kind != "h5":
            with pytest.raises(RefusedError, match="do not fit the disk"):
                take(store, tmp_path / f"a.{kind}")
    assert left(tmp_path) == []
    take(store, tmp_path / "a.h5")  # nothing of it was ever written, and nothing is
    assert (tmp_path / "a.h5").stat().st_size < 100_000
    assert take(store, tmp_path / "a.npy", selection="5,::100000").size == 10


def test_max_bytes_bounds_what_is_fetched_and_what_is_written(tmp_path: Path) -> None:
    store = stored_array(np.zeros(1 << 20, dtype="u1"), chunks=(1 << 16,), compression="gzip")
    with pytest.raises(RefusedError, match="1048576 bytes of values are more than --max-bytes 1048575"):
        take(store, tmp_path / "a.npy", max_bytes=(1 << 20) - 1)
    assert take(store, tmp_path / "a.npy", max_bytes=1 << 20).size == 1 << 20


def test_a_chunk_of_more_than_a_gigabyte(tmp_path: Path) -> None:
    def fill(h5: h5py.File) -> None:
        data = h5.create_dataset("data", (1 << 28,), "<f8", chunks=(1 << 28,), compression="gzip")
        data.id.write_direct_chunk((0,), bytes(100))

    with pytest.raises(RefusedError, match="one chunk is of 2048 MiB") as refused:
        take(stored(fill), tmp_path / "a.npy", selection="0:5")
    assert refused.value.hint == f"allow it with --max-bytes {2 << 30}"


def test_ctrl_c_and_sigterm_leave_nothing(tmp_path: Path) -> None:
    source, folder = tmp_path / "source.h5", tmp_path / "out"
    folder.mkdir()
    with h5py.File(source, "w") as h5:
        h5.create_dataset("data", (1 << 28,), "f8", chunks=(1 << 16,))
    for number in (signal.SIGINT, signal.SIGTERM):
        line = command("get", source, "/data", "-o", folder / "a.csv")
        process = subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        until = time.monotonic() + 30
        while not left(folder) and time.monotonic() < until:
            time.sleep(0.02)
        (name,) = left(folder)
        assert name.startswith(".a.csv.") and stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        process.send_signal(number)
        out, said = process.communicate(timeout=30)
        assert (process.returncode, out) == (130, b"") and b"Traceback" not in said, said
        assert left(folder) == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("-o", "-", "--format", "parquet"), "parquet cannot be written to standard output"),
        (("-o", "-.h5"), "h5 cannot be written to standard output"),
        (("-o", "-.csv", "--json"), "csv and json at once"),
        (("-o", "-", "--format", "csv", "--json"), "csv and json at once"),
        (("-o", "x.xyz"), "no format 'xyz'"),
        (("-o", "plain"), "does not tell the format"),
        (("-o", ""), "names no file"),
        (("--format", "exe"), "no format 'exe'"),
    ],
)
def test_usage(args: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in run("get", file("contiguous"), "/grid", *args).failed(2)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("counts", "counts"),
        ("größe 1", "größe 1"),
        ("..", "data"),
        (".hidden", "hidden"),
        ("--overwrite", "overwrite"),
        ("a\x1b[31m\nb", "a_[31m_b"),
        ("a\\b:c", "a_b_c"),
        ("x\u202ey", "x_y"),
        ("", "data"),
        ("n" * 500, "n" * 120),
        ("日" * 100, "日" * 66),
    ],
)
def test_hostile_names(name: str, safe: str) -> None:
    assert file_name(name) == safe


def test_a_hostile_name_stays_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = stored(lambda h5: h5.create_dataset("-rf\x1b\\..\\x", data=GRID))
    assert take(store, None, "/-rf\x1b\\..\\x").output == "rf__.._x.npy"
    assert left(tmp_path) == ["rf__.._x.npy"]


@pytest.mark.parametrize("kind", ["h5", "json"])
def test_sequences_of_arrays(kind: str, tmp_path: Path) -> None:
    result = run("get", file("vlens_nested"), "/of_arrays", "-o", tmp_path / f"a.{kind}")
    if kind == "h5":
        assert "h5 cannot hold sequences of arrays" in result.failed(8) and left(tmp_path) == []
    else:
        assert result.code == 0
