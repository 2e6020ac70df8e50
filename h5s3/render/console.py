"""Where output goes: rich on a terminal, the same content plain when piped, JSON when asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.theme import Theme

# Of the 256 colours that terminals agree on some of middling lightness: legible on black and on white, which
# blue, green, yellow and cyan of the 16 are not. Terminals of 16 colours show the nearest of those.
COLORS = {
    "red": "color(196)",
    "green": "color(28)",
    "yellow": "color(136)",
    "blue": "color(33)",
    "magenta": "color(134)",
    "cyan": "color(30)",
}
THEME = Theme(
    {
        **COLORS,
        "group": f"bold {COLORS['blue']}",
        "dataset": "default",
        "datatype": COLORS["magenta"],
        "link": COLORS["cyan"],
        "target": COLORS["cyan"],
        "bad": COLORS["red"],
        "shape": COLORS["green"],
        "dtype": COLORS["yellow"],
        "faint": "dim",
        "size": "default",
        "key": "bold",
    }
)
FEW_LETTERS = ("linux", "vt100", "vt102", "vt220")
WIDE = 10_000  # columns of a pipe: lines are not wrapped there


class PipeConsole(Console):
    """rich's console, but for a closed pipe, which the command line deals with: rich would exit."""

    def on_broken_pipe(self) -> None:
        """Let the error through."""
        raise  # called while the error is being handled


def stdout() -> Console:
    """The console of results."""
    return _console(sys.stdout)


def stderr() -> Console:
    """The console of diagnostics and progress."""
    return _console(sys.stderr)


def _console(stream: object) -> Console:
    terminal = bool(getattr(stream, "isatty", lambda: False)())
    columns = os.environ.get("COLUMNS", "")
    return PipeConsole(
        file=stream,  # type: ignore[arg-type]
        theme=THEME,
        width=None if terminal else int(columns) if columns.isdecimal() and int(columns) else WIDE,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not terminal,
        legacy_windows=False,
    )


def can_show_unicode() -> bool:
    """Whether standard output takes more than ASCII. The console of Linux has a font of few characters."""
    terminal = bool(getattr(sys.stdout, "isatty", lambda: False)())
    if terminal and os.environ.get("TERM") in FEW_LETTERS:
        return False
    return "utf" in (getattr(sys.stdout, "encoding", None) or "").lower()


@dataclass(frozen=True)
class Symbols:
    """The characters of branches, of an arrow, and between the dimensions of a shape."""

    branch: str
    last: str
    pipe: str
    arrow: str
    times: str


def output_symbols() -> Symbols:
    """Those that standard output can show."""
    if can_show_unicode():
        return Symbols("├── ", "└── ", "│   ", "→", " × ")
    return Symbols("|-- ", "`-- ", "|   ", "->", " x ")


def show(renderables: Iterable[RenderableType], width: int | None = None) -> None:
    """Print a result; in a pipe without the blanks that fill tables up, and `width` columns wide."""
    console = stdout()
    if console.is_terminal:
        for item in renderables:
            console.print(item)
        return
    with console.capture() as captured:
        for item in renderables:
            console.print(item, width=width, soft_wrap=width is None)
    console.file.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))
