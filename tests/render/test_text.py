"""Texts that once went astray or could: piles of marks, what nobody sees, 64 kB names, figures, progress."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest

from h5s3.render.diagnostics import progress
from h5s3.render.get import SafeStream
from h5s3.render.text import safe, safe_json, titled
from tests.support.cli import on_terminal_here, run, without_colour
from tests.support.hostile.files import PLACES, hostile_file
from tests.support.hostile.text import FRAGMENTS, INVALID, Screen, on_screen, unseen, visible

LONG = 65_000  # bytes, as long as a name in the oldest format can be


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a fragment of each kind in every place."""
    found = tmp_path_factory.mktemp("examples") / "file.h5"
    pieces = [text.replace("/", "|").replace("\0", "").encode() for text in FRAGMENTS]
    hostile_file(found, [b"".join(pieces[i::PLACES]) for i in range(PLACES)])
    return found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("e\u0301a\u0308", "e\u0301a\u0308"),
        ("Z" + "\u0335" * 6 + "x", "Z" + "\u0335" * 4 + r"\u0335\u0335x"),
        ("\u0338x", r"\u0338x"),
        ("\n\u0301", r"\n\u0301"),
        ("a\u3164b\ufe0fc\u2800\U000e0100", r"a\u3164b\ufe0fc\u2800\U000e0100"),
        ("x\u2028\x9b\ufeff\u202e", r"x\u2028\x9b\ufeff\u202e"),
        ("\ud800\udcff", r"\ud800\udcff"),
    ],
)
def test_what_becomes_of_a_text(text: str, shown: str) -> None:
    assert safe(text) == shown and not unseen(safe(text))


def test_every_character_there_is() -> None:
    """But for the planes that hold nothing, or private use alone."""
    for start in (*range(0, 0x32000, 400), *range(0xE0000, 0xE2000, 400)):
        text = "a".join(map(chr, range(start, start + 400)))
        assert not unseen(safe(text, len(text)))
        if not 0xD800 <= start <= 0xDFFF and not 0xD800 <= start + 400 <= 0xDFFF:
            assert not unseen(safe_json(text.encode()).decode(), piles=True)


def test_a_long_text_is_quickly_cut() -> None:
    for char in ("\x1b", "\u0301", "é", "\U000e0041"):
        start = time.process_time()
        for _ in range(100):
            assert len(safe(char * LONG)) <= 4000
        assert time.process_time() - start < 1


def test_names_of_64_kilobytes(tmp_path: Path) -> None:
    name = "n\u202e" * (LONG // 4)
    with h5py.File(tmp_path / "long.h5", "w") as new:
        new.create_group(name)["d"] = np.arange(3)
        new.attrs.create("a", name)
        new["soft"] = h5py.SoftLink("/" + name)
    for args in (
        ("tree", "-r", "--attrs"),
        ("meta",),
        ("du", "-d", "0"),
        ("preview", f"/{name}/d"),
        ("meta", f"/{name}/e"),
    ):
        result = run(args[0], tmp_path / "long.h5", *args[1:])
        # in a pipe a line of a value has 10,000 characters, each of which may be an escape
        assert visible(result) and len(result.out + result.err) < 40_000 and "…" in result.out + result.err
        shown = on_screen(args[0], tmp_path / "long.h5", *args[1:])
        assert visible(shown, colour=True) and len(shown.out + shown.err) < 15_000
    found = run("tree", tmp_path / "long.h5", "--attrs", "--json").json
    assert [node["name"] for node in found["children"]] == [name, "soft"]
    assert found["children"][1]["target"] == "/" + name and found["attributes"][0]["value"] == name


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_figures(path: Path, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("matplotlib")
    with h5py.File(path) as found:
        inner = next(
            name
            for name in found
            if "[red]" in found[name].attrs.get("NX_class", b"x").decode() or len(name) > 30
        )
        where = [
            f"/{inner}/{name}"
            for name in found[inner]
            if isinstance(found[inner].get(name, getlink=True), h5py.HardLink)
        ]
    result = run("preview", path, where[0], "--plot-out", tmp_path / f"x.{kind}")
    assert result.code == 0 and visible(result)
    data = (tmp_path / f"x.{kind}").read_bytes()
    if kind == "svg":
        tree = ElementTree.fromstring(data)
        assert not [one for one in tree.iter() if one.tag.endswith("script")]
        assert not unseen("".join(tree.itertext()).replace("\r", "").replace("\t", ""))


def test_progress_knows_no_markup() -> None:
    stream = Screen(io.BytesIO(), "utf-8")
    with mock.patch("sys.stderr", stream), mock.patch.dict(os.environ, {"TERM": "xterm", "COLUMNS": "80"}):
        with progress() as told:
            assert told is not None
            for text in ("[link=http://evil.example]x[/link]", "[/foo]", ":smile:[red]x"):
                told(text, 0.5)
                time.sleep(0.15)  # it is drawn ten times a second
    stream.flush()
    sent = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert "\x1b]8" not in sent and ":smile:[red]x" in sent


def test_csv_on_a_terminal_has_the_rows_of_the_file() -> None:
    screen = io.BytesIO()
    stream = SafeStream(screen)
    for piece in ('a,"b\nfake,row', ' ""quoted""\n"\n', "c\td\x1b[2J,e\n"):
        stream.write(piece.encode())
    assert screen.getvalue().decode() == 'a,"b\\nfake,row ""quoted""\\n"\nc\\td\\x1b[2J,e\n'
    screen = io.BytesIO()
    SafeStream(screen).write(b'{"schema": "h5s3/get/1", "data": ["\\""]}\n')
    assert screen.getvalue().endswith(b"}\n")


def test_values_named_in_no_utf8(tmp_path: Path) -> None:
    """Names of enum values and of fields, and the sources of a virtual dataset."""
    for raw in INVALID:
        hostile_file(tmp_path / "x.h5", [raw + b"%x" % i for i in range(PLACES)])
        shown = (raw + b"6").decode("utf-8", "backslashreplace")
        rows = run("preview", tmp_path / "x.h5", "/enum", "--json").json["table"]["rows"]
        assert rows == [["m" + shown], ["zero"], [2]]
        fields = run("preview", tmp_path / "x.h5", "/fields", "--json").json
        assert fields["table"]["columns"][0] == (raw + b"5").decode("utf-8", "backslashreplace")
        assert fields["notes"] == []
        sources = run("meta", tmp_path / "x.h5", "/virtual", "--json").json["virtual_sources"]
        assert sources[0]["path"] == (raw + b"4").decode("utf-8", "backslashreplace")
        assert run("preview", tmp_path / "x.h5", "/virtual").code == 8
        refused = run("get", tmp_path / "x.h5", "/enum", "-o", tmp_path / "x.csv")
        assert refused.failed(8).endswith("use --format npy, json or h5")


@pytest.mark.parametrize("columns", [30, 80])
def test_on_a_real_terminal(path: Path, columns: int) -> None:
    for args in (
        ("tree", path, "-r", "--attrs"),
        ("get", path, "/variable", "-o", "-"),
        ("meta", path, "/\x1b[2J\u202e"),
    ):
        _, text = on_terminal_here(*args, columns=columns)
        assert not unseen(without_colour(text)) and without_colour(text).strip()


def test_units_stand_behind_a_name_once() -> None:
    assert titled("Polar Angle", "degrees") == "Polar Angle [degrees]"
    assert titled("Polar Angle [degrees]", "degrees") == "Polar Angle [degrees]"
    assert titled("Polar angle (Degrees)", "degrees") == "Polar angle (Degrees)"
    assert titled("degrees", "degrees") == "degrees [degrees]"
    assert (titled("", "K"), titled("a", ""), titled("", "")) == ("[K]", "a", "")
