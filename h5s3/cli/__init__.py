"""The command line: parse, call, render. Nothing below this layer prints, exits or reads argv."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from h5s3.cli.process import cells, receipts
from h5s3.cli.process.signals import listen, settle


def main() -> None:
    """Entry point of `h5s3`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: nothing else is to take its number
            setattr(sys, name, open(os.devnull, "w"))
    if os.environ.get("_H5S3_COMPLETE"):  # a shell asks, on TAB
        from h5s3.cli.completion.reply import complete

        complete()
        leave(0)
    try:
        code = cells.limited(command) if cells.reads() else command()
    except KeyboardInterrupt:  # while it starts
        code = 130
    except OSError as error:  # no pipe, no process
        sys.stderr.write(f"h5s3: cannot start: {error.strerror}\n")
        code = 1
    settle()
    receipts.write(code)
    leave(code, at_once="h5py" in sys.modules or cells.used())


def command() -> int:
    """Run the command that argv asks for, in this process; its exit code."""
    listen()
    gc.set_threshold(50_000, 20, 100)  # a command is short and keeps nearly all that it makes
    try:
        cells.begin()
        from h5s3.cli.app import run

        return run()
    except KeyboardInterrupt:
        return 130
    except MemoryError:
        from h5s3.cell import limits
        from h5s3.render.diagnostics import show_error

        error = limits.exhausted()
        show_error(error)
        return error.exit_code


def leave(code: int, at_once: bool = False) -> None:
    """Exit with a code, silently where the reader of our output has gone away.

    `at_once`: without libhdf5's own clearing up, which may crash over a damaged file.
    """
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    if at_once:
        atexit._run_exitfuncs()
        os._exit(code)
    sys.exit(code)
