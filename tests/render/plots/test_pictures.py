"""Plots in pixels: what a terminal gets decodes to the figure; terminals that show no pictures get text."""

from __future__ import annotations

import io
import re
import sys
from base64 import b64decode
from functools import cache
from typing import Any

import numpy as np
import pytest

from h5s3.errors import UsageError
from h5s3.records import Axis, Plot, Preview
from h5s3.render.plots import pictures
from h5s3.render.plots.colors import CATEGORIES, PALETTES, VIRIDIS
from h5s3.render.plots.figure import Size, figure_bytes
from h5s3.render.plots.pictures import Pictures, chosen, picture, protocol_of
from h5s3.render.preview import show_preview

pytest.importorskip("matplotlib")
pytest.importorskip("textual_image")
COLUMNS, LINES = 60, 12
WIDE, HIGH = COLUMNS * pictures.CELL[0], LINES * pictures.CELL[1]
Pixels = np.ndarray[Any, Any]


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding, write_through=True)

    def isatty(self) -> bool:
        return True


def preview(data: list[Any], type_: Any = "heatmap", **more: Any) -> Preview:
    axes = {"x": Axis(dimension=1, start=0, step=1, count=len(data[0]) if type_ != "line" else len(data))}
    if type_ != "line":
        axes["y"] = Axis(dimension=0, start=0, step=1, count=len(data))
    plot = Plot(
        type=type_, data=data, downsampled=False, selection=":,:", **({"vmin": 0, "vmax": 1} | axes | more)
    )
    return Preview(
        location="s3://b/k", key="k", etag=None, path="/a", dtype="float64", shape=[1, 1], ndim=2,
        preview_type=type_, selection=":,:", plot=plot,
    )  # fmt: skip


@cache
def hot() -> Preview:
    """512 × 512 zeros, more than a small picture has pixels, and a single one."""
    rows = [[0.0] * 512 for _ in range(512)]
    rows[301][77] = 1.0
    return preview(rows)


@cache
def hot_sent(protocol: Any) -> str:
    return drawn(hot(), protocol)


@cache
def hot_raster() -> Pixels:
    return raster(hot())


def drawn(found: Preview, protocol: Any) -> str:
    assert found.plot is not None
    return picture(found, found.plot, COLUMNS, LINES, protocol)


def raster(found: Preview) -> Pixels:
    """The figure itself."""
    assert found.plot is not None
    size = Size(WIDE, HIGH, pictures.DOTS * pictures.CELL[1])
    return from_png(figure_bytes(found, found.plot, "png", size))


def from_png(data: bytes) -> Pixels:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def from_kitty(text: str) -> Pixels:
    """The picture of escape sequences as in https://sw.kovidgoyal.net/kitty/graphics-protocol/."""
    messages = re.findall(r"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", text)
    keys = [dict(pair.split("=") for pair in head.split(",")) for head, _ in messages]
    assert len({one["i"] for one in keys}) == 1 and all(
        one["q"] == "2" for one in keys
    )  # no answer is wanted
    assert [one.get("m") for one in keys] == ["1"] * (len(keys) - 2) + ["0", None]
    assert keys[0]["f"] == "100" and all(len(payload) <= 4096 for _, payload in messages)
    assert (keys[-1]["a"], keys[-1]["c"], keys[-1]["r"]) == ("p", str(COLUMNS), str(LINES))
    cells = re.sub(r"\x1b\[[0-9;]*m", "", text[text.rindex("\x1b\\") + 2 :]).splitlines()
    assert [line.count("\U0010eeee") for line in cells] == [COLUMNS] * LINES
    red, green, blue = (int(part) for part in re.findall(r"38;2;(\d+);(\d+);(\d+)m", text)[0])
    assert (red << 16) + (green << 8) + blue == int(keys[0]["i"]) & 0xFFFFFF  # what the cells name
    return from_png(b64decode("".join(payload for _, payload in messages)))


def from_iterm2(text: str) -> Pixels:
    """The picture of an escape sequence as in https://iterm2.com/documentation-images.html."""
    found = re.fullmatch(r"\n{12}\x1b7\x1b\[12A\r\x1b\]1337;File=([^:]*):([^\a]*)\a\x1b8", text)
    assert found is not None
    keys = dict(pair.split("=") for pair in found[1].split(";"))
    data = b64decode(found[2])
    assert keys["inline"] == "1" and int(keys["size"]) == len(data)
    assert (keys["width"], keys["height"]) == (str(COLUMNS), str(LINES))
    return from_png(data)


def from_sixels(text: str) -> Pixels:
    """The picture of sixels, as in the manual of the VT330 and VT340, chapter 14."""
    found = re.search(r'\x1bP[\d;]*q"1;1;(\d+);(\d+)([^\x1b]*)\x1b\\', text)
    assert found is not None
    image = np.full((int(found[2]), int(found[1]), 3), -1)
    colors: dict[str, Any] = {}
    x = y = 0
    color = ""
    for number, defined, count, one in re.findall(r"#(\d+)(;2;[\d;]+)?|(?:!(\d+))?([?-~$-])", found[3]):
        if number:
            color = number
            if defined:
                colors[color] = [round(int(part) * 2.55) for part in defined.split(";")[2:]]
        elif one == "$":
            x = 0
        elif one == "-":
            x, y = 0, y + 6
        else:
            end = x + int(count or 1)
            for bit in range(6):
                if (ord(one) - 63) >> bit & 1:
                    image[y + bit, x:end] = colors[color]
            x = end
    assert (image >= 0).all()
    return image


def near(image: Pixels, rgb: Any, by: int) -> int:
    return int((np.abs(image - np.array(rgb)).max(axis=-1) <= by).sum())


def test_what_kitty_and_iterm2_get_is_the_figure() -> None:
    figure = hot_raster()
    assert figure.shape == (HIGH, WIDE, 3)
    assert (from_kitty(hot_sent("kitty")) == figure).all()
    assert (from_iterm2(hot_sent("iterm2")) == figure).all()


def test_sixels_are_the_figure_in_256_colors() -> None:
    text = hot_sent("sixel")
    assert text.startswith((" " * COLUMNS + "\n") * LINES + "\x1b7") and text.endswith("\x1b8")
    image, figure = from_sixels(text), hot_raster()
    assert image.shape == figure.shape
    assert np.abs(image - figure).max() <= 6


@pytest.mark.parametrize("protocol", ["kitty", "iterm2", "sixel"])
def test_a_single_bright_pixel_is_seen(protocol: str) -> None:
    decoders: Any = {"kitty": from_kitty, "iterm2": from_iterm2, "sixel": from_sixels}
    image = decoders[protocol](hot_sent(protocol))[:, : WIDE * 3 // 4]  # without the colour bar
    bright = (image[..., 0] > 200) & (image[..., 2] < 100)
    assert near(image, PALETTES[VIRIDIS][0], 6) > 10_000
    assert 1 <= bright.sum() <= 30
    y, x = (int(part.mean()) for part in np.nonzero(bright))
    assert x < WIDE * 0.25 and y > HIGH * 0.4


def test_names_keep_their_colors_and_images_their_channels() -> None:
    """Thinned to the pixels that there are, no colour between two appears."""
    rows = [[(i + j) // 300 for j in range(600)] for i in range(512)]
    found = raster(preview(rows, categories={"a": 0, "b": 1, "c": 2, "d": 3}))[30:-60, 80:400]
    assert all(near(found, color, 3) > 500 for color in CATEGORIES[:3])
    red = preview([[[200, 0, 10]] * 512 for _ in range(512)], "image")
    assert near(raster(red), (200, 0, 10), 1) > 5000


KNOWN = [
    ({"TERM": "xterm-kitty"}, "kitty"),
    ({"TERM": "xterm-ghostty"}, "kitty"),
    ({"TERM": "foot"}, "sixel"),
    ({"TERM": "xterm-sixel"}, "sixel"),
    ({"TERM": "mlterm", "VTE_VERSION": "7600"}, "sixel"),  # started from a terminal of GNOME
    ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
    ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
    ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
    ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
]


@pytest.mark.parametrize(("environ", "protocol"), KNOWN)
def test_terminals_are_known_by_their_environment(environ: dict[str, str], protocol: str) -> None:
    assert protocol_of(environ) == protocol
    for within in ({"TMUX": "/tmp/tmux-0/default,1,0"}, {"STY": "1.pts-0"}, {"TERM": "tmux-256color"}):
        assert protocol_of(environ | within) is None


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"TERM": "dumb", "TERM_PROGRAM": "iTerm.app"},
        {"TERM": "xterm-256color"},
        {"TERM": "linux"},
        {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"},
        {"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "LC_TERMINAL": "iTerm2"},
        {"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm", "VTE_VERSION": "7600"},  # one within the other
        {"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"},
    ],
)
def test_other_terminals_get_text(environ: dict[str, str]) -> None:
    assert protocol_of(environ) is None


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard output of a terminal that shows pictures, 80 × 24."""
    stream = Terminal()
    for name in ("NO_COLOR", "TMUX", "STY", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "TERM": "xterm-kitty",
        "COLUMNS": "80",
        "LINES": "24",
        "COLORTERM": "truecolor",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def test_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    assert chosen("auto") == Pictures("kitty", all=False)
    assert chosen("sixel") == Pictures("sixel", all=True) and chosen("none") is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert chosen("auto") is None
    assert chosen("sixel") == Pictures("sixel", all=True)
    monkeypatch.setattr(sys, "stdout", Terminal("ascii"))
    assert chosen("kitty") is None
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert chosen("sixel") is None and chosen("auto") is None  # a pipe


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that is found out goes on with text; what was asked for says what is missing."""
    terminal(monkeypatch)
    monkeypatch.setattr(pictures, "find_spec", lambda name: None if name == "textual_image" else True)
    assert chosen("auto") is None
    with pytest.raises(UsageError) as error:
        chosen("kitty")
    assert error.value.hint == "pip install 'h5s3[image]'"
    assert chosen("iterm2") == Pictures("iterm2", all=True)  # needs no more than matplotlib


def test_a_preview_has_a_picture_in_place_of_its_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    made, stream = preview([[0.0, 1.0], [0.5, 0.25]]), terminal(monkeypatch)
    show_preview(made, None, True, Pictures("kitty", all=False))
    shown = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    head, _, rest = shown.partition("\x1b_G")
    assert "/a" in head and rest.removesuffix("\x1b[0m").endswith("\n") and "▀" not in shown
    assert shown.count("\n") == 23  # a screen shows all


@pytest.mark.parametrize(("columns", "shown"), [("400", 255), ("20", 0)])
def test_very_wide_and_very_narrow_terminals(
    monkeypatch: pytest.MonkeyPatch, columns: str, shown: int
) -> None:
    """kitty has marks for 297 columns; on a few nobody sees anything."""
    stream = terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", columns)
    show_preview(preview([[0.0, 1.0]]), None, True, Pictures("kitty", all=False))
    text = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert [line.count("\U0010eeee") for line in text.splitlines()][-2] == shown


def test_lines_stay_text_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made, stream = preview([0.0, 1.0, 0.5], "line"), terminal(monkeypatch)
    show_preview(made, None, True, Pictures("kitty", all=False))
    assert b"\x1b_G" not in stream.buffer.getvalue()  # type: ignore[attr-defined]
    show_preview(made, None, True, Pictures("kitty", all=True))
    assert b"\x1b_G" in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_the_terminal_is_not_asked_and_the_environment_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """textual-image asks when it is imported, unless standard output is no terminal."""
    import os

    for name in [name for name in sys.modules if name.startswith("textual_image")]:
        monkeypatch.delitem(sys.modules, name)
    stream = terminal(monkeypatch)
    monkeypatch.setattr(sys, "__stdout__", stream)
    before = dict(os.environ)
    drawn(preview([[0.0, 1.0]]), "kitty")
    assert stream.buffer.getvalue() == b""  # type: ignore[attr-defined]
    assert dict(os.environ) == before and sys.__stdout__ is stream
