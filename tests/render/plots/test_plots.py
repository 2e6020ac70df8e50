"""Plots fit their cells, show what is there, and never draw what is missing."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from h5s3.render.plots.axes import Coordinates, linear_ticks
from h5s3.render.plots.colors import ASCII_RAMP, SHADES
from h5s3.render.plots.heatmap import heatmap
from h5s3.render.plots.line import line
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.render.plots.value_scale import ValueScale

COLORS: list[Any] = ["", "256", "truecolor"]
STYLES = [(color, unicode) for color in COLORS for unicode in (False, True)]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
BRAILLE = re.compile("[\u2801-\u28ff]")
NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.integers(-(2**63), 2**64),
    st.sampled_from([0.0, 1e-30, -1e300, 1e300, sys.float_info.max, -sys.float_info.max, 5e-324]),
)
TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=50)


def plain(text: str) -> str:
    return ESCAPE.sub("", text)


def check_fit(text: str, width: int, height: int, color: bool, unicode: bool) -> None:
    lines = text.split("\n")
    assert len(lines) <= height
    for shown in lines:
        assert cell_len(plain(shown)) <= width
        if color:
            assert ESCAPE.findall(shown)[-1:] in ([], ["\x1b[0m"])
        else:
            assert "\x1b" not in shown and shown == shown.rstrip(" ")
    if not unicode:
        assert text.isascii()


def canvas(text: str, edge: str = "[│┤|]") -> list[str]:
    """What is to the right of the y axis, line by line."""
    rows = (re.match(rf" *[-+0-9.e]*{edge}(.*)$", shown) for shown in plain(text).split("\n"))
    return [row[1] for row in rows if row]


def layout(
    width: int = 80, height: int = 24, color: Any = "", unicode: bool = False, title: str = "", **_: Any
) -> PlotLayout:
    return PlotLayout(width, height, color, unicode, title)


def ends(first: float, last: float, count: int) -> list[float]:
    return [first + (last / count - first / count) * i * count / max(1, count - 1) for i in range(count)]


def draw_line(y: list[Any], x: list[Any] | None = None, **options: Any) -> str:
    coords = Coordinates(
        range(len(y)) if x is None else x, options.pop("texts", ()), options.pop("xlabel", "")
    )
    names = ("label", "units", "log", "low", "high", "robust", "categories", "dates")
    scale = ValueScale(**{name: options.pop(name) for name in names if name in options})
    return line(y, layout(**{"unicode": True} | options), scale, coords).text


def draw_heatmap(rows: list[list[Any]], **options: Any) -> str:
    shape = len(rows), len(rows[0]) if rows else 0
    xs, ys = (options.pop(name, range(count)) for name, count in zip(("xs", "ys"), shape[::-1], strict=True))
    x = Coordinates(xs, options.pop("xtexts", ()), options.pop("xlabel", ""))
    y = Coordinates(ys, options.pop("ytexts", ()), options.pop("ylabel", ""))
    names = ("label", "units", "log", "low", "high", "robust", "categories", "dates")
    scale = ValueScale(**{name: options.pop(name) for name in names if name in options})
    return heatmap(rows, layout(**options), scale, x, y).text


@pytest.mark.parametrize(("color", "unicode"), STYLES)
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (24, 8), (40, 10), (10, 3), (1, 1)])
def test_plots_fit(width: int, height: int, color: bool, unicode: bool) -> None:
    style: dict[str, Any] = {"width": width, "height": height, "color": color, "unicode": unicode}
    texts: dict[str, Any] = {
        "title": "/entry/µ-metal " * 9,
        "xlabel": "time [s] " * 30,
    }
    long = "Ångström 漢字 " * 30
    y = [math.sin(i / 20) if i % 50 else None for i in range(500)]
    check_fit(draw_line(y, label=long, **style, **texts), **style)
    check_fit(draw_heatmap([y[i : i + 20] for i in range(400)], ylabel=long, **style, **texts), **style)


def test_plots_use_the_space_without_a_terminal() -> None:
    size: dict[str, Any] = {"width": 321, "height": 100, "title": "all"}
    for text in (draw_line(list(range(9)), **size), draw_heatmap([list(range(500))] * 200, **size)):
        shown = text.split("\n")
        assert (max(map(len, shown)), len(shown)) == (321, 100)


PLACES = st.lists(NUMBERS, min_size=60, max_size=60, unique=True).map(
    lambda values: sorted(float(v) for v in values if v is not None and math.isfinite(v))
)
SCALES = st.builds(
    dict,
    low=NUMBERS,
    high=NUMBERS,
    log=st.booleans(),
    robust=st.booleans(),
    label=TEXTS,
    units=TEXTS,
    categories=st.sampled_from([(), (), (("off", 0), ("on", 1)), tuple((f"n{i}", i) for i in range(200))]),
)


@given(
    y=st.lists(NUMBERS, max_size=60),
    x=st.none() | PLACES,
    backwards=st.booleans(),
    size=st.tuples(st.integers(1, 120), st.integers(1, 40)),
    style=st.sampled_from(STYLES),
    title=TEXTS,
    scale=SCALES,
    texts=st.lists(TEXTS, min_size=60, max_size=60) | st.just(()),
)
@settings(max_examples=100, deadline=None)
def test_line_draws_anything(
    y: list[Any], x: Any, backwards: bool, size: Any, style: Any, title: str, scale: Any, texts: Any
) -> None:
    x = list(range(len(y))) if x is None else x
    count = min(len(x), len(y))
    x = x[:count][:: -1 if backwards else 1]
    shape: dict[str, Any] = {"width": size[0], "height": size[1], "color": style[0], "unicode": style[1]}
    shown = draw_line(y[:count], x, texts=texts[:count], title=title, xlabel=title, **scale, **shape)
    check_fit(shown, **shape)


@given(
    shape=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    values=st.lists(NUMBERS, min_size=1, max_size=40),
    size=st.tuples(st.integers(1, 120), st.integers(1, 40)),
    style=st.sampled_from(STYLES),
    scale=SCALES,
    ends_=st.none() | st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300)),
    label=TEXTS,
)
@settings(max_examples=100, deadline=None)
def test_heatmap_draws_anything(
    shape: tuple[int, int], values: list[Any], size: Any, style: Any, scale: Any, ends_: Any, label: str
) -> None:
    cells: dict[str, Any] = {"width": size[0], "height": size[1], "color": style[0], "unicode": style[1]}
    rows = [[values[(7 * i + j) % len(values)] for j in range(shape[1])] for i in range(shape[0])]
    more = {} if ends_ is None else {"xs": ends(*ends_, shape[1]), "ys": ends(*ends_, shape[0])}
    check_fit(draw_heatmap(rows, xlabel=label, ylabel=label, title=label, **scale, **more, **cells), **cells)


@pytest.mark.parametrize(
    "limits", [(-1.7e308, 1.7e308), (1e300, 0), (0, 1e-30), (-(2**63), 2**63 - 1), (3, 3)]
)
def test_extremes_are_drawn(limits: tuple[float, float]) -> None:
    shown = draw_heatmap([sorted(limits)] * 2, xs=limits, ys=limits)
    assert limits[0] == limits[1] or {" ", "@"} <= set(canvas(shown)[0])
    rows = canvas(draw_line(list(limits), list(limits)))
    assert limits[0] == limits[1] or all(row.strip() for row in rows)


@given(low=st.floats(-1e300, 1e300), span=st.floats(1e-300, 1e300), count=st.integers(1, 20))
@settings(deadline=None)
def test_ticks_say_where_they_are(low: float, span: float, count: int) -> None:
    high = low + span
    made = linear_ticks(low, high, count=count)
    offset = Fraction(made.offset or 0)
    if low == high:
        return
    assert len(made.ticks) >= 2
    assert made.label_width() <= 14
    start, size = Fraction(str(low)), Fraction(str(high)) - Fraction(str(low))
    for place, text in made.ticks:
        assert 0 <= place <= 1
        assert float((Fraction(text) + offset - start) / size) == pytest.approx(place, abs=1e-9)


def test_values_that_differ_little_are_told_apart() -> None:
    shown = draw_line([2**62 + i for i in range(4)], label="id")
    assert "id (+4611686018427387904)" in shown
    assert {"+0┤", "+1┤", "+2┤", "+3┤"} <= {row.strip()[:3] for row in shown.split("\n")}
    assert "1000000.001" in draw_heatmap([[1000000.001, 1000000.002]])


@pytest.mark.parametrize("unicode", [False, True])
def test_a_line_goes_through_its_points(unicode: bool) -> None:
    rows = canvas(draw_line([0, 10, 0], unicode=unicode))
    peak = [i for i, cell in enumerate(rows[0]) if cell != " "]
    assert abs(peak[0] - len(rows[-1]) / 2) <= 2
    assert rows[-1][0] != " " != rows[-1][-1]
    assert all(row.strip() for row in rows)


@pytest.mark.parametrize("unicode", [False, True])
@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_gaps_stay_empty(unicode: bool, missing: float | None) -> None:
    whole = [math.sin(i / 9) for i in range(300)]
    broken = [missing if 100 <= i < 150 else value for i, value in enumerate(whole)]
    rows = [row.ljust(80) for row in canvas(draw_line(broken, unicode=unicode))]
    gap = slice(27, 36)  # of 75 columns, a sixth is missing after the first third
    assert not any(row[gap].strip() for row in rows)
    assert any(row.ljust(80)[gap].strip() for row in canvas(draw_line(whole, unicode=unicode)))
    assert "50 of 300 missing" in draw_line(broken, unicode=unicode)
    assert "missing" not in draw_line(whole, unicode=unicode)


def test_a_point_between_gaps_is_seen() -> None:
    assert draw_line([1, None, 3, None, 2]).count("•") == 3
    assert "•" in draw_line([1e-30]) and "1e-30" in draw_line([1e-30])


def test_one_high_value_among_many_is_seen() -> None:
    counts = [3] * 100_000
    counts[77_000] = 4_000_000
    rows = canvas(draw_line(counts))
    assert all(BRAILLE.search(row) for row in rows)
    assert len(BRAILLE.findall("".join(rows[:-1]))) == len(rows) - 1


def test_a_line_that_covers_everything_is_cheap() -> None:
    y = [(i * 7919) % 10007 for i in range(10_007)]
    assert len(BRAILLE.findall(draw_line(y))) > 1000


@pytest.mark.parametrize("values", [[], [None], [None, math.nan, math.inf]])
def test_nothing_to_plot_is_said(values: list[float | None]) -> None:
    rows: list[list[Any]] = [values] if values else []
    for shown in (draw_line(values, title="empty"), draw_heatmap(rows, title="empty")):
        assert shown.startswith("empty\nnothing to plot: ")
        assert (f"{len(values)} of {len(values)} missing" in shown) == bool(values)


@pytest.mark.parametrize(("unicode", "ramp"), [(False, ASCII_RAMP), (True, SHADES)])
def test_the_ramp_follows_the_value(unicode: bool, ramp: str) -> None:
    shown = draw_heatmap([list(range(40))], unicode=unicode)
    steps = [ramp.index(cell) for cell in canvas(shown)[0]]
    assert steps == sorted(steps) and set(steps) == set(range(len(ramp)))
    assert re.search(rf"0 \[[{re.escape(ramp)}]+\] 39$", shown)


def test_colours_get_lighter_with_the_value() -> None:
    shown = draw_heatmap([list(range(60))], color="truecolor")
    row = next(text for text in shown.split("\n") if "48;2" in text)
    colors = [tuple(map(int, rgb)) for rgb in re.findall(r"48;2;(\d+);(\d+);(\d+)m", row)]
    light = [0.2126 * r**2.2 + 0.7152 * g**2.2 + 0.0722 * b**2.2 for r, g, b in colors]
    assert light == sorted(light) and len(set(colors)) == 60
    assert (colors[0], colors[-1]) == ((68, 1, 84), (253, 231, 37))


@pytest.mark.parametrize(("color", "unicode"), STYLES)
def test_missing_cells_look_like_no_value(color: bool, unicode: bool) -> None:
    mark = "·" if unicode else "/"
    shown = draw_heatmap([[0, None], [math.nan, 9]], color=color, unicode=unicode)
    assert shown.endswith("2 of 4 missing") and f"{mark} 2 of 4" in plain(shown)
    rows = canvas(shown)
    half = len(rows[0]) // 2
    assert set(rows[0][half:]) == set(rows[-1].ljust(2 * half)[:half]) == {mark}
    assert mark not in rows[0][:half] + rows[-1][half:]
    assert mark not in draw_heatmap([[0, 1], [2, 3]], color=color, unicode=unicode)


@pytest.mark.parametrize(("pair", "block"), [((1.0, None), "▀"), ((None, 1.0), "▄")])
def test_a_cell_with_one_missing_half_has_no_background(pair: tuple[Any, Any], block: str) -> None:
    rows = [[value] * 40 for value in pair] * 19
    body = [text for text in draw_heatmap(rows, color="truecolor", unicode=True).split("\n") if block in text]
    assert len(body) == 19 and not any("48;2" in text for text in body)


@pytest.mark.parametrize(("color", "unicode"), STYLES)
def test_the_first_row_is_at_the_top(color: bool, unicode: bool) -> None:
    data: list[list[Any]] = [[9, 9], *[[0, 0]] * 9, [None, None]]
    shown = draw_heatmap(data, color=color, unicode=unicode)
    rows = canvas(shown)
    assert (
        re.search("253;231;37|[34]8;5;22[01]m", shown.split("\n")[0]) if color else set(rows[0]) <= set("@█")
    )
    assert set(rows[-1]) <= set("/·")
    labels = re.findall(r"^ *(\d+)[│┤|]", plain(shown), re.MULTILINE)
    assert labels[0] == "0" and [int(label) for label in labels] == sorted(map(int, labels))


def test_ranges_label_the_axes_in_their_own_direction() -> None:
    shown = draw_heatmap(
        [[1, 2, 3]] * 19, ys=ends(90, -90, 19), xs=[0.5, 1.5, 2.5], xlabel="lon", ylabel="lat"
    )
    labels = [int(label) for label in re.findall(r"^ *(-?\d+)\|", shown, re.MULTILINE)]
    assert labels == sorted(labels, reverse=True) and 0 in labels and min(labels) < 0
    assert re.search(r"^ +1 +2$", shown, re.MULTILINE)
    assert shown.startswith("lat\n") and re.search("^ +lon$", shown, re.MULTILINE)


def test_small_matrices_have_cells_of_equal_size() -> None:
    rows = canvas(draw_heatmap([[i % 2 for i in range(12)]] * 12, width=80))
    runs = re.findall(r" +|@+", rows[0].ljust(72))
    assert [len(run) for run in runs] == [6] * 12


def test_large_matrices_are_averaged() -> None:
    rows = [[(i + j) % 2 for j in range(500)] for i in range(500)]
    body = canvas(draw_heatmap(rows))
    assert set("".join(body)) <= set("=+*")
    sparse = [[1.0 if i == j == 250 else None for j in range(500)] for i in range(500)]
    assert "".join(canvas(draw_heatmap(sparse, low=0, high=2))).replace("/", "") == "+"


def test_values_outside_the_limits_take_the_end_colours() -> None:
    row = canvas(draw_heatmap([[-1e300, 0, 1, 1e300]], low=0, high=1))[0]
    assert re.fullmatch(r" +@+", row) and row.count("@") == row.count(" ")


def test_constants_have_one_swatch() -> None:
    assert draw_heatmap([[7.5] * 9] * 9).endswith("[+++++] 7.5")
    assert "5┤" in draw_line([5] * 9)


def run_alone(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


PLOT = """
from h5s3.render.plots.axes import Coordinates
from h5s3.render.plots.heatmap import heatmap
from h5s3.render.plots.value_scale import ValueScale
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.render.plots.line import line
def plot():
    layout, coords = PlotLayout(200, 60, "truecolor", True, "title"), Coordinates(range(2))
    drawn = line([1, 1], layout, ValueScale(), coords)
    return drawn.text, heatmap([[1, 2]], layout, ValueScale(), coords, Coordinates([0])).text
"""


def test_plotting_leaves_plotext_as_it_was() -> None:
    run_alone(
        "import plotext\n" + PLOT + "plotext.figure.title('mine')\n"
        "before = repr(plotext.terminal), plotext.figure.build().string()\n"
        "assert plot() == plot()\n"
        "assert before == (repr(plotext.terminal), plotext.figure.build().string())\n"
    )


def test_plotting_prints_nothing_and_loads_plotext_late() -> None:
    run_alone("import sys\n" + PLOT + "assert not {'plotext', 'numpy'} & set(sys.modules)\nplot()\n")


def test_a_wide_character_at_the_edge_stays_within() -> None:
    shape: dict[str, Any] = {"width": 24, "height": 8, "color": "", "unicode": True}
    check_fit(draw_line([None, 0.0], [0, 1], texts=["", "\U000175c0"] + [""] * 58, **shape), **shape)
