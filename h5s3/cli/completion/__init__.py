"""Completion of what is typed in bash, zsh and fish.

The script of each shell (`h5s3.bash`, `.zsh`, `.fish`) runs h5s3 with `_H5S3_COMPLETE` set to its name, and
gives it what is typed. `line` takes that apart, `grammar` knows the commands and options, `position` finds
what the last word is to be, `candidates` what it may be, `reply` answers the shell; `command` is
`h5s3 completion`. On TAB neither Typer nor an S3 client is loaded where the cache knows the answer: either
takes longer than all of it.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "completion":
        from h5s3.cli.completion.command import completion

        return completion
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
