"""Figures in files: the same as in the terminal, whole or not at all, and never code of a file's making."""

from __future__ import annotations

import os
import sys
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from h5s3.errors import H5s3Error, UsageError
from h5s3.records import Axis, Plot, Preview
from h5s3.render.plots.colors import CATEGORIES
from h5s3.render.plots.figure import save_figure

pytest.importorskip("matplotlib")
SVG = "{http://www.w3.org/2000/svg}"
ROWS: list[list[Any]] = [[float(i + j) for j in range(30)] for i in range(20)]


def axis(dimension: int, count: int, **more: Any) -> Axis:
    return Axis(dimension=dimension, start=0, step=1, count=count, **more)


def preview(type_: str, data: list[Any], path: str = "/entry/t2m", **more: Any) -> Preview:
    wide = len(data) if type_ == "line" else len(data[0])
    known = [
        v for row in data for v in (row if isinstance(row, list) else [row]) if isinstance(v, float | int)
    ]
    given = {
        "type": type_, "data": data, "downsampled": False, "selection": "0,0:20,0:30",
        "vmin": min(known, default=None), "vmax": max(known, default=None), "x": axis(1, wide),
    }  # fmt: skip
    if type_ != "line":
        given["y"] = axis(0, len(data))
    title = more.pop("title", "")
    made = Preview(
        location="s3://b/k", key="k", etag=None, path=path, dtype="float64", shape=[20, 30], ndim=2,
        preview_type=given["type"], selection="0:20,0:30", plot=Plot(**(given | more)),
    )  # fmt: skip
    if title:
        made.title = title
    return made


def pixels(path: Path) -> Any:
    from matplotlib.image import imread

    return (imread(path)[..., :3] * 255).round().astype(int)


def texts(path: Path) -> list[str]:
    return ["".join(found.itertext()) for found in ET.parse(path).iter(f"{SVG}text")]


def has(image: Any, rgb: tuple[int, int, int]) -> bool:
    """Whether an area has that colour; lone pixels at the edges of letters do not count."""
    return int((np.abs(image - np.array(rgb)).max(axis=-1) <= 3).sum()) > 500


PLOTS = {
    "line": lambda: preview("line", [1.0, None, 3.0, 2.0, None, 7.0]),
    "heatmap": lambda: preview("heatmap", ROWS),
    "log": lambda: preview("heatmap", ROWS, log=True, vmin=1.0),
    "image": lambda: preview("image", [[[255, 0, 0], None], [[0, 255, 0], [0, 0, 255]]]),
    "empty": lambda: preview("heatmap", [[None, None]]),
    "huge": lambda: preview("heatmap", [[-1.7e308, 1.7e308], [2**63, 0]]),
    "constant": lambda: preview("heatmap", [[7.0]], log=True),
    "names": lambda: preview("heatmap", [[0, 1], [5, None]], categories={"off": 0, "on": 1}),
    "points": lambda: preview("line", [0, 1, 0], categories={"off": 0, "on": 1}),
}


@pytest.mark.parametrize(
    ("name", "suffix"),
    [*((name, ".png") for name in PLOTS), ("heatmap", ".svg"), ("names", ".svg"), ("line", ".PNG")],
)
def test_figures_are_written(
    tmp_path: Path, name: str, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"out{suffix}"
    save_figure(PLOTS[name](), path)
    if suffix == ".svg":
        assert ET.parse(path).getroot().tag == f"{SVG}svg"
    else:
        assert pixels(path).shape == (750, 1200, 3)
    assert os.listdir(tmp_path) == [path.name] and capfd.readouterr() == ("", "")


def test_the_figure_says_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    x = axis(2, 30, label="lon", units="degrees_east", values=[i * 12.0 for i in range(30)])
    y = axis(1, 20, label="time", texts=[f"2020-01-{i + 1:02d}T00:00:00" for i in range(20)])
    rows = [[None, *ROWS[0][1:]], *ROWS[1:]]
    save_figure(
        preview(
            "heatmap", rows, title="2 metre temperature", label="t2m", units="K", x=x, y=y,
            vmin=5.0, vmax=40.0, limits="robust",
        ),
        path,
    )  # fmt: skip
    found = texts(path)
    assert {
        "2 metre temperature",
        "/entry/t2m [0,0:20,0:30]",
        "t2m [K]",
        "lon [degrees_east]",
        "time",
    } <= set(found)
    assert {"2020-01-01", "300", "5", "40"} <= set(found)
    assert "colours: 2-98 % of the values; 1 of 600 missing (gray)" in found


def test_missing_cells_are_gray_and_high_ones_yellow(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save_figure(preview("heatmap", [[0.0, 1.0], [2.0, None]]), path)
    image = pixels(path)
    assert has(image, (204, 204, 204)) and has(image, (253, 231, 37)) and has(image, (68, 1, 84))
    height, width = image.shape[:2]
    assert (image[height * 3 // 4, width // 2 + 60] == 204).all()  # the second row is below
    save_figure(preview("heatmap", [[0.0, 1.0], [2.0, 3.0]]), path)
    assert not has(pixels(path), (204, 204, 204))


def test_log_colours_are_even_in_decades(tmp_path: Path) -> None:
    middle = {}
    for log in (True, False):
        save_figure(preview("heatmap", [[1.0, 100.0, 10_000.0]], log=log), tmp_path / "a.png")
        image = pixels(tmp_path / "a.png")
        middle[log] = tuple(image[image.shape[0] // 2, image.shape[1] * 4 // 10])
    assert np.abs(np.array(middle[True]) - (33, 144, 141)).max() < 8  # the middle of viridis
    assert np.abs(np.array(middle[False]) - (68, 1, 84)).max() < 8


def test_categories_have_names_and_no_colours_between(tmp_path: Path) -> None:
    codes = [[(i * j) % 3 for j in range(40)] for i in range(40)]
    made = preview("heatmap", codes, categories={"on": 1, "off": 0, "broken": 2})
    save_figure(made, tmp_path / "a.svg")
    found = texts(tmp_path / "a.svg")
    assert [text for text in found if text in ("on", "off", "broken")] == ["off", "on", "broken"]
    save_figure(made, tmp_path / "a.png")
    image = pixels(tmp_path / "a.png")
    assert all(has(image, rgb) for rgb in CATEGORIES[:3]) and not has(image, CATEGORIES[3])


def test_images_keep_their_colours_and_proportions(tmp_path: Path) -> None:
    made = preview("image", [[[255, 0, 0]] * 40] * 10)
    save_figure(made, tmp_path / "a.png")
    red = (pixels(tmp_path / "a.png") == (255, 0, 0)).all(axis=-1)
    wide, high = int(red.any(axis=0).sum()), int(red.any(axis=1).sum())
    assert wide / high == pytest.approx(4, rel=0.05)


ODD = ["$x^2$", r"$\frac{1}{0$", "$" * 3, "a]]><script/>&amp;", "--><b>", "\x1b[31m\x00\n\u202e", "漢字🙂"]


@pytest.mark.parametrize(
    ("name", "suffix"), [*((name, ".svg") for name in ODD), *((name, ".png") for name in (ODD[1], *ODD[-2:]))]
)
def test_names_are_only_text(
    tmp_path: Path, name: str, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a{suffix}"
    x = axis(1, 30, label=name, units=name, texts=[name] * 30)
    made = preview("heatmap", ROWS, "/" + name, title=name, label=name, units=name, x=x, categories={name: 3})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(made, path)
    assert capfd.readouterr() == ("", "")
    if suffix == ".svg" and name.isprintable():
        found = texts(path)
        assert f"/{name} [0,0:20,0:30]" in found and name in found and f"{name} [{name}]" in found
    elif suffix == ".svg":
        assert not any(char in path.read_text() for char in "\x1b\x00\u202e")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_figure_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    first, second = (tmp_path / f"{name}{suffix}" for name in "ab")
    for path in (first, second):
        save_figure(preview("heatmap", ROWS, label="a"), path)
    assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in first.read_bytes()


@pytest.mark.parametrize("name", ["a.pdf", "a", "png", "a.png.txt"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"ends in \.png or \.svg"):
        save_figure(PLOTS["line"](), tmp_path / name)
    assert not os.listdir(tmp_path)


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    made = PLOTS["line"]()
    made.plot = None
    with pytest.raises(UsageError, match="nothing to draw of /entry/t2m"):
        save_figure(made, tmp_path / "a.png")


def test_without_matplotlib_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match="needs matplotlib") as error:
        save_figure(PLOTS["line"](), tmp_path / "a.png")
    assert error.value.hint == "pip install 'h5s3[plot]'"


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(H5s3Error, match=r"cannot write .*: No such file or directory"):
        save_figure(PLOTS["line"](), tmp_path / "no" / "a.png")
    (tmp_path / "a.png").mkdir()
    (tmp_path / "a.png" / "kept").touch()
    with pytest.raises(H5s3Error, match=r"cannot write .*a\.png"):
        save_figure(PLOTS["line"](), tmp_path / "a.png")
    assert os.listdir(tmp_path) == ["a.png"] and os.listdir(tmp_path / "a.png") == ["kept"]


def test_a_file_is_replaced_whole_through_its_link(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    save_figure(PLOTS["line"](), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "real.png").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
