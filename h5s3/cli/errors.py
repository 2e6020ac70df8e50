"""Running one command: its errors become one line and an exit code, its cost a receipt."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import typer

from h5s3 import guard
from h5s3.cli.options import Common
from h5s3.cli.process import limits
from h5s3.errors import DamagedError, H5s3Error, NetworkError
from h5s3.explore.session import Session
from h5s3.settings import Settings

NO_MEMORY = ("can't allocate lock", "can't start new thread")  # so Python says it, too
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def guarded(work: Callable[[], None], debug: bool) -> None:
    """Do the work of a command. Raises `typer.Exit` with the code of the table in the README."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        work()
        sys.stdout.flush()
    except typer.Exit:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no traceback unless asked for
        raise typer.Exit(_ending(error, debug)) from None


def _ending(error: BaseException, debug: bool) -> int:
    """Say what went wrong; its exit code."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, BrokenPipeError):
        return 0
    if (
        isinstance(error, MemoryError)
        or str(error) in NO_MEMORY
        or getattr(error, "errno", 0) == errno.ENOMEM
    ):
        if not guard.tell(memory=True):  # the guard says it: nothing more is to be loaded here
            report(limits.exhausted(), debug)
        return DamagedError.exit_code
    if isinstance(error, OSError):
        error = unwritten(error)
    if not isinstance(error, H5s3Error):
        error = H5s3Error(f"internal error ({type(error).__name__})", hint="--debug shows more")
    report(error, debug)
    return error.exit_code


def _errno(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None


def report(error: H5s3Error, debug: bool = False) -> None:
    """One line on standard error, if anybody reads it; before it the traceback, where asked for."""
    from h5s3.render.console import stderr
    from h5s3.render.text import redacted, safe

    with suppress(OSError):
        if debug:
            sys.stderr.write(safe_traceback())
        stderr().print(f"h5s3: {safe(redacted(str(error)), 1000)}", style="red", soft_wrap=True)


def unwritten(error: OSError) -> H5s3Error:
    """What to say of an error of the operating system: of output that had no room, mostly."""
    if error.errno in NO_ROOM and error.filename is None:
        return H5s3Error(f"the output cannot be written: {error.strerror}")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return H5s3Error("too many open files: see ulimit -n")
    return H5s3Error(f"internal error ({type(error).__name__})", hint="--debug shows more")


def safe_traceback() -> str:
    """The current traceback, without control characters and without what could sign a request."""
    from h5s3.render.text import redacted, safe

    lines = redacted(traceback.format_exc()).splitlines()
    return "".join(safe(line, 1000) + "\n" for line in lines)


@contextmanager
def session(common: Common) -> Iterator[Session]:
    """A session under the common options; prints the receipt of `--stats` at its end."""
    settings = common.settings()
    if settings.timeout is not None:
        guard.tell(timeout=settings.timeout)
    if settings.max_bytes is not None:
        limits.allow(settings.max_bytes)
    with _time_limit(settings), Session(settings) as opened:
        try:
            yield opened
        finally:
            if common.stats:
                from h5s3.render.diagnostics import show_receipt

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
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # one that comes while the timer is stopped
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
