"""What a terminal is shown: colour, lines that fit, and never a byte that it would obey."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import pytest
from rich.cells import cell_len

from tests.support.cli import Result, file, on_terminal, on_terminal_here, run, sample, spawn, without_colour
from tests.support.servers.s3 import S3Server

COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;[0-9;]*)?m")
WIDE = [
    ("tree", "nexus", "-r", "--attrs"),
    ("tree", "long_names", "-r", "--attrs"),
    ("tree", "ranks"),
    ("meta", "compounds", "/many"),
    ("meta", "attribute_big", "/data"),
    ("preview", "netcdf4", "/sst"),
    ("preview", "compounds", "/many"),
    ("preview", "variable_strings", "/utf8"),
    ("preview", "floats", "/f64_le"),
]
HOSTILE = [
    "control_characters",
    "markup_names",
    "odd_names",
    "non_utf8_names",
    "long_names",
    "opaques",
    "enums",
]


@pytest.mark.parametrize(
    ("args", "columns"),
    [*((args, 80) for args in WIDE), *((args, 200) for args in (WIDE[0], WIDE[3], WIDE[8]))],
)
def test_lines_fit_the_terminal(args: tuple[str, ...], columns: int) -> None:
    code, text = on_terminal_here(args[0], file(args[1]), *args[2:], columns=columns)
    assert code == 0 and COLOUR.search(text)
    plain = without_colour(text)
    assert "\x1b" not in plain and plain.count("\n") > 2
    assert max(cell_len(line) for line in plain.split("\n")) <= columns


@pytest.mark.parametrize(
    ("name", "path"),
    [("netcdf4", "/sst"), ("contiguous", "/vector")],
)
def test_a_preview_fits_a_small_screen(name: str, path: str) -> None:
    """Of 24 lines one is the prompt's."""
    code, text = on_terminal_here("preview", file(name), path, columns=80, lines=24)
    lines = without_colour(text).splitlines()
    assert code == 0 and len(lines) <= 23 and "┤" in text
    code, text = on_terminal_here("preview", file(name), path, columns=80, lines=50)
    assert code == 0 and len(lines) < len(text.splitlines()) <= 49


@pytest.mark.parametrize("columns", [80, 200])
def test_a_listing_fits_and_shows_whole_names(server: S3Server, columns: int) -> None:
    for key in ("short.h5", "long/" * 30 + "name.h5"):
        server.put("cli-terminal", key, b"x")
    code, text = on_terminal_here("ls", "s3://cli-terminal/", "-r", "-l", columns=columns, on=server)
    plain = without_colour(text)
    assert code == 0 and max(map(cell_len, plain.split("\n"))) <= columns
    assert "short.h5" in plain and "long/" * 30 + "name.h5" in plain.replace("\n      ", "")


def test_meta_is_folded_and_not_cut() -> None:
    _, text = on_terminal_here("meta", file("compounds"), "/nested", columns=80)
    assert "unsigned 8-bit integer" in " ".join(without_colour(text).split())
    assert "…" not in text


@pytest.mark.parametrize(
    "args", [("tree", "nexus", "-r"), ("preview", "contiguous", "/vector"), ("meta", "nexus")]
)
def test_the_words_are_those_of_a_pipe(args: tuple[str, ...]) -> None:
    _, text = on_terminal_here(args[0], file(args[1]), *args[2:], columns=200)
    piped = run(args[0], file(args[1]), *args[2:]).out
    words = re.compile(r"[\w/@:]{2,}")
    assert set(words.findall(piped)) - set(words.findall(without_colour(text))) <= {"50"}


@pytest.mark.parametrize(
    ("args", "variables"),
    [
        (("tree", "nexus", "-r"), {"NO_COLOR": "1"}),
        (("preview", "netcdf4", "/sst"), {"NO_COLOR": "1"}),
        (("preview", "netcdf4", "/sst"), {"TERM": "dumb"}),
    ],
)
def test_no_colour_where_none_is_wanted(args: tuple[str, ...], variables: dict[str, str]) -> None:
    code, text = on_terminal_here(args[0], file(args[1]), *args[2:], columns=80, **variables)
    assert code == 0 and not COLOUR.search(text)
    assert "TERM" not in variables or "\x1b" not in text


def test_an_error_is_red_and_json_is_not() -> None:
    code, text = on_terminal_here("tree", "/no/such/file", columns=80)
    assert code == 3 and COLOUR.search(text)
    assert without_colour(text) == "h5s3: /no/such/file: no such file\n"
    code, text = on_terminal_here("tree", file("nexus"), "--json", columns=80)
    assert code == 0 and json.loads(text)["num_children"] == 1


def test_the_receipt_comes_after_the_result() -> None:
    _, text = on_terminal_here("tree", file("nexus"), "--stats", "--view", "plain", columns=80)
    lines = without_colour(text).split("\n")
    assert lines[1].startswith("└── entry/") and lines[2].startswith("stats: ")


def printable(result: Result) -> bool:
    return all(line.isprintable() for text in (result.out, result.err) for line in text.split("\n"))


def paths(name: str) -> list[tuple[str, str]]:
    """Kind and path of all objects of a file whose names can be written on a command line."""
    found = []

    def walk(nodes: list[dict[str, str]]) -> None:
        for node in nodes:
            if "name_b64" not in node:
                found.append((node["type"], node["path"]))
                walk(node.get("children", []))  # type: ignore[arg-type]

    walk(run("tree", file(name), "-r", "--json").json["children"])
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_escaped(name: str) -> None:
    assert printable(run("tree", file(name), "-r", "--attrs"))
    assert printable(run("meta", file(name), "--all-attrs"))
    for kind, path in paths(name)[:30]:
        for command in ("tree", "meta", "preview"):
            result = run(command, file(name), path)
            codes = (0, 2, 3, 8) if command == "preview" else (0,)
            assert printable(result) and result.code in codes, result
            if result.code == 0:
                as_json = run(command, file(name), path, "--json")
                assert as_json.json["path"] == path and printable(as_json)
        assert kind != "dataset" or run("preview", file(name), path).code == 0
        error = run("meta", file(name), path, "--attr", path + "\x1b[31m\n\u202e")
        assert (printable(error) and error.code == 3 and error.err.count("\n") == 1) or kind.endswith("link")


def test_escapes_show_what_was_there() -> None:
    text = run("tree", file("control_characters"), "--attrs", "-r").out
    assert "line one\\nline two\\r\\ttab \\x1b[31mred\\x1b[0m \\u202eright to left\\u202c" in text
    assert "external\\x1b[2J → no\\x1b[2Jfile.h5:/\\n" in text
    names = run("tree", file("markup_names")).out
    assert "\n├── [red]x[" in names and "\n├── [bold] " in names and ":smile:" in names
    assert "gr\\xfcn/" in run("tree", file("non_utf8_names")).out


def test_markup_means_nothing_on_a_terminal() -> None:
    for args in (("tree", "markup_names", "--attrs", "-r"), ("tree", "control_characters", "-r", "--attrs")):
        _, text = on_terminal_here(args[0], file(args[1]), *args[2:], columns=200)
        plain = without_colour(text)
        assert all(line.isprintable() for line in plain.split("\n"))
        piped = run(args[0], file(args[1]), *args[2:]).out
        assert set(re.findall(r"\[/?\w+\]", piped)) == set(re.findall(r"\[/?\w+\]", plain))


@pytest.mark.parametrize("name", ["a\x1b[31mb.h5", "a\nb.h5", "a\u202eb.h5", "a\x9b31mb.h5"])
def test_names_of_files_and_of_keys(moto: S3Server, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(file("contiguous").read_bytes())
    for args in (("tree", tmp_path / name), ("ls", tmp_path), ("tree", tmp_path / f"{name}.no")):
        result = run(*args)
        assert printable(result) and "\\" in result.out + result.err
    assert run("tree", tmp_path / name, "--json").json["key"] == str(tmp_path / name)
    if "\n" in name:
        return
    moto.put("cli-hostile", name, file("contiguous").read_bytes())
    for args in (("tree", f"s3://cli-hostile/{name}"), ("ls", f"s3://cli-hostile/{name}")):
        result = run(*args, on=moto)
        assert result.code == 0 and printable(result)
    entries = run("ls", "s3://cli-hostile/", "--json", on=moto).json["entries"]
    assert name in [entry["key"] for entry in entries]


@pytest.mark.parametrize(
    "args",
    [
        ("tr\x1b[31me\u202e",),
        ("tree", "x.h5", "--\x1b[31m\n\u202e"),
        ("tree", "x.h5", "--depth", "\x1b[31m\u202e"),
        ("tree", "x.h5", "--profile", "\x1b[31m\u202e"),
        ("schema", "\x1b[31m\u202e"),
        ("preview", "x.h5", "/", "--fixed", "\x1b[31m\u202e"),
        ("ls", "--env-file", "\x1b[31m\u202e"),
        ("tree", "s3:///\x1b[31m\u202e"),
        ("tree", "\x1b[31m\u202e://x"),
    ],
)
def test_what_the_command_line_says_is_escaped_too(args: tuple[str, ...]) -> None:
    result = run(*args)
    assert result.code in (2, 3) and printable(result) and result.err.count("\n") == 1


def test_the_same_in_a_process_of_its_own(rclone: S3Server) -> None:
    result = spawn("tree", sample(rclone, "control_characters"), "-r", "--attrs", on=rclone)
    assert result.code == 0 and printable(result)
    result = spawn("meta", file("nexus"), "/\x1b[31m\n\u202e", "--debug")
    assert result.code == 3 and printable(result) and "Traceback" in result.err


@pytest.mark.parametrize("args", [("tree", file("nexus"), "-r"), ("tree", "/no/such/file")])
def test_the_same_on_the_terminal_of_a_process(args: tuple[object, ...]) -> None:
    code, sent = on_terminal(*args, columns=80)
    here = on_terminal_here(*args, columns=80)  # rich keeps the codes of a colour as they were first needed
    assert (code, without_colour(sent)) == (here[0], without_colour(here[1]))


def test_what_is_folded_cannot_pass_for_a_line(tmp_path: Path) -> None:
    path = tmp_path / "forged.h5"
    with h5py.File(path, "w") as new:
        new.attrs["a"] = "ok" + " " * 80 + "units  str  K"
        new.attrs["b"] = "x" * 200
    code, sent = on_terminal_here("meta", path, columns=80)
    lines = without_colour(sent).splitlines()
    below = lines[lines.index("attributes (2)") + 1 :]
    assert code == 0 and [line[:5] for line in below if not line.startswith(" " * 6)] == ["  a  ", "  b  "]
    assert all(cell_len(line) <= 80 for line in lines) and any("units  str  K" in line for line in below)
