"""The last lines of the screen: what was said, what is under way, what was asked of the storage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from textual.events import Resize
from textual.strip import Strip
from textual.widget import Widget

from h5s3.browse.lanes import Question
from h5s3.render.columns import Line, width_of
from h5s3.render.screen.entries import receipt_text
from h5s3.render.screen.segments import Drawn, drawn_line, drawn_lines
from h5s3.render.text import safe

MOST = 3  # lines of a long message
HINT = "? keys   Tab pane   q leave"
VALUE = "value"  # the group of questions about what is under a cursor, which says itself that it waits


@dataclass(frozen=True)
class State:
    """What there is to be said. `said`: until the next key; `told`: of the value under a cursor; `kept`: of a
    filter. `asked`: what is under way. `ahead`: bytes that were read in idle time, of so many."""

    said: str = ""
    told: str = ""
    kept: str = ""
    asked: Sequence[Question] = ()
    receipt: dict[str, Any] = field(default_factory=dict)
    ahead: tuple[int, int] = (0, 0)


def status_lines(state: State, width: int, unicode: bool) -> Drawn:
    """The lines: one, or as many as a message takes, up to `MOST`."""
    message = state.said or state.told or state.kept
    left, style = (message or HINT), ("" if message else "faint")
    asked = [one for one in state.asked if not one.answered]
    waited_for = [one for one in asked if not message or not (one.idle or one.group == VALUE)]
    if waited_for:
        more = f" and {len(asked) - 1} more" if len(asked) > 1 else ""
        waited = time.monotonic() - waited_for[0].begun
        left, style = f"{waited_for[0].verb} {safe(waited_for[0].what, 60)}{more}  {waited:.1f} s", "dtype"
        message = ""
    receipt = receipt_text(state.receipt, state.ahead, width - min(width_of([(left, "")]), width // 2) - 2)
    room = width - len(receipt) - 2
    if message and width_of([(left, "")]) > room:  # a message has the whole line, and more
        return _folded([(left, style)], width, "…" if unicode else "...")
    if width_of([(left, "")]) > room:
        left = Strip(drawn_line([(left, style)])).crop(0, max(0, room - 1)).text + "…"
    gap = " " * max(1, width - width_of([(left, "")]) - len(receipt))
    return [drawn_line([(left, style), (gap, ""), (receipt, "faint")])]


def _folded(line: Line, width: int, end: str) -> Drawn:
    lines = drawn_lines([line], width)
    if len(lines) > MOST:
        last = Strip(lines[MOST - 1]).crop(0, width - len(end))
        lines[MOST - 1] = [*last, *drawn_line([(end, "faint")])]
    return lines[:MOST]


class Status(Widget):
    """As many lines as are needed; while a value is told, no fewer than before: what is above would jump."""

    def __init__(self, state: Callable[[], State], unicode: bool) -> None:
        super().__init__(id="status")
        self.state, self._unicode = state, unicode
        self._lines: Drawn = []

    def refresh(self, *regions: Any, **options: Any) -> Status:
        """Draw what there is to be said now, in as many lines as it takes."""
        width = self.size.width
        if width:
            state = self.state()
            self._lines = status_lines(state, width, self._unicode)
            height = len(self._lines)
            if state.told:
                height = max(height, min(MOST, self.size.height))
            if height != self.size.height:
                self.styles.height = height
        return super().refresh(*regions, **options)

    def on_resize(self, event: Resize) -> None:
        """There is more room, or less."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line."""
        line = self._lines[y] if y < len(self._lines) else []
        return Strip(line).crop_extend(0, self.size.width, self.rich_style)
