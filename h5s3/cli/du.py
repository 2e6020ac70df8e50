"""`h5s3 du`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.arguments import Location, ObjectPath
from h5s3.cli.errors import session
from h5s3.cli.fast_typer import LeanCommand
from h5s3.cli.options import Common, with_common


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("du", cls=LeanCommand)(with_common(du))


def du(
    location: Location,
    path: ObjectPath = "/",
    depth: Annotated[int, typer.Option("--depth", "-d", min=0, help="Levels shown below PATH (0: all).")] = 1,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Entries shown (0: all).")] = 20,
    sort: Annotated[
        str, typer.Option("--sort", metavar="ORDER", help="stored, logical, ratio or name.")
    ] = "stored",
    exact: Annotated[bool, typer.Option("--bytes", help="Show exact numbers of bytes.")] = False,
    *,
    common: Common,
) -> None:
    """Show how many bytes groups and datasets take, stored and logical, the largest first.

    Sums count everything below, each object once, and no link is followed. Only metadata is read.

    \b
    Examples:
      h5s3 du s3://bucket/scan.nxs
      h5s3 du s3://bucket/scan.nxs /entry --depth 0 --limit 0 --sort ratio
      h5s3 du s3://bucket/scan.nxs --json | jq '.entries[] | {path, stored}'
    """
    from h5s3.explore.du import du as ask
    from h5s3.formats.requests import UsageRequest

    with session(common) as opened:
        found = ask(opened, opened.location(location), UsageRequest(path, depth, limit, sort))
        if common.json:
            from h5s3.render.console import show_json

            show_json(found)
        else:
            from h5s3.render.du import show_usage

            show_usage(found, exact)
