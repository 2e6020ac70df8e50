"""Nothing but printable text is shown of a file, whatever its texts are, and JSON has them exactly.

Each test runs the examples written at it; with `H5S3_TEST_EXAMPLES=1` in the environment generated ones, too.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.support.cli import Result, run, without_colour
from tests.support.hostile.files import PLACES, hostile_file
from tests.support.hostile.text import decoded, names, on_screen, some, spread, unseen, visible, without_moves

HARMLESS = [b"text%d" % i for i in range(PLACES)]
COLUMNS = st.sampled_from([24, 40, 80, 137, 200])
FILES = st.lists(names(), min_size=PLACES, max_size=PLACES)
# What of a file with such texts can be asked for, by the numbers of the texts that the path consists of.
INNER: list[tuple[bytes | int, ...]] = [(0,), (0, 1)]
OUTER = [
    b"enum",
    b"fields",
    b"fixed",
    b"opaque",
    b"variable",
    b"reference",
    b"external",
    b"virtual",
    b"filtered",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the file of an example goes: one after the other in the same place."""
    return tmp_path_factory.mktemp("hostile") / "file.h5"


def argument(texts: Sequence[bytes], *parts: int) -> str:
    """A path inside the file as the shell would hand it over."""
    return os.fsdecode(b"/" + b"/".join(texts[part] for part in parts))


def document(result: Result) -> Any:
    """The one JSON document of an output: strict UTF-8, no lone surrogates, one line of printable text."""
    assert result.out.endswith("\n") and result.out.count("\n") == 1
    assert not unseen(result.out, piles=True), result.out
    found = json.loads(result.out)
    json.dumps(found, ensure_ascii=False).encode()  # raises for a lone surrogate
    return found


def holds(node: dict[str, Any], name: bytes) -> bool:
    """Whether the name of a record is exactly this one."""
    if node["name"] != decoded(name):
        return False
    try:
        name.decode()
    except UnicodeDecodeError:
        return base64.b64decode(node["name_b64"]) == name
    return "name_b64" not in node


def fits(result: Result, columns: int) -> bool:
    """Whether every line of a result is as wide as the screen at most."""
    return max(map(cell_len, without_colour(result.out).split("\n"))) <= columns


@some(10)
@given(FILES, COLUMNS)
@example(spread(PLACES), 24)
@example(spread(PLACES, 5), 137)
def test_tree(path: Path, texts: list[bytes], columns: int) -> None:
    hostile_file(path, HARMLESS)
    harmless = run("tree", path, "-r", "--attrs")
    hostile_file(path, texts)
    piped = run("tree", path, "-r", "--attrs")
    assert piped.code == harmless.code == 0 and visible(piped)
    assert piped.out.count("\n") == harmless.out.count("\n")  # no name makes a line of its own
    shown = on_screen("tree", path, "-r", "--attrs", columns=columns)
    assert shown.code == 0 and visible(shown, colour=True) and fits(shown, columns)
    assert shown.out.count("\n") == harmless.out.count("\n")
    found = document(run("tree", path, "-r", "--attrs", "--json"))
    exact(found, texts)
    lines = run("tree", path, "-r", "--attrs", "--jsonl").out
    records = [document(Result(0, line + "\n", "")) for line in lines[:-1].split("\n")]
    assert sorted(r["path"] for r in records) == sorted(["/", *(n["path"] for n in flat(found["children"]))])


def flat(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All records of a tree."""
    return [one for node in nodes for one in (node, *flat(node.get("children", [])))]


def exact(found: dict[str, Any], texts: list[bytes]) -> None:
    """The records of a tree hold each text as it is in the file."""
    group, numbers, attribute, value, target, _, member, _, units, label, scale, note = texts
    nodes = flat(found["children"])
    for name in (
        group,
        numbers,
        b"soft" + target[:200],
        b"ext" + target[:200],
        b"type" + label,
        b"scale" + scale,
    ):
        assert sum(holds(node, name) for node in nodes) == 1 + (name == group == numbers), name
    inner = next(node for node in nodes if holds(node, group) and node["type"] == "group")
    data = next(node for node in inner["children"] if holds(node, numbers))
    assert sum(holds(one, attribute) for one in data["attributes"]) == 1
    values = {one["name"]: one["value"] for one in data["attributes"]}
    assert values["units"] == decoded(units.rstrip(b"\0")) and values["enum"] == "m" + decoded(member)
    assert values["several"] == [decoded(value)] * 3
    soft, external = (
        next(n for n in inner["children"] if n["type"] == kind) for kind in ("soft_link", "external_link")
    )
    assert soft["target"] == decoded(target) and external["target"] == f"{decoded(note)}:{decoded(target)}"


@some(4)
@given(FILES, COLUMNS)
@example(spread(PLACES, 7), 40)
def test_meta_and_du(path: Path, texts: list[bytes], columns: int) -> None:
    hostile_file(path, texts)
    inside = [argument(texts, *parts) for parts in INNER]  # type: ignore[arg-type]
    for where in ["/", *inside, *(f"/{name.decode()}" for name in OUTER)]:
        piped, shown = (
            run("meta", path, where, "--all-attrs"),
            on_screen("meta", path, where, columns=columns),
        )
        assert piped.code == shown.code == 0 and visible(piped) and visible(shown, colour=True)
        assert fits(shown, columns)
        found = document(run("meta", path, where, "--all-attrs", "--json"))
        assert found["path"] == decoded(os.fsencode(where)) and found["num_attributes"] == len(
            found["attributes"]
        )
    for where in ("/", inside[0]):
        piped, shown = run("du", path, where, "-d", "0"), on_screen("du", path, where, columns=columns)
        assert piped.code == shown.code == 0 and visible(piped) and visible(shown, colour=True)
        entries = document(run("du", path, where, "-d", "0", "--json"))["entries"]
        assert decoded(os.fsencode(inside[1])) in [one["path"] for one in entries]


@some(4)
@given(FILES, COLUMNS)
@example(spread(PLACES, 2), 80)
def test_preview_and_get(path: Path, texts: list[bytes], columns: int) -> None:
    hostile_file(path, texts)
    for where in (argument(texts, 0, 1), *(f"/{name.decode()}" for name in OUTER)):
        piped, shown = run("preview", path, where), on_screen("preview", path, where, columns=columns)
        assert piped.code == shown.code in (0, 8), piped
        assert visible(piped) and visible(shown, colour=True)
        assert shown.code or fits(shown, columns)
        if piped.code == 0:
            assert document(run("preview", path, where, "--json"))["path"] == decoded(os.fsencode(where))
        got = on_screen("get", path, where, "-o", "-", columns=columns)
        assert got.code in (0, 8) and visible(got, colour=True)
        written = path.parent / "taken.json"
        got = run("get", path, where, "-o", written, "--overwrite")
        assert got.code in (0, 8) and visible(got)
        if got.code == 0:
            json.loads(written.read_bytes().decode())


@some(3)
@given(st.lists(names(), min_size=3, max_size=3), COLUMNS)
@example(spread(3), 80)
def test_what_is_not_there(path: Path, texts: list[bytes], columns: int) -> None:
    hostile_file(path, HARMLESS)
    wrong = argument(texts, 0, 1)
    for args in (
        ("tree", path, wrong),
        ("meta", path, wrong),
        ("preview", path, wrong),
        ("get", path, wrong),
        ("du", path, wrong),
        ("meta", path, "/", "--attr", wrong),
        ("preview", path, "/fields", "--column", wrong),
        ("preview", path, "/text0/text1", "--slice", wrong),
        ("tree", f"{path}{wrong}"),
        ("ls", f"{path}{wrong}"),
        ("bench", f"{path}{wrong}"),
        ("doctor", f"{path}{wrong}"),
        ("get", path, "/fixed", "-o", f"{path}{wrong}"),
        ("preview", path, "/enum", "--plot-out", f"{path}{wrong}"),
        ("tree", path, "--env-file", wrong),
        ("schema", wrong),
        ("tree", path, f"--{wrong}"),
        ("ls", f"s3://{wrong}"),
        (wrong,),
        ("cache", wrong),
    ):
        for result in (
            run(*args, "--debug") if len(args) > 1 else run(*args),
            on_screen(*args, columns=columns),
        ):
            assert result.code and visible(without_moves(result), colour=True), (args, result)
        piped = run(*args)
        assert "\x1b" not in piped.out + piped.err and piped.err.count("\n") == (args[0] != "doctor"), args
