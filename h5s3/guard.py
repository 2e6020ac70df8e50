"""The line from a guarded command to the process that guards it.

libhdf5 is C code, and the files it reads were written by strangers. The command line therefore runs in a
child process (see `cli/process/supervisor.py`); what the parent must know to clean up after a crash is told
here. Without a parent, in a program that imports h5s3, telling does nothing.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

_lines: list[int] = []  # the descriptor that the parent listens to, where there is a parent


def connect(descriptor: int) -> None:
    """From now on tell the parent through this pipe."""
    _lines[:] = [descriptor]


def tell(**facts: Any) -> bool:
    """Let the parent know; False where there is none.

    `location` is what errors name and `timeout` the seconds that are left, from now on; `unfinished` and
    `finished` name a temporary file, so that none outlives a crash; `memory` says that the limit was met and
    `code` that everything is written, and how the command ends.
    """
    for descriptor in _lines:
        with suppress(OSError):
            os.write(descriptor, json.dumps(facts).encode() + b"\n")
    return bool(_lines)
