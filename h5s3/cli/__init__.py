"""The command line: parse, call, render. Nothing below this layer prints, exits or reads argv."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of `h5s3`."""
    try:
        from h5s3.cli.app import app

        app(prog_name="h5s3")
    except KeyboardInterrupt:
        _leave(130)
    except SystemExit as leaving:
        _leave(leaving.code if isinstance(leaving.code, int) else 1 if leaving.code else 0)


def _leave(code: int) -> None:
    """Exit, silently where the reader of our output has gone away."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)
