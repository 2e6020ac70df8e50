"""`h5s3 du` on a screen, in a pipe and as JSON."""

from __future__ import annotations

import pytest

from h5s3.records import UNSET, DiskUsage, Usage
from h5s3.render.columns import width_of
from h5s3.render.du import Style, usage_lines
from tests.support.cli import file, on_terminal_here, run, sample, without_colour
from tests.support.servers.s3 import S3Server


def usage(path: str, stored: int | None, logical: int, **more: object) -> Usage:
    ratio = logical / stored if stored else None
    kind = {"type": "dataset", "num_datasets": 1} | more
    return Usage(path=path, stored=stored, logical=logical, ratio=ratio, **kind)  # type: ignore[arg-type]


DOCUMENT = DiskUsage(
    location="s3://b/\x1b[31mkey",
    key="key",
    etag="e",
    path="/",
    size=2_000_000,
    stored=1_500_000,
    logical=150_000_000,
    ratio=100.0,
    num_datasets=4,
    entries=[
        usage("/group", 1_000_000, 149_000_000, type="group", num_datasets=2, unknown=1, note="1 unknown"),
        usage("/" + "long" * 40, 500_000, 1_000_000),
        usage("/alias\u202e", 0, 0, alias_of="/group/data"),
        usage("/unknown", None, 0, note="its chunk index cannot be read"),
    ],
    num_entries=7,
    entries_truncated=True,
    unknown=1,
    notes=["a note \x1b[0m of the file"],
)


def text(style: Style) -> list[str]:
    return ["".join(part for part, _ in line) for part in usage_lines(DOCUMENT, style) for line in part]


def test_a_table() -> None:
    lines = text(Style())
    assert lines[0] == "s3://b/\\x1b[31mkey  2.0 MB"
    assert lines[1].split() == ["stored", "logical", "ratio", "share", "path"]
    assert lines[2].split("  ")[-2:] == ["/group/", "(1 unknown)"]
    assert "149.0 MB" in lines[2] and "66.7 %" in lines[2] and "149" in lines[2]
    assert lines[4].strip() == "/alias\\u202e  (= /group/data)"
    assert lines[5].split()[0] == "?"
    assert lines[6].strip() == "… 3 more (--limit 0 shows all)"
    assert lines[7].startswith("≥ 1.5 MB") and lines[7].endswith("/  (4 datasets)")
    assert lines[8] == "a note \\x1b[0m of the file"


def test_a_narrow_table_cuts_paths_at_their_beginning() -> None:
    for width in (60, 80):
        table, _ = usage_lines(DOCUMENT, Style(width=width))
        assert width_of(table[3]) == width
        cut = "".join(part for part, _ in table[3])
        assert "  …" in cut and cut.endswith("longlong")


def test_bars_where_there_is_room() -> None:
    wide, narrow = text(Style(width=120)), text(Style(width=100))
    assert "█████████████▍" in wide[2] and "██████▋" in wide[3]
    assert not any("█" in line for line in narrow)
    assert wide[1].index("path") == wide[2].index("/group/")
    assert not any("█" in line for line in text(Style(width=120, unicode=False)))


def test_exact_bytes() -> None:
    lines = text(Style(exact=True))
    assert lines[2].split()[:2] == ["1000000", "149000000"]


def test_commands(server: S3Server) -> None:
    place = sample(server, "netcdf4")
    found = run("du", place, "--json", on=server).json
    lines = run("du", place, "--bytes", on=server).lines
    assert found["schema"] == "h5s3/du/1" and found["num_entries"] == len(found["entries"])
    assert lines[0].startswith(place)
    assert [line.split()[0] for line in lines[2:4]] == [
        str(entry["stored"]) for entry in found["entries"][:2]
    ]
    assert found["other"] == found["size"] - found["stored"]
    assert f"{found['other']} bytes of the object" in "\n".join(lines)
    first = found["entries"][0]["path"]
    assert run("du", place, first, "--json", on=server).json["num_datasets"] == 1
    by_name = run("du", place, "-d", "0", "--limit", "0", "--sort", "name", "--json", on=server).json
    paths = [entry["path"] for entry in by_name["entries"] if "alias_of" not in entry]
    assert paths == sorted(paths)


def test_errors() -> None:
    path = file("netcdf4")
    assert run("du", path, "/nothing").failed(3).endswith(f"no /nothing in the file; try: h5s3 tree {path}")
    assert run("du", path, "--sort", "x").failed(2) == "--sort is one of stored, logical, ratio, name"
    assert "--depth" in run("du", path, "--depth", "-1").failed(2)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal(columns: int) -> None:
    code, sent = on_terminal_here("du", str(file("nexus")), "-d", "0", columns=columns)
    lines = without_colour(sent).splitlines()
    assert code == 0 and all(len(line) <= columns for line in lines)
    assert any("█" in line for line in lines) == (columns >= 110)


def test_an_entry_without_a_note_has_none() -> None:
    assert usage("/x", 1, 1).note is UNSET
