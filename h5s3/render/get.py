"""What `get` says on standard error, and its values on a terminal."""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

from h5s3.records import Get
from h5s3.render.progress import announce, progress
from h5s3.render.text import plural, safe, shape
from h5s3.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

JSON_BEGINS = b'{"schema"'  # CSV never does: it has quotes around what holds one


def show_estimate(requests: int, fetched: int, written: int, output: str | None, at_least: bool) -> None:
    """A line before a large transfer."""
    announce(estimate_line(requests, fetched, written, output, at_least))


def estimate_line(requests: int, fetched: int, written: int, output: str | None, at_least: bool) -> str:
    """What will be fetched and written; of strings of variable length no more than their places is known."""
    about = "at least" if at_least else "about"
    target = f"to {output}" if output is not None else "to standard output"
    return (
        f"fetching {about} {size_text(fetched)} in {plural(requests, 'request')},"
        f" writing {about if at_least else ''}{' ' if at_least else ''}{size_text(written)} {target}"
    )


def receipt_text(found: Get) -> str:
    """A line when all is done."""
    length = size_text(found.file_bytes) if isinstance(found.file_bytes, int) else "?"
    return f"{safe(found.output or '-')}: {shape(found.selected_shape)} {safe(found.dtype)}, {length}"


class Bar:
    """A progress bar that appears when there is progress: what is said before is not drawn over."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._told: Callable[[str, float], None] | None = None
        self._begun = False

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def tell(self, text: str, done: float) -> None:
        """How much is done, 0 to 1."""
        if not self._begun:
            self._begun = True
            self._told = self._stack.enter_context(progress())
        if self._told is not None:
            self._told(text, done)


class SafeStream(io.RawIOBase):
    """A terminal that gets UTF-8 text with nothing in it that could command it.

    Of line feeds those between rows stay: one within a quoted cell of CSV would begin a row that is none.
    """

    def __init__(self, terminal: BinaryIO) -> None:
        super().__init__()
        self._terminal = terminal
        self._csv: bool | None = None
        self._quotes = 0  # so far: after an odd number of them a cell goes on

    def writable(self) -> bool:
        """Of course."""
        return True

    def write(self, data: object) -> int:
        """Whole characters."""
        raw = bytes(data)  # type: ignore[call-overload]
        if self._csv is None:
            self._csv = not raw.startswith(JSON_BEGINS)
        lines = "".join(self._rows(raw.decode("utf-8", "backslashreplace"))).split("\n")
        shown = "\n".join(safe(line, len(line) + 1) for line in lines)
        self._terminal.write(shown.encode())
        self._terminal.flush()
        return len(raw)

    def _rows(self, text: str) -> Iterator[str]:
        if not self._csv:
            yield text
            return
        for number, part in enumerate(text.split('"')):
            self._quotes += number > 0
            yield '"' * (number > 0) + (part.replace("\n", "\\n") if self._quotes % 2 else part)
