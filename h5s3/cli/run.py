"""Running one command: its errors become one line and an exit code, its cost a receipt."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer

from h5s3.cli.options import Common
from h5s3.errors import H5s3Error, NetworkError
from h5s3.explore.session import Session
from h5s3.settings import Settings


def guarded(work: Callable[[], None], debug: bool) -> None:
    """Do the work of a command. Raises `typer.Exit` with the code of the table in the README."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        work()
    except H5s3Error as error:
        _report(error, debug)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback unless asked for
        _report(H5s3Error(f"internal error ({type(error).__name__})", hint="--debug shows more"), debug)
        raise typer.Exit(1) from None


def _report(error: H5s3Error, debug: bool) -> None:
    from h5s3.render.console import stderr
    from h5s3.render.text import safe

    if debug:
        sys.stderr.write(safe_traceback())
    stderr().print(f"h5s3: {safe(str(error), 1000)}", style="red", soft_wrap=True)


def safe_traceback() -> str:
    """The current traceback, without control characters and without what could sign a request."""
    from h5s3.render.text import redacted, safe

    lines = redacted(traceback.format_exc()).splitlines()
    return "".join(safe(line, 1000) + "\n" for line in lines)


@contextmanager
def session(common: Common) -> Iterator[Session]:
    """A session under the common options; prints the receipt of `--stats` at its end."""
    settings = common.settings()
    with _time_limit(settings), Session(settings) as opened:
        try:
            yield opened
        finally:
            if common.stats:
                from h5s3.render.receipt import show_receipt

                show_receipt(opened.trace.receipt(), opened.cache.problem)


@contextmanager
def _time_limit(settings: Settings) -> Iterator[None]:
    """Let `--timeout` end even what does not look at the clock."""
    if settings.timeout is None or not hasattr(signal, "setitimer"):
        yield
        return

    def expire(number: int, frame: FrameType | None) -> Any:
        raise NetworkError(f"not done within {settings.timeout:g} s", hint="raise --timeout")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout + 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
