"""What goes to standard error: errors, announcements, progress on a terminal, the receipt of `--stats`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from h5s3.errors import H5s3Error
from h5s3.render.console import stderr
from h5s3.render.text import plural, redacted, safe
from h5s3.sizes import size_text


class Bar:
    """Takes what is being done and how much is done (0 to 1). Appears at the first call."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._task = bar, bar.add_task("", total=1.0)

    def __call__(self, text: str, done: float) -> None:
        """Show so much."""
        self._bar.update(self._task, description=safe(text, 60), completed=done)
        if not self._bar.live.is_started:
            self._bar.start()

    def hide(self) -> None:
        """Make room for lines, until the next call."""
        self._bar.stop()


@contextmanager
def progress() -> Iterator[Bar | None]:
    """A bar on standard error; None without a terminal.

    It appears at the first call, so that it is not drawn over what is written before.
    """
    console = stderr()
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), console=console, transient=True
    )
    shown = Bar(bar)
    try:
        yield shown
    finally:
        shown.hide()


@contextmanager
def transfer() -> Iterator[Callable[[str, int, int], None] | None]:
    """The same for bytes: what is being done, bytes that are done, bytes in all; with rate and time left.

    To be called by one thread at a time.
    """
    console = stderr()
    if not console.is_terminal:
        yield None
        return
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}", markup=False), rich.BarColumn(20), rich.DownloadColumn(),
        rich.TransferSpeedColumn(), rich.TimeRemainingColumn(compact=True),
    )  # fmt: skip
    bar = rich.Progress(*columns, console=console, transient=True)
    task = bar.add_task("", total=None)
    with ExitStack() as stack:

        def show(text: str, done: int, total: int) -> None:
            if not bar.live.is_started:
                stack.enter_context(bar)
            most = max(8, console.width - 65)
            bar.update(task, description=safe(text, most), completed=min(done, total), total=total)

        yield show


def show_error(error: H5s3Error) -> None:
    """One line. A closed stream is no error."""
    with suppress(OSError):
        stderr().print(f"h5s3: {safe(redacted(str(error)), 1000)}", style="red", soft_wrap=True)


def announce(text: str) -> None:
    """A line before something that takes long or costs."""
    stderr().print(safe(text), style="faint", soft_wrap=True)


def show_receipt(receipt: dict[str, Any], problem: str | None, missing: Sequence[str] = ()) -> None:
    """One line: requests by method, bytes, rounds, cache hits, seconds waiting and computing.

    `problem`: of the cache. `missing`: walls around the process that reads files.
    """
    stderr().print(receipt_line(receipt, problem, missing), style="faint", soft_wrap=True)


def receipt_line(receipt: dict[str, Any], problem: str | None, missing: Sequence[str] = ()) -> str:
    """The text of the receipt."""
    methods = ", ".join(f"{count} {name}" for name, count in sorted(receipt["by_method"].items()))
    parts = [
        plural(receipt["requests"], "request") + (f" ({methods})" if methods else ""),
        f"{size_text(receipt['bytes'])} ({receipt['bytes']} bytes)",
        plural(receipt["rounds"], "round"),
        plural(receipt["cache_hits"], "cache hit"),
    ]
    if receipt["retries"]:
        parts.append(plural(receipt["retries"], "retry", "retries"))
    parts.append(
        f"{receipt['seconds_waiting']:.3f} s waiting, {receipt['seconds_computing']:.3f} s computing"
    )
    if problem:
        parts.append(f"the cache {safe(problem)}")
    if missing:
        parts.append(f"no wall for {', '.join(missing)} around the process that read")
    return "stats: " + " · ".join(parts)
