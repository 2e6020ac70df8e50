"""What a command says on standard error when it fails, and its exit code."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

import typer

from h5s3.cell import limits
from h5s3.errors import DamagedError, H5s3Error

NO_MEMORY = ("can't allocate lock", "can't start new thread")  # Python's messages for it
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
    """Report what went wrong; its exit code."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, BrokenPipeError):
        return 0
    if (
        isinstance(error, MemoryError)
        or str(error) in NO_MEMORY
        or getattr(error, "errno", 0) == errno.ENOMEM
    ):
        report(limits.exhausted(), debug)
        return DamagedError.exit_code
    if isinstance(error, OSError):
        error = unwritten(error)
    if not isinstance(error, H5s3Error):
        error = H5s3Error(f"internal error ({type(error).__name__})", hint="--debug shows more")
    report(error, debug)
    return error.exit_code


def report(error: H5s3Error, debug: bool = False) -> None:
    """Print one line on standard error, with `debug` after a traceback. A closed stream is no error."""
    from h5s3.render.diagnostics import show_error

    if debug:
        with suppress(OSError):
            sys.stderr.write(safe_traceback())
    show_error(error)


def unwritten(error: OSError) -> H5s3Error:
    """The error to report for one of the operating system: mostly, output for which there was no room."""
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


def show_warnings(insecure: bool, debug: bool) -> None:
    """Show what storage warns of, each thing once; with `debug`, what the libraries below it log as well."""
    import logging

    from h5s3.render.console import stderr
    from h5s3.render.text import safe

    shown: set[str] = set()

    class Shown(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in shown:
                shown.add(text)
                stderr().print(f"h5s3: warning: {safe(text, 1000)}", style="yellow", soft_wrap=True)

    logger = logging.getLogger("h5s3")
    if debug:
        logger.setLevel(logging.DEBUG)
    if insecure:
        logger.handlers, logger.propagate = [Shown(logging.WARNING)], False
