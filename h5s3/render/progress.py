"""Progress on standard error, and only on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from h5s3.render.console import stderr
from h5s3.render.text import safe


@contextmanager
def progress() -> Iterator[Callable[[str, float], None] | None]:
    """A function that takes what is being done and how much is done (0 to 1); None where nobody looks on."""
    console = stderr()
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    words = TextColumn("{task.description}", markup=False)
    with Progress(words, BarColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, done: bar.update(task, description=safe(text, 60), completed=done)


def announce(text: str) -> None:
    """A line before something that takes long or costs."""
    stderr().print(safe(text), style="faint", soft_wrap=True)
