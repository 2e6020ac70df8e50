"""The text of previews: what is said above the plot, tables with coordinates, and styles."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import pytest
from rich.cells import cell_len

from h5s3.records import Axis, Coding, Plot, Preview, Sampling, Stats, Table
from h5s3.render.plots.plot import plotted
from h5s3.render.preview import show_preview, table_lines

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "utf-8", write_through=True)

    def isatty(self) -> bool:
        return True


def preview(**more: Any) -> Preview:
    given: dict[str, Any] = {
        "location": "s3://b/k.nc", "key": "k.nc", "etag": None, "path": "/sst", "dtype": "float32",
        "shape": [20, 30], "ndim": 2, "preview_type": "heatmap", "selection": "0:20,0:30",
    }  # fmt: skip
    return Preview(**(given | more))


def heatmap(**more: Any) -> Plot:
    given: dict[str, Any] = {
        "type": "heatmap", "data": [[float(i * j) for j in range(30)] for i in range(20)], "vmin": 0.0,
        "vmax": 551.0, "downsampled": False, "selection": "0:20,0:30",
        "x": Axis(dimension=1, start=0, step=1, count=30), "y": Axis(dimension=0, start=0, step=1, count=20),
    }  # fmt: skip
    return Plot(**(given | more))


def stats(**more: Any) -> Stats:
    given: dict[str, Any] = {
        "min": 231.4, "max": 312.9, "mean": 287.1, "std": 11.2, "nan_count": 0, "inf_count": 0,
        "sample_size": 600, "coverage": 1.0,
    }  # fmt: skip
    return Stats(**(given | more))


def shown(
    made: Preview,
    monkeypatch: pytest.MonkeyPatch,
    *,
    plot: bool = True,
    terminal: bool = False,
    columns: int = 80,
    **variables: str,
) -> str:
    stream: Any = Terminal() if terminal else io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if terminal:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(sys, "stdout", stream)
    show_preview(made, None, plot)
    text: str = stream.buffer.getvalue().decode()
    return text


def lines(made: Preview, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    return ESCAPE.sub("", shown(made, monkeypatch, **options)).splitlines()


def test_everything_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = preview(
        group="/entry",
        title="2 metre temperature",
        units="K",
        coding=Coding(
            missing=[-32768, None], scale_factor=0.01, add_offset=-273.15, unsigned=True, calendar="noleap"
        ),
        sample=Sampling(unit="chunk", read=12, total=3402, parts=["0:1,0:4", "5:6,0:4", "7", "8"]),
        stats=stats(nan_count=3, missing_count=5, coverage=0.0035, of="magnitude"),
        notes=["a note"],
    )
    assert lines(made, monkeypatch) == [
        "s3://b/k.nc  /sst  20 × 30  float32  [0:20,0:30]",
        "  2 metre temperature",
        "  the default plot of /entry",
        "  decoded: stored × 0.01 - 273.15; unsigned; missing -32768, nan; calendar noleap",
        "  read: 12 of 3,402 chunks (0.35 %): [0:1,0:4] [5:6,0:4] [7] and 1 more",
        "  a note",
        "  magnitude:  min 231.4  max 312.9  mean 287.1  std 11.2  K  of 600 values, 0.35 % of the dataset;"
        " 3 NaN, 5 missing",
    ]


@pytest.mark.parametrize(
    ("read", "total", "percent"),
    [(256, 4000, "6.4"), (1, 3, "33"), (3, 100_000, "0.003"), (999, 1000, "over 99")],
)
def test_runs_are_counted_with_two_digits(
    monkeypatch: pytest.MonkeyPatch, read: int, total: int, percent: str
) -> None:
    made = preview(sample=Sampling(unit="run", read=read, total=total))
    assert lines(made, monkeypatch)[1] == f"  read: {read:,} of {total:,} runs ({percent} %)"


def test_what_goes_without_saying_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = preview(
        sample=Sampling(unit="chunk", read=4, total=4), coding=Coding(calendar="standard"), units="K"
    )
    assert lines(made, monkeypatch)[1:] == ["  [K]"]


def test_statistics_are_wrapped_and_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    made = preview(stats=stats(nan_count=3, missing_count=5, coverage=0.0035), units="K")
    assert lines(made, monkeypatch, terminal=True)[1:] == [
        "  min 231.4  max 312.9  mean 287.1  std 11.2  K",
        "  of 600 values, 0.35 % of the dataset; 3 NaN, 5 missing",
    ]
    narrow = lines(made, monkeypatch, terminal=True, columns=40)[1:]
    assert max(map(len, narrow)) <= 40 and "…" not in "".join(narrow)
    assert " ".join(" ".join(narrow).split()).endswith("; 3 NaN, 5 missing")


def test_a_default_preview_fits_a_small_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(
        rows=[[float(i)] * 9 for i in range(10)], columns=[*"012345678"], row_labels=list(range(10)),
        row_axis="lat", row_coordinates=list(range(10)), column_axis="lon", column_coordinates=list(range(9)),
    )  # fmt: skip
    made = preview(
        title="2 metre temperature", units="K", coding=Coding(scale_factor=0.01, missing=[-32767]),
        sample=Sampling(unit="chunk", read=61, total=244), stats=stats(coverage=0.25, missing_count=5),
        table=table, plot=heatmap(),
    )  # fmt: skip
    text = lines(made, monkeypatch, terminal=True, TERM="xterm-256color")
    assert len(text) <= 23  # and the prompt
    assert any("more rows" in line for line in text) and sum("▀" in line for line in text) >= 4


def test_times_are_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    made = preview(stats=stats(min_time="2020-01-01T00:00:00", max_time="2020-02-01T00:00:00"))
    assert "min 2020-01-01T00:00:00  max 2020-02-01T00:00:00  mean 287.1" in lines(made, monkeypatch)[1]


def test_where_the_extremes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"min_index": [3, 14], "max_index": [19, 2], "max_coordinates": {"time": "2024-07-01T06:00:00"}}
    line = lines(preview(stats=stats(**places)), monkeypatch)[1]
    assert line.startswith("  min 231.4 at [3,14]  max 312.9 at [19,2] (time 2024-07-01 06:00)  mean 287.1  ")


def test_the_plane_of_the_table_is_named_where_no_plot_does(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(rows=[[1]], selection="4,0:20,0:30")
    made = preview(selection="0:9,0:20,0:30", plot=heatmap(selection="4,0:20,0:30"), table=table)
    assert "  table: [4,0:20,0:30]" in lines(made, monkeypatch, plot=False)
    assert "  table: [4,0:20,0:30]" not in lines(made, monkeypatch)
    assert "/sst [4,0:20,0:30]" in shown(made, monkeypatch)


def table_text(table: Table, width: int = 80) -> list[str]:
    return ["".join(text for text, _ in line) for line in table_lines(table, width, "null")]


def test_coordinates_stand_beside_the_indices() -> None:
    table = Table(
        rows=[[1, 2.5], [3, None]], columns=["0", "1"], row_labels=[0, 1],
        row_axis="time", row_coordinates=["2020-01-01T00:00:00", "2020-01-02T00:00:00"],
        column_axis="lat", column_coordinates=[90.0, -87.5],
    )  # fmt: skip
    assert table_text(table) == [
        "                  0      1",
        "     time \\ lat  90  -87.5",
        "  0  2020-01-01   1    2.5",
        "  1  2020-01-02   3   null",
    ]


def test_columns_that_do_not_fit_are_counted() -> None:
    table = Table(
        rows=[[i, "text " * 20, *range(20)] for i in range(3)],
        columns=["id", "name", *(f"field_{i}" for i in range(20))],
        row_labels=[0, 1, 2],
        rows_truncated=True,
    )
    for width in (24, 60, 80, 200):
        found = table_text(table, width)
        seen = len(found[0].split())
        assert width == 24 or max(map(cell_len, found)) <= width
        assert seen >= 1 and (width < 80 or "field_0" in found[0].split())
        assert found[-1] == f"  … more rows; {22 - seen} columns not shown: too wide" or width == 200
        assert width == 24 or "…" not in found[0]
    assert table_text(table, 10_000)[-1] == "  … more rows"


def test_strings_have_their_length_and_are_read_from_the_left() -> None:
    table = Table(rows=[["north", 5], ["\x1b[31m" * 60, 300]], columns=["value", "length"], row_labels=[0, 1])
    found = table_text(table)
    assert found[0].split() == ["value", "length"] and found[1].split() == ["0", "north", "5"]
    assert found[1].startswith("  0  north ") and found[2].endswith("…     300")
    assert all(line.isprintable() for line in found)


def test_hostile_text_is_escaped_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "\x1b[2J\u202e\n[red]"
    axis = Axis(dimension=0, start=0, step=1, count=3, label=evil, units=evil, texts=[evil] * 3)
    for plot in (
        Plot(type="line", data=[0, 1, 2], vmin=0, vmax=2, downsampled=False, selection="0:3", label=evil,
             units=evil, texts=[evil, evil], x=axis),
        heatmap(data=[[0, 1, 2]] * 3, x=axis, y=axis, label=evil, units=evil),
        heatmap(data=[[0, 1, 2]] * 3, x=axis, y=axis, categories={evil: 0, evil + "2": 1}),
    ):  # fmt: skip
        table = Table(rows=[[evil]], row_axis=evil, row_coordinates=[evil], columns=[evil], column_axis=evil,
                      column_coordinates=[evil])  # fmt: skip
        made = preview(
            path=evil, title=evil, units=evil, group=evil, notes=[evil], plot=plot, table=table,
            coding=Coding(missing=[evil], calendar=evil),
            sample=Sampling(unit="run", read=1, total=2, parts=[evil]),
            stats=stats(of=evil, min_time=evil, max_time=evil, min_index=[1], min_coordinates={evil: evil}),
        )  # fmt: skip
        for options in ({}, {"terminal": True, "TERM": "xterm-256color"}):
            text = ESCAPE.sub("", shown(made, monkeypatch, **options))  # type: ignore[arg-type]
            assert all(line.isprintable() for line in text.split("\n"))
            assert "\\x1b[2J\\u202e\\n[red]" in text


@pytest.mark.parametrize(
    ("variables", "style"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "48;2;"),
        ({"TERM": "xterm-256color"}, "48;5;"),
        ({"TERM": "xterm"}, ""),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, ""),
        ({"TERM": "dumb"}, ""),
    ],
)
def test_a_terminal_gets_the_colours_it_has(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], style: str
) -> None:
    text = shown(preview(plot=heatmap()), monkeypatch, terminal=True, **variables)
    picture = text.partition("\n")[2]
    assert {kind for kind in ("48;2;", "48;5;") if kind in picture} == ({style} if style else set())
    assert ("▀" in picture) == bool(style)
    if variables == {"TERM": "xterm"}:
        assert "░" in picture and "│" in picture
    elif not style:
        assert picture.isascii() and "@" in picture
    assert len(picture.splitlines()) == 22


def test_a_pipe_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = Axis(dimension=0, start=0, step=1, count=30, label="Länge × Größe", units="°µ…")
    plot = heatmap(limits="robust", vmin=5.0, vmax=20.0, units="µm·s⁻¹ ° Å", label="größe", x=axis)
    picture = shown(preview(path="/größe", plot=plot), monkeypatch).partition("\n")[2]
    assert picture.isascii() and "/grosse [0:20,0:30]" in picture and "Lange x Grosse" in picture
    assert "<=5 [" in picture and "] >=20 um.s" in picture and "2-98 % of the values" in picture
    assert max(map(len, picture.splitlines())) <= 80 and len(picture.splitlines()) <= 24


def test_the_title_names_slice_and_label() -> None:
    plot = heatmap(label="magnitude", selection="3,0:20,0:30")
    assert "/sst [3,0:20,0:30]: magnitude" in plotted(preview(), plot, 80, 24, "", False).text
    plot = heatmap(label="sst")
    assert "/sst [0:20,0:30]\n" in plotted(preview(), plot, 80, 24, "", False).text


def test_rows_that_no_metadata_counts_have_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    found = preview(shape=None, ndim=1, dtype="table", path="/", preview_type="table", selection="0:8")
    show_preview(found, "table", False)
    assert "/  ? rows  table  [0:8]" in capsys.readouterr().out
    show_preview(preview(shape=None, ndim=0, preview_type="empty"), "table", False)
    assert "  null  float32" in capsys.readouterr().out
