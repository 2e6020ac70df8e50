"""Plots in pixels, on terminals that show pictures: by the protocols of kitty and iTerm2, or as sixels.

Whether a terminal shows them is told by its environment alone: one that is asked and does not answer leaves
its question on the screen, or the answer in the next prompt.
"""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO, StringIO
from typing import Literal, get_args

from h5s3.errors import UsageError
from h5s3.records import Plot, Preview
from h5s3.render.console import can_show_unicode
from h5s3.render.plots.figure import Size, figure_bytes
from h5s3.render.plots.plot_layout import SMALLEST_HEIGHT, SMALLEST_WIDTH

Protocol = Literal["kitty", "iterm2", "sixel"]
AUTO, NEVER = "auto", "none"
CELL = 10, 20  # pixels of a cell where the terminal does not tell: those of the VT340, which sixels come from
MOST_CELLS = 255  # along one side: kitty numbers rows and columns by 297 marks
DOTS = 5  # dots per inch for each pixel of a cell's height: text of a figure as large as that around it
_TERMS: dict[str, Protocol] = {"xterm-kitty": "kitty", "xterm-ghostty": "kitty", "mlterm": "sixel"}
_PROGRAMS: dict[str, Protocol] = {
    "ghostty": "kitty",
    "iTerm.app": "iterm2",
    "WezTerm": "iterm2",
    "mintty": "iterm2",
}
_WITHIN = "TMUX", "STY"  # tmux and screen let through what they know
# Variables of terminals that programs started from them inherit, other terminals among them.
_OTHERS = (
    "ALACRITTY_WINDOW_ID",
    "KITTY_WINDOW_ID",
    "KONSOLE_VERSION",
    "VTE_VERSION",
    "WT_SESSION",
    "XTERM_VERSION",
)


@dataclass(frozen=True)
class Pictures:
    """How plots are drawn in pixels."""

    protocol: Protocol
    all: bool  # lines too, which text shows about as well

    def suit(self, kind: str, columns: int, lines: int) -> bool:
        """Whether a plot of a kind is drawn so, on so many cells."""
        return (self.all or kind != "line") and columns >= SMALLEST_WIDTH and lines >= SMALLEST_HEIGHT


def chosen(wanted: str) -> Pictures | None:
    """How to draw plots on standard output; None: as text.

    `wanted` is a protocol, `auto` or `none`. Raises `UsageError` where one that is asked for needs a package
    that is not there.
    """
    if wanted == NEVER or not _is_terminal():
        return None
    asked = wanted != AUTO
    if not asked and os.environ.get("NO_COLOR"):
        return None
    found = _named(wanted) if asked else protocol_of(os.environ)
    if found is None or (found == "kitty" and not can_show_unicode()):  # kitty's cells are characters
        return None
    if not _installed(found):
        if asked:
            raise UsageError(f"--image {wanted} needs a package", hint="pip install 'h5s3[image]'")
        return None
    return Pictures(found, all=asked)


def _named(name: str) -> Protocol:
    return next(protocol for protocol in get_args(Protocol) if protocol == name)


def protocol_of(environ: Mapping[str, str]) -> Protocol | None:
    """The protocol of the terminal that set these variables; None where that is not certain."""
    term = environ.get("TERM", "")
    if any(environ.get(name) for name in _WITHIN) or term.startswith(("screen", "tmux")):
        return None
    if term in _TERMS:
        return _TERMS[term]
    if "sixel" in term or term == "foot" or term.startswith("foot-"):
        return "sixel"
    if term in ("", "dumb") or any(environ.get(name) for name in _OTHERS):
        return None
    if "TERM_PROGRAM" in environ:
        return _PROGRAMS.get(environ["TERM_PROGRAM"])
    return "iterm2" if environ.get("LC_TERMINAL") == "iTerm2" else None  # ssh takes this one along


def picture(preview: Preview, plot: Plot, columns: int, lines: int, protocol: Protocol) -> str:
    """The figure of a plot on so many cells of the terminal, with a line break at its end."""
    columns, lines = min(columns, MOST_CELLS), min(lines, MOST_CELLS)
    wide, high = _cell()
    png = figure_bytes(preview, plot, "png", Size(columns * wide, lines * high, DOTS * high))
    if protocol == "iterm2":
        return _iterm2(png, columns, lines)
    return _by_library(png, columns, lines, protocol)


def _iterm2(png: bytes, columns: int, lines: int) -> str:
    """The escape sequence of iTerm2 (https://iterm2.com/documentation-images.html), above the cursor.

    Terminals differ in where they leave the cursor: it is put back. The lines are there before the picture
    is, so that it does not scroll.
    """
    room, back = "\n" * lines + f"\x1b7\x1b[{lines}A\r", "\x1b8"
    size = f"size={len(png)};width={columns};height={lines};preserveAspectRatio=0;inline=1"
    return f"{room}\x1b]1337;File={size}:{b64encode(png).decode()}\a{back}"


def _by_library(png: bytes, columns: int, lines: int, protocol: Protocol) -> str:
    """The escape sequences of kitty (placed by characters, which scroll as text does) or of sixels."""
    from rich.console import Console

    with _no_terminal() as stream:
        from textual_image.renderable.sixel import Image as SixelImage
        from textual_image.renderable.sixel import SixelOptions
        from textual_image.renderable.tgp import Image as KittyImage

        size = {"width": columns, "height": lines}
        image = (
            KittyImage(BytesIO(png), **size)
            if protocol == "kitty"
            else SixelImage(BytesIO(png), **size, sixel_options=SixelOptions(quantize="maxcoverage"))
        )
        console = Console(
            file=stream,
            force_terminal=True,
            color_system="truecolor",
            no_color=False,
            width=columns,
            height=lines,
        )
        console.print(image, end="", crop=False)
    return stream.getvalue()


@contextmanager
def _no_terminal() -> Iterator[StringIO]:
    """Standard output as a text, and the size of a cell as variables.

    When it is imported, textual-image asks the terminal on `sys.__stdout__` what it shows; later how large a
    cell is; and it writes there for kitty. What is no terminal it does not ask.
    """
    stream, kept = StringIO(), sys.__stdout__
    sizes = dict(zip(("TEXTUAL_CELL_WIDTH", "TEXTUAL_CELL_HEIGHT"), map(str, _cell()), strict=True))
    before = {name: os.environ.get(name) for name in sizes}
    os.environ.update(sizes)
    sys.__stdout__ = stream  # type: ignore[misc, assignment]
    try:
        yield stream
    finally:
        sys.__stdout__ = kept  # type: ignore[misc]
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _is_terminal() -> bool:
    return bool(getattr(sys.stdout, "isatty", lambda: False)())


def _cell() -> tuple[int, int]:
    """Width and height of a cell in pixels, as the system knows them: the terminal is not asked."""
    try:
        import fcntl
        import struct
        import termios

        answer = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        rows, columns, width, height = struct.unpack("HHHH", answer)
    except (ImportError, OSError, ValueError):
        return CELL
    if not (rows and columns) or width < columns or height < rows:
        return CELL
    return width // columns, height // rows


def _installed(protocol: Protocol) -> bool:
    needed = ("matplotlib",) if protocol == "iterm2" else ("matplotlib", "textual_image")
    return all(find_spec(name) is not None for name in needed)
