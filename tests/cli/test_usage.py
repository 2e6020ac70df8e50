"""Command lines that make no sense: exit code 2 and one line that says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.cli import file, run

USAGE = [
    (("tree",), "Missing argument 'LOCATION'; try: h5s3 tree --help"),
    (("get",), "Missing argument 'LOCATION'; try: h5s3 get --help"),
    (("schema",), "Missing argument 'COMMAND'; try: h5s3 schema --help"),
    (
        ("schema", "nothing"),
        "no command 'nothing' with JSON; one of ls, tree, meta, preview, get, convert, convert-many, du,"
        " diff, find, catalog-build, catalog-query, catalog-check, refs, refs-check, serve, bench, doctor,"
        " cache, cache-verify, cache-clear, cache-path, stats",
    ),
    (("tree", "x.h5", "-r", "-d", "2"), "--recursive and --depth contradict each other"),
]
# What the parser says of these is up to its version; the option is named in any case.
OPTIONS = [
    ("tree", "--nothing", "x.h5"),
    ("tree", "x.h5", "--depth", "-1"),
    ("tree", "x.h5", "--depth", "two"),
    ("tree", "x.h5", "--limit", "-1"),
    ("ls", "--sort", "colour"),
    ("ls", "--glob"),
    ("meta", "x.h5", "--timeout", "0"),
    ("preview", "x.h5", "/", "--max-size", "513"),
    ("preview", "x.h5", "/", "--only", "nothing"),
    ("cache", "info", "--nothing"),
]
SLICES = [
    ("/sst", "3", "index 3 is outside"),
    ("/sst", "-4", "index -4 is outside"),
    ("/sst", "a:b", "'a:b' is not an index or a slice"),
    ("/sst", "0,,1", "a part is empty"),
    ("/sst", "::-1", "steps are positive"),
    ("/sst", "1,1,1,1", "it names 4 dimensions"),
    ("/sst", "...,...", "`...` stands there twice"),
    ("/time", "3", "index 3 is outside"),
]
PREVIEW = [
    (("/sst", "--fixed", "3=0"), "--fixed 3=0 does not fit the shape (3, 4, 5)"),
    (("/sst", "--fixed", "0=3"), "--fixed 0=3 does not fit the shape (3, 4, 5)"),
    (("/sst", "--display-dims", "1,1"), "--display-dims are two of [0, 1, 2] for the shape (3, 4, 5)"),
    (
        ("/sst", "--display-dims", "1,2", "--fixed", "1=0"),
        "--display-dims are two of [0, 2] for the shape (3, 4, 5)",
    ),
    (("/",), "/ is a group, not a dataset; try: h5s3 tree {location}"),
    (("/forecast",), "/forecast is a group, not a dataset; try: h5s3 tree {location} /forecast"),
]
FORMS = [
    (("--fixed", "x"), "--fixed 'x' is not of the form 0=5,3=1"),
    (("--fixed", "0=1=2"), "--fixed '0=1=2' is not of the form 0=5,3=1"),
    (("--display-dims", "1"), "--display-dims '1' is not two numbers such as 1,2"),
    (("--display-dims", "a,b"), "--display-dims 'a,b' is not two numbers such as 1,2"),
]


@pytest.mark.parametrize(("args", "line"), USAGE)
def test_usage(args: tuple[str, ...], line: str) -> None:
    assert run(*args).failed(2) == line


@pytest.mark.parametrize("args", OPTIONS)
def test_bad_options(args: tuple[str, ...]) -> None:
    line = run(*args).failed(2)
    named = next(arg for arg in args if arg.startswith("--"))
    assert named in line and re.search(r"; try: h5s3 .*--help$", line)


def test_an_argument_too_many() -> None:
    line = run("tree", "x.h5", "/", "extra").failed(2)
    assert "extra" in line and line.endswith("; try: h5s3 tree --help")


@pytest.mark.parametrize(("word", "guess"), [("tre", "tree"), ("frobnicate", None), ("TREE", None)])
def test_an_unknown_command(word: str, guess: str | None) -> None:
    line = run(word, "s3://bucket/key").failed(2)
    assert line.startswith(f"No such command '{word}'")
    assert line.endswith(f"Did you mean '{guess}'?" if guess else "; try: h5s3 --help")


@pytest.mark.parametrize(("args", "line"), PREVIEW)
def test_usage_of_preview(args: tuple[str, ...], line: str) -> None:
    where = file("netcdf4")
    assert run("preview", where, *args).failed(2) == f"{where}: {line}".format(location=where)


@pytest.mark.parametrize(("path", "text", "why"), SLICES)
def test_slices_that_do_not_fit(path: str, text: str, why: str) -> None:
    shape = "(3, 4, 5)" if path == "/sst" else "(3,)"
    line = run("preview", file("netcdf4"), path, "--slice", text).failed(2)
    assert line == f"{file('netcdf4')}: the slice {text!r} does not fit the shape {shape}: {why}"


@pytest.mark.parametrize(("args", "line"), FORMS)
def test_forms_of_options(args: tuple[str, ...], line: str) -> None:
    assert run("preview", file("netcdf4"), "/sst", *args).failed(2) == line


def test_a_slice_is_never_evaluated(tmp_path: Path) -> None:
    code = f"__import__('os').mkdir('{tmp_path}/made')"
    assert "is not an index or a slice" in run(
        "preview", file("contiguous"), "/vector", "--slice", code
    ).failed(2)
    assert not (tmp_path / "made").exists()
