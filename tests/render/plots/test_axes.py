"""What plots say: coordinates and dates on axes, limits, logarithms, names of values; and images."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from h5s3.records import Axis as AxisRecord
from h5s3.records import Plot
from h5s3.render.plots.axes import Coordinates, log_ticks
from h5s3.render.plots.colors import CATEGORIES, LETTERS, missing_mark, sgr
from h5s3.render.plots.heatmap import image
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.render.plots.resample import most_frequent
from h5s3.render.plots.value_scale import ValueScale
from h5s3.render.text import to_ascii
from h5s3.render.value_text import shorten_dates
from tests.render.plots.test_plots import BRAILLE, STYLES, canvas, check_fit, draw_heatmap, draw_line, plain

NAMES = (("off", 0), ("standby", 1), ("on", 7))


def record(count: int, **more: Any) -> AxisRecord:
    return AxisRecord(**({"dimension": 0, "start": 10, "step": 5, "count": count} | more))


def dates(count: int, step: str, start: str = "2020-01-01T00:00:00") -> list[str]:
    return [str(np.datetime64(start) + np.timedelta64(i, step)) for i in range(count)]


def x_ticks(text: str) -> list[str]:
    """The texts of the ticks below a plot."""
    rows = plain(text).split("\n")
    below = next(i for i, row in enumerate(rows) if re.match(r" *[+└][-+─┬]+$", row))
    return re.split(r" {2,}", rows[below + 1].strip())


def y_ticks(text: str) -> list[str]:
    found = (re.match(r" *(\S.*?)[│┤|]", row) for row in plain(text).split("\n"))
    return [tick[1] for tick in found if tick]


# Axes


def test_coordinates_replace_indices() -> None:
    coords = Coordinates.of(record(3, label="lon", units="degrees_east", values=[1.5, 2.0, 2.5]), 3)
    assert (list(coords.values), coords.label) == ([1.5, 2.0, 2.5], "lon [degrees_east]")
    assert Coordinates.of(record(3), 3) == Coordinates([10, 15, 20], [], "dimension 0")
    assert Coordinates.of(record(3, label="x"), 3).label == "x"


@pytest.mark.parametrize(
    "values",
    [[1.0, 3.0, 2.0], [1.0, 1.0, 2.0], [1.0, None, 2.0], [1.0, math.nan, 2.0], [1.0, math.inf, 2], [1, 2]],
)
def test_useless_coordinates_give_way_to_indices(values: list[Any]) -> None:
    coords = Coordinates.of(record(3, label="time", units="s", values=values, texts=["a", "b", "c"]), 3)
    assert coords == Coordinates([10, 15, 20], [], "time, index")


def test_names_along_an_axis_stand_under_their_ticks() -> None:
    coords = Coordinates.of(record(40, label="station", texts=[f"st{i:02}" for i in range(40)]), 40)
    shown = draw_heatmap([list(range(40))] * 3, xs=coords.values, xtexts=coords.texts, xlabel=coords.label)
    assert x_ticks(shown) == [f"st{i:02}" for i in range(0, 40, 5)]


def test_uneven_rows_are_labelled_with_their_own_coordinates() -> None:
    levels = [1000, 925, 850, 700, 500, 300, 100, 50, 10, 1]
    shown = draw_heatmap([[float(i)] * 9 for i in range(10)], ys=levels)
    ticks = [int(tick) for tick in y_ticks(shown)]
    assert len(ticks) >= 4 and ticks == [level for level in levels if level in ticks]
    lines = [i for i, row in enumerate(shown.split("\n")) if re.match(r" *\d+\|", row)]
    for line, tick in zip(lines, ticks, strict=True):
        assert abs((line - lines[0]) / 1.8 - levels.index(tick)) <= 1  # 18 lines for ten rows


def test_uneven_points_stand_at_their_coordinates() -> None:
    rows = canvas(draw_line([0, 1, 0], [0.0, 9.0, 10.0], unicode=False))
    assert 60 <= rows[0].rindex("*") <= 75
    falling = draw_line([0, 1, 0], [10.0, 9.0, 0.0], unicode=False)
    assert canvas(falling)[0].index("*") < 15
    ticks = [float(tick) for tick in x_ticks(falling)]
    assert ticks == sorted(ticks, reverse=True)


@pytest.mark.parametrize(
    ("texts", "short", "common"),
    [
        (["2020-01-01T00:00:00", "2020-01-01T06:30:00"], ["00:00", "06:30"], "2020-01-01"),
        (["2020-01-01T00:00:01", "2020-01-01T06:30:00"], ["00:00:01", "06:30:00"], "2020-01-01"),
        (["2020-01-01T00:00:00", "2020-01-02 00:00:00Z"], ["2020-01-01", "2020-01-02"], ""),
        (["2020-01-01T00:00:00", "2020-02-01T00:00:00"], ["2020-01", "2020-02"], ""),
        (["1850-01-01T00:00:00", "1851-01-01T00:00:00"], ["1850", "1851"], ""),
        (["2020-01-01T00:00:00", "2020-01-02T12:00:00"], ["2020-01-01 00:00", "2020-01-02 12:00"], ""),
        (["2020-01-01T00:00:00"], ["2020-01-01"], ""),
        (["2020-01-01T00:00:00", "never"], ["2020-01-01T00:00:00", "never"], ""),
        ([], [], ""),
    ],
)
def test_dates_lose_what_they_share(texts: list[str], short: list[str], common: str) -> None:
    assert shorten_dates(texts) == (short, common)


def test_times_of_one_day_name_it_in_the_label() -> None:
    coords = Coordinates.of(record(24, label="time", values=list(range(24)), texts=dates(24, "h")), 24)
    shown = draw_line([1, 2] * 12, list(coords.values), texts=coords.texts, xlabel=coords.label)
    assert (
        "time [2020-01-01]" in shown and "00:00" in x_ticks(shown) and "2020" not in "".join(x_ticks(shown))
    )


@pytest.mark.parametrize(
    ("count", "step", "ticks"),
    [
        (96, "h", ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]),
        (900, "h", [f"2020-01-{day:02}" for day in (1, 11, 21, 31)]),
        (120, "D", ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"]),
    ],
)
def test_ticks_stand_at_round_dates(count: int, step: str, ticks: list[str]) -> None:
    coords = Coordinates.of(record(count, values=list(range(count)), texts=dates(count, step)), count)
    found = x_ticks(draw_line(list(range(count)), list(coords.values), texts=coords.texts))
    assert found in (ticks, [tick.removesuffix("-01") for tick in ticks])


@pytest.mark.parametrize("width", [24, 40, 80, 200])
@pytest.mark.parametrize("count", [1, 2, 7, 366])
def test_texts_of_ticks_do_not_overlap(width: int, count: int) -> None:
    texts = [f"{text} 漢字" for text in dates(count, "D")]
    for shown in (
        draw_line(list(range(count)), texts=texts, width=width),
        draw_heatmap([list(range(count))], xtexts=texts, width=width, unicode=True),
    ):
        check_fit(shown, width, 24, False, True)
        ticks = x_ticks(shown)
        assert 1 <= len(ticks) <= max(1, width // 10)
        assert all(tick.startswith("2") and (tick.endswith("字") or tick.endswith("…")) for tick in ticks)


def test_a_line_of_times_has_dates_at_its_ends() -> None:
    plot = Plot(
        type="line", data=[0.0, 86400.0], vmin=0.0, vmax=86400.0, downsampled=False, selection="0:2",
        texts=["2020-01-01T00:00:00", "2020-01-02T00:00:00"], units="seconds since 2020-01-01",
    )  # fmt: skip
    scale = ValueScale.of(plot)
    assert scale.dates == ("2020-01-01", "2020-01-02") and scale.units == ""
    shown = draw_line(plot.data, low=0.0, high=86400.0, dates=scale.dates)
    assert y_ticks(shown) == ["2020-01-02", "2020-01-01"]


# Limits and logarithms


def test_robust_limits_are_said_and_clipping_is_marked() -> None:
    rows = [[0.0, 5.0, 10.0, 1000.0]]
    shown = draw_heatmap(rows, low=1.23456, high=10.98765, robust=True, units="K")
    assert re.search(r"^<=1\.235 \[.+\] >=10\.99 K   2-98 % of the values$", shown.split("\n")[-1])
    shown = draw_heatmap(rows, low=0.0, high=10.0, unicode=True)
    assert re.search(r"^0 \[.+\] ≥10$", shown.split("\n")[-1])
    assert draw_heatmap(rows, low=0.0, high=1000.0).split("\n")[-1].endswith("] 1000")


def test_legends_give_way_where_it_is_narrow() -> None:
    rows = [[None, 0.0, 1e5, 1e10]]
    for width in range(24, 121):
        shown = draw_heatmap(rows, low=1.0, high=1e9, log=True, robust=True, units="µmol m-2", width=width)
        assert len(shown.split("\n")[-1]) <= width
    assert "1 of 4 missing, 1 of 4 not above 0" in shown and "logarithmic" in shown and "umol" in shown


def test_log_colours_show_decades() -> None:
    row = [10.0**i for i in range(5)]
    shown = draw_heatmap([row], log=True)
    assert [len(run) for run in re.findall(r"(.)\1*", canvas(shown)[0]) if run] == [1] * 5
    assert re.search(r"^1 \[ .+\] 100 \[.+@\] 10000   logarithmic$", shown.split("\n")[-1])
    linear = canvas(draw_heatmap([row]))[0]
    assert linear[: len(linear) // 2].strip() == "" != canvas(shown)[0][20:40].strip()


def test_what_has_no_logarithm_is_missing_and_counted() -> None:
    shown = draw_heatmap([[-1.0, 0.0, None, 1.0, 10.0]], log=True)
    cells = canvas(shown)[0].ljust(75)
    assert cells[:45] == "/" * 45 and "/" not in cells[45:]
    assert "1 of 5 missing, 2 of 5 not above 0" in shown
    assert "2 of 4 not above 0" in draw_line([-1.0, 0.0, 1.0, 10.0], log=True)
    assert "nothing to plot: 2 of 2 not above 0" in draw_heatmap([[-1.0, 0.0]], log=True)


def test_log_lines_have_ticks_at_decades() -> None:
    shown = draw_line([10.0**i for i in range(5)], log=True)
    ticks = y_ticks(shown)
    assert len(ticks) >= 3 and set(ticks) <= {"1", "10", "100", "1000", "10000"}
    rows = [row.ljust(80) for row in canvas(shown)]
    middle = next(i for i, row in enumerate(rows) if BRAILLE.search(row[36:40]))
    assert abs(middle - len(rows) / 2) <= 1  # straight, where the logarithm is


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (1, 1000, ["1", "10", "100", "1000"]),
        (0.01, 1, ["0.01", "0.10", "1"]),
        (1e-9, 1e9, ["1e-9", "1e-4", "1e1", "1e6"]),
        (3, 40, ["5", "10", "20"]),
        (30, 31, ["30", "31"]),
        (7, 7, ["7"]),
    ],
)
def test_ticks_of_logarithms(low: float, high: float, texts: list[str]) -> None:
    made = log_ticks(low, high, count=3)
    found = [text for _, text in made.ticks]
    assert [float(text) for text in found] == [float(text) for text in texts]
    for place, text in made.ticks:
        want = 0.5 if low == high else math.log(float(text) / low) / math.log(high / low)
        assert place == pytest.approx(want, abs=1e-6)


def test_a_line_is_cut_at_the_limits_and_says_so() -> None:
    y = [math.sin(i / 20) * 10 for i in range(300)]
    shown = draw_line(y, low=-5.0, high=5.0)
    beyond = sum(abs(v) > 5 for v in y)
    assert f"{beyond} beyond the limits" in shown
    assert "beyond" not in draw_line(y, low=-10.0, high=10.0)
    rows = canvas(shown)
    assert len(BRAILLE.findall(rows[0])) <= 12  # crossed, not drawn along
    assert all(BRAILLE.search(row) for row in rows)
    through = canvas(draw_line([-100, 100], low=-1, high=1))
    assert all(BRAILLE.search(row) for row in through)


def test_what_is_far_beyond_the_limits_costs_nothing() -> None:
    rows = canvas(draw_line([0.0] * 50 + [1e12] + [0.0] * 50, low=-1.0, high=1.0))
    assert all(BRAILLE.search(row) for row in rows[: len(rows) // 2])  # the way up, not dots alone


# Categories


def test_a_line_of_names_has_no_slopes() -> None:
    shown = draw_line([0, 1, 7, 7, 1, 0, None, 0], categories=NAMES, unicode=False)
    assert y_ticks(shown) == ["on", "standby", "off"]
    rows = [re.sub(r"^.*?\|", "", row) for row in shown.split("\n")[:-2] if "|" in row]
    assert [row.count("*") for row in rows if "*" in row] == [2, 2, 3]
    places = [i for i, row in enumerate(rows) if "*" in row]
    assert places[1] - places[0] == places[2] - places[1]  # not by 6 and by 1


@pytest.mark.parametrize("height", range(11, 30))
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_points_are_beside_their_names(height: int, count: int) -> None:
    names = tuple((f"n{i}", i) for i in range(count))
    rows = draw_line(list(range(count)), categories=names, unicode=False, height=height).split("\n")
    assert [row for row in rows if "*" in row] == [row for row in rows if re.match("n[0-9]\\|", row)] != []
    assert sum(row.count("*") for row in rows) == count


def test_values_without_a_name_are_shown_too() -> None:
    assert y_ticks(draw_line([0, 5], categories=NAMES)) == ["on", "5", "standby", "off"]
    shown = draw_heatmap([[0, 1, 5]], categories=NAMES)
    assert shown.split("\n")[-1] == ". off  # standby  o on  + other"
    assert set(canvas(shown)[0]) == set(".#+")


def test_names_have_characters_of_their_own() -> None:
    assert missing_mark(unicode=False) not in LETTERS and missing_mark(unicode=True) not in LETTERS
    assert len(set(LETTERS)) == len(LETTERS) > 60 and " " not in LETTERS
    shown = draw_heatmap([[0, None], [7, 1]], categories=NAMES)
    assert shown.split("\n")[-1] == ". off  # standby  o on   / 1 of 4 missing"
    assert set("".join(canvas(shown))) == set(".#o/")


def luminance(rgb: Any) -> float:
    parts = [part / 255 for part in rgb]
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_colours_of_names_are_seen_on_black_and_on_white_and_apart() -> None:
    for rgb in CATEGORIES:
        light = luminance(rgb)
        assert (light + 0.05) / 0.05 >= 3 and 1.05 / (light + 0.05) >= 2.5
    for color in ("256", "truecolor"):
        assert len({sgr(color, rgb) for rgb in CATEGORIES}) == len(CATEGORIES)  # type: ignore[arg-type]


@pytest.mark.parametrize("color", ["256", "truecolor"])
def test_names_have_colours_in_the_legend(color: Any) -> None:
    shown = draw_heatmap([[0, 1], [7, 7]], categories=NAMES, color=color, unicode=True)
    *body, legend = shown.split("\n")
    for rgb, (name, _) in zip(CATEGORIES, NAMES, strict=False):
        assert f"\x1b[0;{sgr(color, rgb, behind=True)}m  \x1b[0m {name}" in legend
        assert sgr(color, rgb) in "".join(body)


def test_as_many_names_as_fit() -> None:
    many = tuple((f"category number {i}", i) for i in range(50))
    legend = draw_heatmap([list(range(50))], categories=many, unicode=True).split("\n")[-1]
    assert legend.startswith(". catego") and legend.endswith("  …") and len(legend) <= 80
    seven = tuple((f"a rather long name {i}", i) for i in range(6))
    legend = draw_heatmap([list(range(6))], categories=seven).split("\n")[-1]
    assert len(re.findall(r"~", legend)) == 6  # all of them, cut


def test_names_are_never_averaged() -> None:
    codes = np.array([[0, 2, 2, 2], [2, 0, 0, np.nan]] * 50, dtype=float)
    assert most_frequent(codes, 50, 1).tolist() == [[2.0]] * 50
    rows = [[(i * 31 + j * 17) % 2 * 7 for j in range(400)] for i in range(400)]
    assert set("".join(canvas(draw_heatmap(rows, categories=NAMES)))) <= set(".o")
    assert np.isnan(most_frequent(np.array([[0, np.nan], [np.nan, np.nan], [1, 1]]), 3, 1))[:2].tolist() == [
        [False],
        [True],
    ]


@pytest.mark.parametrize("kinds", [3, 200])
def test_the_most_frequent_or_nearest_name_is_taken(kinds: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, kinds, (60, 90)).astype(float)
    found = most_frequent(codes, 20, 30)
    for i in range(20):
        for j in range(30):
            block = codes[3 * i : 3 * i + 3, 3 * j : 3 * j + 3].reshape(-1).tolist()
            assert found[i, j] in block
            if kinds == 3:
                assert block.count(found[i, j]) == max(block.count(code) for code in block)


# Images

RED, BLUE = [255, 0, 0], [0, 0, 255]


def draw_image(rows: list[list[Any]], pixel: float = 1.0, **options: Any) -> str:
    given: dict[str, Any] = {
        "width": 80,
        "height": 24,
        "color": "",
        "unicode": False,
        "title": "/img",
    } | options
    x, y = Coordinates(range(len(rows[0])), (), "x"), Coordinates(range(len(rows)), (), "y")
    return image(rows, PlotLayout(**given), x, y, pixel).text


@pytest.mark.parametrize(("color", "unicode"), STYLES)
@pytest.mark.parametrize("size", [(80, 24), (200, 50), (24, 8), (3, 2)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 300), (300, 3), (50, 70)])
def test_images_fit(shape: tuple[int, int], size: tuple[int, int], color: Any, unicode: bool) -> None:
    rows = [
        [None if (i + j) % 9 == 0 else [i % 256, j % 256, 7] for j in range(shape[1])]
        for i in range(shape[0])
    ]
    shown = draw_image(rows, width=size[0], height=size[1], color=color, unicode=unicode)
    check_fit(shown, *size, color, unicode)


@pytest.mark.parametrize(("color", "code"), [("truecolor", "2;255;0;0"), ("256", "5;196")])
def test_images_have_their_colours(color: Any, code: str) -> None:
    shown = draw_image([[RED] * 40] * 40, color=color, unicode=True)
    assert f"38;{code};48;{code}m▀" in shown
    assert f"48;{code}m " in draw_image([[RED] * 40] * 40, color=color)


@pytest.mark.parametrize(("color", "unicode"), STYLES)
@pytest.mark.parametrize(
    ("shape", "pixel"), [((100, 100), 1.0), ((50, 100), 2.0), ((10, 10), 1.0), ((300, 300), 1.0)]
)
def test_a_square_is_square(color: Any, unicode: bool, shape: tuple[int, int], pixel: float) -> None:
    rows = canvas(draw_image([[RED] * shape[1]] * shape[0], pixel, color=color, unicode=unicode))
    wide, high = max(map(len, rows)), len(rows)
    assert wide / high == pytest.approx(2, rel=0.15) and high >= 10  # a cell is twice as high as wide


def test_images_without_colours_show_how_light_they_are() -> None:
    rows = canvas(draw_image([[[v, v, v] for v in range(0, 256, 4)]] * 64))
    assert "".join(dict.fromkeys(rows[0])) == " .:-=+*#%@"
    green, blue = (canvas(draw_image([[rgb] * 9] * 9))[0].ljust(1)[0] for rgb in ([0, 255, 0], [0, 0, 255]))
    assert " .:-=+*#%@".index(green) > " .:-=+*#%@".index(blue)


@pytest.mark.parametrize(("color", "unicode"), STYLES)
def test_missing_pixels_are_marked(color: Any, unicode: bool) -> None:
    rows = [[None] * 20 if i >= 10 else [BLUE] * 20 for i in range(20)]
    shown = draw_image(rows, color=color, unicode=unicode)
    mark = missing_mark(unicode=unicode)
    assert plain(shown).endswith(f"\n{mark} 200 of 400 missing")
    found = canvas(shown)
    assert mark in found[-1] and mark not in found[0]
    assert "missing" not in draw_image([[BLUE] * 9] * 9, color=color, unicode=unicode)


@pytest.mark.parametrize(
    ("text", "ascii_"),
    [("Größe µm²", "Grosse um2"), ("≤5 °C × 3…", "<=5 degC x 3~"), ("Ångström", "Angstrom"), ("漢", "?")],
)
def test_likenesses_in_ascii(text: str, ascii_: str) -> None:
    assert to_ascii(text) == ascii_
