"""`h5s3 demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.errors import guarded
from h5s3.cli.fast_typer import LeanCommand


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", cls=LeanCommand)(demo)


def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep the server up, and print what to export. Ctrl-C ends it.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Start an S3 server on this machine with sample files, and take a guided tour.

    \b
    Example:
      h5s3 demo --serve
    """
    from h5s3.cli.demo_tour import keep_serving, tour

    guarded(keep_serving if serve else tour, debug)
