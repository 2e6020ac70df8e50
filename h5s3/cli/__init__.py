"""The command line: parse, call, render. Nothing below this layer prints, exits or reads argv."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Entry point of `h5s3`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: nothing else is to take its number
            setattr(sys, name, open(os.devnull, "w"))
    sys.unraisablehook = _again
    try:
        from h5s3.cli.app import run

        code = run()
    except KeyboardInterrupt:
        code = 130
    _leave(code)


def _again(unraisable: Any) -> None:
    """Ctrl-C while Python runs a callback of the garbage collector is dropped there: have it come again."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        again = threading.Timer(0.02, _interrupt)  # not from here: it would be dropped as well
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _leave(code: int) -> None:
    """Exit, silently where the reader of our output has gone away."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.exit(code)
