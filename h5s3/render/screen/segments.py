"""Lines and plots as pieces of styled text, a list for each line of a screen."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache

from rich.ansi import AnsiDecoder
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from h5s3.render.columns import FOLDED, Line
from h5s3.render.console import THEME

PLAIN = Style.null()  # in place of no style, which not every program expects
Drawn = list[list[Segment]]


@cache
def _console(width: int) -> Console:
    """Draws into memory, with all colours: what the screen has not, its program leaves out."""
    return Console(
        file=io.StringIO(), width=width, theme=THEME, color_system="truecolor", force_terminal=True,
        markup=False, emoji=False, highlight=False, legacy_windows=False, _environ={},
    )  # fmt: skip


def drawn_line(line: Line) -> list[Segment]:
    """One line, as long as it is."""
    console = _console(10_000)
    return [Segment(text, console.get_style(style) if style else PLAIN) for text, style in line if text]


def drawn_lines(lines: Iterable[Line], width: int) -> Drawn:
    """Lines folded to a width. What is folded goes on further in than any line begins."""
    console = _console(10_000)
    found: Drawn = []
    for line in lines:
        text = Text.assemble(*line, end="")
        if text.cell_len <= width:
            found.append(drawn_line(line))
            continue
        first, *more = text.wrap(console, max(1, width - len(FOLDED)), overflow="fold")
        found.append(_plain(first.render(console)))
        found += [[Segment(FOLDED, PLAIN), *_plain(piece.render(console))] for piece in more]
    return found


def drawn_text(text: str) -> Drawn:
    """Text with escape sequences for colours, which a plot is, line by line."""
    console = _console(10_000)
    return [_plain(line.render(console)) for line in AnsiDecoder().decode(text)]


def drawn_renderables(renderables: Iterable[RenderableType], width: int) -> Drawn:
    """Anything that rich draws, such as the tables of a report."""
    console = _console(width)
    found: Drawn = []
    for item in renderables:
        found += [_plain(line) for line in console.render_lines(item, pad=False)]
    return found


def _plain(segments: Iterable[Segment]) -> list[Segment]:
    return [Segment(text, style or PLAIN) for text, style, _ in segments if text and text != "\n"]
