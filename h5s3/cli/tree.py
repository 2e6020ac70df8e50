"""`h5s3 tree`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cli.options import Location, ObjectPath, Reading
from h5s3.cli.process import limits
from h5s3.errors import UsageError

if TYPE_CHECKING:
    from h5s3.records import TreeNode


def tree(
    location: Location,
    path: ObjectPath = "/",
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", "-d", metavar="N", min=0, help="Show N levels below PATH (0: all). [default: 1]"
        ),
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Show all levels.")] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", metavar="N", min=0, help="Show at most this many children of each group (0: all)."
        ),
    ] = 100,
    attrs: Annotated[bool, typer.Option("--attrs", help="Show attributes.")] = False,
    all_attrs: Annotated[
        bool, typer.Option("--all-attrs", help="Show all attributes, also those that conventions use inside.")
    ] = False,
    values: Annotated[
        bool, typer.Option("--values", help="Show the values of scalars and short lists.")
    ] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="Show the stored size of datasets, not the logical one.")
    ] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON record per line, parents first.")] = False,
    *,
    common: Reading,
) -> None:
    """Show what a group holds: one level below PATH, or more.

    Links are shown with their targets and never followed.

    \b
    Examples:
      h5s3 tree s3://bucket/scan.nxs
      h5s3 tree s3://bucket/scan.nxs /entry -d 2 --attrs
      h5s3 tree s3://bucket/scan.nxs -r --json | jq '.. | .path? // empty'
    """
    from h5s3.explore.tree import stream
    from h5s3.explore.tree import tree as ask
    from h5s3.formats.requests import TreeRequest

    if recursive and depth is not None:
        raise UsageError("--recursive and --depth contradict each other")
    levels = 0 if recursive else 1 if depth is None else depth
    asked = TreeRequest(path, levels, limit, attrs or all_attrs, values, all_attrs, stored)
    with common.session() as opened:
        where = opened.location(location)
        if jsonl:
            stream(opened, where, asked, _show_nodes)
            return
        found = ask(opened, where, asked)
        if not common.shown_as_json(found):
            from h5s3.render.tree import show_tree

            show_tree(found, stored)


def _show_nodes(nodes: Sequence[TreeNode]) -> None:
    from h5s3.render.json import show_json_lines

    limits.renew()
    show_json_lines(nodes)
