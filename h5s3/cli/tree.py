"""`h5s3 tree`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.arguments import Location, ObjectPath
from h5s3.cli.errors import session
from h5s3.cli.fast_typer import LeanCommand
from h5s3.cli.options import Common, with_common
from h5s3.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tree", cls=LeanCommand)(with_common(tree))


def tree(
    location: Location,
    path: ObjectPath = "/",
    depth: Annotated[
        int | None, typer.Option("--depth", "-d", min=1, help="Levels below PATH. [default: 1]")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All levels.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Children shown per group (0: all).")] = 100,
    attrs: Annotated[bool, typer.Option("--attrs", help="Show attributes.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="A JSON record a line, parents first.")] = False,
    *,
    common: Common,
) -> None:
    """Show what a group holds: one level below PATH, or more.

    Links are shown with their targets and never followed.

    \b
    Examples:
      h5s3 tree s3://bucket/scan.nxs
      h5s3 tree s3://bucket/scan.nxs /entry -d 2 --attrs
      h5s3 tree s3://bucket/scan.nxs -r --json | jq '.. | .path? // empty'
    """
    from h5s3.explore.tree import tree as ask
    from h5s3.formats.requests import TreeRequest

    if recursive and depth is not None:
        raise UsageError("--recursive and --depth contradict each other")
    levels = 0 if recursive else depth or 1
    with session(common) as opened:
        found = ask(opened, opened.location(location), TreeRequest(path, levels, limit, attrs))
        if jsonl:
            from h5s3.render.tree import show_nodes

            show_nodes(found)
        elif common.json:
            from h5s3.render.console import show_json

            show_json(found)
        else:
            from h5s3.render.tree import show_tree

            show_tree(found)
