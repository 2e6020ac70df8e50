"""The command line: parse, call, render. Nothing below this layer prints, exits or reads argv."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from h5s3 import guard
from h5s3.cli.process import cells, receipts
from h5s3.cli.process.signals import listen, settle
from h5s3.cli.process.supervisor import supervise, wanted


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
        if cells.use():  # what could crash is not in this process
            code = cells.limited(command)
        else:
            code = supervise(command) if wanted() else command()
    except KeyboardInterrupt:  # while it starts
        code = 130
    except OSError as error:  # no pipe, no process
        sys.stderr.write(f"h5s3: cannot start: {error.strerror}\n")
        code = 1
    settle()
    receipts.write(code)
    leave(code)


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
        if guard.tell(memory=True):
            return 6
        raise


def leave(code: int) -> None:
    """Exit with a code, silently where the reader of our output has gone away."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    if guard.tell(code=code) or cells.used():
        atexit._run_exitfuncs()
        os._exit(code)  # without clearing up: that of libhdf5 may crash over a damaged file
    sys.exit(code)
