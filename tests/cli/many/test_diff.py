"""`h5s3 diff` on a screen, in a pipe and as JSON; its exit codes."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import DamagedError
from tests.support.cli import on_terminal, run, spawn, without_colour
from tests.support.servers.s3 import S3Server

BUCKET = "diff"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("diff")
    a, b = folder / "a.h5", folder / "b.h5"
    with h5py.File(a, "w") as new:
        data = new.create_dataset("entry/data/counts", (60, 256, 256), "<u4", chunks=(1, 256, 256))
        data.attrs["units"], data.attrs["n"], data.attrs["text"] = "K", np.int32(5), "x" * 100 + "a"
        new["entry/old/x"] = new["entry/old/y"] = 1
        new["entry/link"] = h5py.SoftLink("/entry/data")
        new["entry/\x1b[31mname"] = 5
    shutil.copy(a, b)
    with h5py.File(b, "a") as new:
        data = new["entry/data/counts"]
        data.attrs["units"], data.attrs["n"], data.attrs["text"] = "°C ", np.int64(6), "x" * 100 + "b"
        data.attrs["scale"] = [1.5, np.nan]
        del new["entry/old"], new["entry/link"]
        new["entry/link"] = h5py.SoftLink("/entry")
        new["zzz"] = np.zeros((3, 4))
        new["entry/\x1b[31mname"].attrs["\u202e"] = 1
    return a, b


TEXT = """\
~ /entry/\\x1b[31mname
  + @\\u202e  1  (int64)
~ /entry/data/counts
  ~ @n      5 → 6  (dtype int32 → int64)
  + @scale  [1.5, nan]  (float64 2)
  ~ @text   "{x}a" → "{x}b"
  ~ @units  "K" → "°C "
~ /entry/link
  ~ target  /entry/data → /entry
- /entry/old/  (2 objects in it)
+ /zzz  3 × 4 float64
3 added, 3 removed, 4 changed  (both have 6 objects and 3 attributes; values were not compared (--data))
""".replace("{x}", "x" * 100)


def test_text(pair: tuple[Path, Path]) -> None:
    done = run("diff", *pair)
    assert (done.code, done.out, done.err) == (9, TEXT, "")


def test_what_looks_alike_is_told_apart(tmp_path: Path) -> None:
    for number in range(2):
        with h5py.File(tmp_path / f"{number}.h5", "w") as new:
            values = np.arange(5000)
            values[-1] += number
            new.attrs["big"] = values
        kind = pa.int32() if number else pa.int64()
        text = "x" * (3000 + 10 * number)
        table = pa.table({"a": pa.array([1], kind), "t": [text]})
        pq.write_table(table, tmp_path / f"{number}.parquet", compression="none", write_statistics=False)
    shown = run("diff", tmp_path / "0.h5", tmp_path / "1.h5").out
    assert "@big  [0, 1, 2" in shown and "…  (differs in what is not shown)" in shown
    sizes = [f"{(tmp_path / f'{number}.parquet').stat().st_size:,} B" for number in range(2)]
    shown = run("diff", tmp_path / "0.parquet", tmp_path / "1.parquet").out
    assert f"bytes  {' → '.join(sizes)}\n" in shown


def test_columns_of_tables(tmp_path: Path) -> None:
    """Their order is told; rows are not compared, whatever is on the other side."""
    one, other, file = (tmp_path / name for name in ("one.parquet", "other.parquet", "file.h5"))
    columns = {"a": [1], "b": [2.0], "s": [{"x": 1, "y": 2}]}
    pq.write_table(pa.table(columns), one)
    pq.write_table(pa.table({"s": [{"y": 2, "x": 1}], "new": [1], "a": [1], "b": [2.0]}), other)
    shown = run("diff", one, other)
    assert '~ /\n  ~ column order  ["a", "b", "s"] → ["s", "new", "a", "b"]\n+ /new' in shown.out
    assert '~ /s\n  ~ column order  ["x", "y"] → ["y", "x"]\n' in shown.out
    with h5py.File(file, "w") as new:
        new["a"], new["b"], new["s/x"], new["s/y"] = [5], [6.0], [7], [8]
    assert run("diff", one, file).out.startswith("identical") and run("diff", file, one).code == 0
    for pair in ((one, file), (file, one), (one, other, "--path-a", "/a", "--path-b", "/a")):
        assert "rows of tables are not compared" in run("diff", *pair, "--data").failed(2)


def test_json(pair: tuple[Path, Path]) -> None:
    done = run("diff", *pair, "--json")
    assert done.code == 9
    found = type(done)(0, done.out, done.err).json
    assert not found["identical"] and not found["data"]
    assert [one["path"] for one in found["removed"]] == ["/entry/old", "/entry/old/x", "/entry/old/y"]
    scale = next(one for one in found["added"] if one.get("name") == "scale")
    assert scale["value"] == [1.5, None] and scale["nan_count"] == 1
    assert {"path": "/entry/link", "field": "target", "a": "/entry/data", "b": "/entry"} in found["changed"]
    same = run("diff", pair[0], pair[0], "--json").json
    assert same["identical"] and same["changed"] == same["added"] == same["removed"] == []


def test_nothing_differs(pair: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copy(pair[0], tmp_path / "copy.h5")
    line = "identical  (9 objects and 3 attributes; values were not compared (--data))"
    assert run("diff", pair[0], tmp_path / "copy.h5").lines == [line]


def test_a_narrow_terminal_has_all_names_whole(pair: tuple[Path, Path]) -> None:
    code, sent = on_terminal("diff", *pair, columns=60)
    lines = without_colour(sent).splitlines()
    assert code == 9 and "\x1b[38;5;28m" in sent and "\x1b[38;5;196m" in sent
    assert max(map(len, lines)) <= 60
    text = next(line for line in lines if "@text" in line)
    assert "xa" in text and "xb" in text and text.count("…") == 2


def test_parts_of_one_file(pair: tuple[Path, Path]) -> None:
    done = run("diff", pair[0], "--path-a", "/entry/old/x", "--path-b", "/entry/old/y")
    assert done.lines == ["identical  (1 object and 0 attributes; values were not compared (--data))"]
    done = run("diff", *pair, "--path-a", "entry/data")
    assert done.code == 9 and done.out.startswith("~ /entry/data/counts\n")
    assert "compared with itself" in run("diff", pair[0]).failed(2)
    assert "compared with itself" in run("diff", pair[0], "--path-a", "/entry").failed(2)
    message = run("diff", *pair, "--path-a", "/entry/old").failed(3)
    assert message.startswith(str(pair[1])) and "/entry/old" in message


def test_the_damaged_side_is_named(pair: tuple[Path, Path], tmp_path: Path, server: S3Server) -> None:
    broken = tmp_path / "broken.h5"
    broken.write_bytes(pair[0].read_bytes()[:1000])
    for both in ((pair[0], broken), (broken, pair[0])):
        assert run("diff", *both).failed(6).startswith(f"{broken}: the file is truncated")
    server.put(BUCKET, "broken.h5", broken.read_bytes())
    done = spawn("diff", pair[0], f"s3://{BUCKET}/broken.h5", on=server)
    assert done.failed(6).startswith(f"s3://{BUCKET}/broken.h5: the file is truncated")
    assert run("diff", pair[0], tmp_path / "none.h5").failed(3).startswith(str(tmp_path / "none.h5"))


def test_an_object_and_its_copy_by_two_cells(server: S3Server, pair: tuple[Path, Path]) -> None:
    server.put(BUCKET, "a.h5", pair[0].read_bytes())
    done = spawn("diff", f"s3://{BUCKET}/a.h5", pair[1], on=server)
    assert (done.code, done.out) == (9, TEXT)
    again = spawn("diff", f"s3://{BUCKET}/a.h5", pair[1], "--offline", "--json", "--stats", on=server)
    assert again.code == 9 and '"cached":true' in again.out and "0 requests" in again.err


def test_from_python(pair: tuple[Path, Path]) -> None:
    found = h5s3.diff(*pair)
    assert not found.identical and found.to_dict()["schema"] == "h5s3/diff/1"
    same = h5s3.diff(pair[0], pair[0])
    assert same.identical and "<div>identical</div>" in (same._repr_html_() or "")
    html = found._repr_html_() or ""
    assert "<td" in html and "@units value" in html and "\x1b" not in html and "\u202e" not in html
    with pytest.raises(DamagedError):
        h5s3.diff(pair[0], __file__)


@pytest.fixture(scope="module")
def versioned(moto: S3Server) -> tuple[S3Server, str, list[str]]:
    """An object of three versions, the last of them deleted again."""
    client, bodies = moto.client(), []
    for number in range(3):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as new:
            new["x"] = np.arange(number + 3)
        bodies.append(buffer.getvalue())
    client.create_bucket(Bucket="diff-versions")
    client.put_bucket_versioning(Bucket="diff-versions", VersioningConfiguration={"Status": "Enabled"})
    names = {"Bucket": "diff-versions", "Key": "runs/file.h5"}
    client.put_object(Body=b"", Bucket="diff-versions", Key="runs/file.h5.txt")
    ids = [client.put_object(Body=body, **names)["VersionId"] for body in bodies]
    return moto, "s3://diff-versions/runs/file.h5", ids


def test_versions(versioned: tuple[S3Server, str, list[str]]) -> None:
    server, where, ids = versioned
    for chosen, (old, new) in {
        ("--versions",): (4, 5),
        ("--version-id", ids[0]): (3, 5),
        ("--version-id", ids[0], "--version-id", ids[1]): (3, 4),
    }.items():
        done = run("diff", where, *chosen, on=server)
        assert (done.code, done.out.splitlines()[:2]) == (9, ["~ /x", f"  ~ shape  {old} → {new}"])
    found = run("diff", where, where, "--version-id", ids[2], "--data", "--json", on=server).json
    assert found["identical"] and found["a"]["version_id"] == ids[2] and found["num_values"] == 5
    message = run("diff", where, "--version-id", ids[0], "--version-id", "none", on=server).failed(3)
    assert message.startswith(f"{where} (version none): no such version")
    assert "only one version" in run("diff", where + ".txt", "--versions", on=server).failed(3)
    assert "no such object" in run("diff", where[:-1], "--versions", on=server).failed(3)
    assert "in S3" in run("diff", "./file.h5", "--versions").failed(2)
    assert "compared with itself" in run("diff", where, *2 * ["--version-id", ids[0]], on=server).failed(2)
