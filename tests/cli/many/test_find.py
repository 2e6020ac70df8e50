"""`h5s3 find` in a pipe, on a screen and as JSON."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import h5py
import pytest

from h5s3.render.many import beside
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
    code, screen = on_terminal_here("find", folder, "--name", "t*", columns=200)
    lines = [line.rstrip() for line in without_colour(screen).splitlines()]
    assert code == 0
    assert lines[0] == f"{folder}/a.h5"
    assert lines[1].split() == ["/entry/temperature", "dataset"]
    assert lines[3:5] == ["", f"{folder}/b.h5"]
    assert lines[-1] == "5 matches in 3 of 3 files"
    _, screen = on_terminal_here("find", folder, "--name", "title", columns=len(str(folder)) - 10)
    assert "…" not in screen and "".join(without_colour(screen).split()).startswith(f"{folder}/a.h5")
    _, screen = on_terminal_here("find", folder, "--name", "temp*", "-l", columns=200)
    lines = without_colour(screen).splitlines()
    assert lines[1].split() == ["/entry/temperature", "scalar", "float64", "8", "B"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars appear as soon as there is room."""
    monkeypatch.setattr(beside, "TICK", 0.001)
    monkeypatch.setattr(beside, "QUIET", 0.0)


def final_screen(sent: str) -> list[str]:
    """What a terminal shows at last of what it was sent."""
    screen, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", sent):
        if piece == "\n":
            row, column = row + 1, 0
            screen += [""] * (row + 1 - len(screen))
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[2K":
            screen[row] = ""
        elif piece == "\x1b[1A":
            row -= 1
        elif piece[0] != "\x1b":
            screen[row] = screen[row][:column].ljust(column) + piece + screen[row][column + len(piece) :]
            column += len(piece)
        else:
            assert piece[-1] == "m" or piece in ("\x1b[?25l", "\x1b[?25h"), piece
    return screen


@pytest.mark.parametrize("words", [["-l"], ["--jsonl"], ["--json"], ["--files"]])
def test_lines_and_the_bar_do_not_mix(folder: Path, hasty: None, words: list[str]) -> None:
    code, sent = on_terminal_here("find", folder, "--name", "t*", *words, columns=200)
    assert code == 0 and "━" in sent
    shown = "\n".join(final_screen(sent))
    assert "━" not in shown and "files searched" not in shown
    if words == ["-l"]:
        assert [line.split()[0] for line in shown.splitlines() if line][:3] == [
            f"{folder}/a.h5", "/entry/temperature", "/entry/title",
        ]  # fmt: skip
    else:
        assert shown.startswith(run("find", folder, "--name", "t*", *words).out)


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_progress_is_shown_also_where_lines_go_elsewhere(
    folder: Path, hasty: None, tmp_path: Path, kind: str
) -> None:
    received, sending = os.pipe()
    with open(sending if kind == "pipe" else tmp_path / "out", "w") as out, open(received) as reader:
        code, sent = on_terminal_here("find", folder, "--name", "t*", columns=80, stdout=out)
        out.close()
        if kind == "file":
            os.close(sending)
        printed = reader.read() if kind == "pipe" else (tmp_path / "out").read_text()
    assert code == 0 and "━" in sent and printed == run("find", folder, "--name", "t*").out
    assert not "".join(final_screen(sent))


def test_a_closed_pipe_ends_a_search_that_shows_progress(folder: Path, hasty: None) -> None:
    received, sending = os.pipe()
    os.close(received)
    out = open(sending, "w")
    code, sent = on_terminal_here("find", folder, "--name", "t*", columns=80, stdout=out)
    with pytest.raises(BrokenPipeError):
        out.close()
    assert code == 0 and not "".join(final_screen(sent))


def test_nothing_found(folder: Path, rclone: S3Server) -> None:
    assert run("find", folder, "--name", "pressure").failed(3) == "nothing found in 3 files"
    assert (
        run("find", sorted(folder.rglob("*.h5"))[0], "--name", "pressure").failed(3)
        == "nothing found in 1 file"
    )
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
