"""The verdict on a file as text: the strip, the findings, the simulation."""

from __future__ import annotations

import io
import shlex
from typing import Any

import pytest
from rich.console import Console

from h5s3.explore.doctor.costs import make_costs
from h5s3.records.doctor import Doctor, Extent, FileLayout, Finding
from h5s3.render.doctor.file import cells, command_lines, file_lines

EXTENTS = [
    Extent(start=0, stop=250, kind="metadata"),
    Extent(start=250, stop=600, kind="data"),
    Extent(start=600, stop=610, kind="metadata"),
    Extent(start=610, stop=800, kind="data"),
    Extent(start=800, stop=1000, kind="unknown"),
]
LAYOUT = FileLayout(
    size=1000,
    superblock_version=2,
    userblock_size=0,
    file_space_strategy="page",
    page_size=4096,
    num_groups=1,
    num_datasets=2,
    num_chunks=3,
    metadata_bytes=260,
    metadata_extents=2,
    data_bytes=540,
    extents=EXTENTS,
)
COMMAND = "h5repack -S PAGE -G 65536 -l '/a b:CHUNK=1x2' 'my file.h5' out.h5"
DOCUMENT = Doctor(
    status="warning",
    file=[
        Finding(name="file space", status="ok", detail="strategy: page"),
        Finding(name="chunks", status="warning", detail="1 × 2", cost="9 requests", remedy=COMMAND),
        Finding(name="evil\x1b[31m\n", status="failure", detail="\u202eevil\x07" * 3, remedy="x \x1b[2J"),
    ],
    layout=LAYOUT,
    simulation=[
        make_costs("as laid out", "counted", 1305, 13, 10_000_000, 13),
        make_costs("paged, 128 KiB pages, --low=2", "simulated", 9, 3, 400_000, 3),
    ],
)


def drawn(width: int, unicode: bool, *, color: bool = False) -> str:
    system: Any = "truecolor" if color else None
    console = Console(file=io.StringIO(), width=width, force_terminal=color, color_system=system)
    for line in file_lines(DOCUMENT, width, unicode):
        console.print(line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_strip_by_offset() -> None:
    assert cells(EXTENTS, 1000, 10) == [0, 0, 1, 2, 2, 2, 1, 2, 3, 3]
    assert cells(EXTENTS, 1000, 1) == [1]
    assert len(cells(EXTENTS, 1000, 5000)) == 1000
    odd = [Extent(start=900, stop=2000, kind="data"), Extent(start=5, stop=5, kind="metadata")]
    assert cells(odd, 1000, 4) == [3, 3, 3, 3]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_lines_fit_and_say_the_same_in_ascii(width: int) -> None:
    text = drawn(width, True)
    assert "█" in text and "metadata" in text
    plain = drawn(width, False)
    assert plain.isascii() and "M" in plain
    if width >= 80:
        assert all(len(line) <= width for line in (text + plain).splitlines())
        assert "1,305" in plain and "1.05" in plain and "200 Mbit/s" in plain


def test_the_figures() -> None:
    text = drawn(200, True)
    assert "as laid out" in text and "10.0 MB" in text and "1.05" in text  # 13 * 50 ms + 0.4 s
    assert "1 group, 2 datasets, 3 chunks" in text
    assert COMMAND in text


def test_nothing_hostile_gets_through() -> None:
    for text in (drawn(80, True), drawn(80, False)):
        assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert "\x1b[2J" not in drawn(80, True, color=True)


def test_a_long_command_can_be_pasted() -> None:
    lines = command_lines(COMMAND, 30)
    assert len(lines) > 2 and all(line.endswith(" \\") for line in lines[:-1])
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(COMMAND)
    assert command_lines(COMMAND, 500) == [COMMAND]
    assert command_lines("echo 'unfinished", 20) == ["echo 'unfinished"]


def test_without_a_file_there_is_nothing() -> None:
    assert file_lines(Doctor(status="ok"), 80, True) == []
