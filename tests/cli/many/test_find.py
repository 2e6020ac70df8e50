"""`h5s3 find` in a pipe, on a screen and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from tests.support.cli import file, on_terminal_here, run, sample, without_colour
from tests.support.servers.s3 import S3Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files with a temperature, one without, one that is none."""
    for name, kelvin in (("a", 290.0), ("b", 300.0), ("c", None)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as new:
            new["entry/title"] = f"run {name}"
            new["entry/soft"] = h5py.SoftLink("/entry/title")
            if kelvin is not None:
                new["entry/temperature"] = kelvin
                new["entry/temperature"].attrs["units"] = "K"
    return tmp_path


def test_a_match_is_a_line(folder: Path) -> None:
    done = run("find", folder, "--name", "temperature")
    assert done.lines == [
        f"{folder}/a.h5\t/entry/temperature\tdataset",
        f"{folder}/b.h5\t/entry/temperature\tdataset",
    ]
    done = run("find", folder, "--name", "temperature", "-l")
    assert done.lines[0] == f"{folder}/a.h5\t/entry/temperature\tdataset  scalar  float64  8 B"
    links = ["find", folder, "--type", "link", "--name", "s*"]
    assert run(*links).lines[0].endswith("/entry/soft\tsoft link")
    assert run(*links, "-l").lines[0].endswith("soft link to /entry/title")


def test_what_was_asked_about_is_shown(folder: Path) -> None:
    done = run("find", folder, "--attr", "units=K", "--value", ">295")
    assert done.lines == [
        f"{folder}/b.h5\t/entry/temperature\tdataset  scalar  float64  8 B  = 300  @units = K"
    ]


def test_files_alone(folder: Path) -> None:
    assert run("find", folder, "--name", "temp*", "--files").lines == [f"{folder}/a.h5", f"{folder}/b.h5"]
    assert run("find", folder, "--missing", "/entry/temperature").lines == [f"{folder}/c.h5"]
    records = run("find", folder, "--missing", "entry/temperature", "--jsonl").records
    assert [one["key"] for one in records] == [f"{folder}/c.h5"]


def test_json(folder: Path) -> None:
    document = run("find", folder, "--attr", "units", "--json").json
    assert [one["path"] for one in document["matches"]] == ["/entry/temperature"] * 2
    assert document["matches"][0]["attributes"][0]["value"] == "K"
    assert document["num_matches"] == 2 and document["files"]["searched"] == 3
    lines = run("find", folder, "--attr", "units", "--jsonl").records
    assert lines == document["matches"]
    only = run("find", folder, "--name", "title", "--files", "--json").json
    assert len(only["files_found"]) == 3 and only["matches"] == []


def test_on_a_screen_matches_stand_below_their_file(folder: Path) -> None:
    code, screen = on_terminal_here("find", folder, "--name", "t*", columns=80)
    lines = [line.rstrip() for line in without_colour(screen).splitlines()]
    assert code == 0
    assert lines[0] == f"{folder}/a.h5"
    assert lines[1].split() == ["/entry/temperature", "dataset"]
    assert lines[3:5] == ["", f"{folder}/b.h5"]
    assert lines[-1] == "5 matches in 3 of 3 files"
    _, screen = on_terminal_here("find", folder, "--name", "temp*", "-l", columns=80)
    lines = without_colour(screen).splitlines()
    assert lines[1].split() == ["/entry/temperature", "scalar", "float64", "8", "B"]


def test_nothing_found(folder: Path, rclone: S3Server) -> None:
    assert run("find", folder, "--name", "pressure").failed(3) == "nothing found in 3 files"
    assert "no such" in run("find", f"{folder}/none.h5").err
    bucket = sample(rclone, "nexus").rpartition("/")[0]
    assert run("find", f"{bucket}/none/", on=rclone).code == 3


def test_files_that_fail_are_named_at_the_end(folder: Path) -> None:
    (folder / "b.h5").write_bytes((folder / "b.h5").read_bytes()[:900])
    done = run("find", folder, "--name", "temperature")
    assert (done.code, done.out.count("\n")) == (0, 1)
    assert done.err.splitlines()[0] == "1 file could not be looked into:"
    assert done.err.splitlines()[1].startswith(f"  {folder}/b.h5: ")
    alone = run("find", folder / "b.h5", "--name", "temperature")
    assert (alone.code, alone.out) == (6, "")
    document = json.loads(run("find", folder, "--name", "nothing", "--json").out)
    assert document["failures"][0]["exit_code"] == 6


def test_what_contradicts_is_refused(folder: Path) -> None:
    for words in (
        ["--missing", "/x", "--name", "y"],
        ["--json", "--jsonl"],
        ["--regex", "("],
        ["--ndim", "x"],
        ["--larger", "much"],
        ["--jobs", "0"],
    ):
        run("find", folder, *words).failed(2)


def test_hostile_names_are_made_safe() -> None:
    place = file("nexus").with_name("hostile_names.h5")
    with h5py.File(place, "w") as new:
        new["bad\x1b[31m\n\u202ename"] = 1
    for line in run("find", place, "--name", "bad*").lines:
        assert "\x1b" not in line and "\u202e" not in line
