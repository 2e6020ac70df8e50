"""`h5s3 tree`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cell import limits
from h5s3.cli.options import Following, Location, ObjectPath
from h5s3.errors import UsageError

if TYPE_CHECKING:
    from h5s3.records import TreeNode


class View(StrEnum):
    """Conventions by which a file can be shown."""

    AUTO = "auto"
    PLAIN = "plain"
    NETCDF = "netcdf"
    NEXUS = "nexus"
    ANNDATA = "anndata"
    NWB = "nwb"
    PYTABLES = "pytables"
    PANDAS = "pandas"
    MATLAB = "matlab"
    KERAS = "keras"


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
    view: Annotated[
        View | None,
        typer.Option(
            "--view",
            help="Show PATH in the words of its convention: netcdf reads like `ncdump -h`, auto finds out "
            "which it is, plain shows HDF5 as it lies. [default: auto for the root on a terminal and without "
            "other options, else plain]",
        ),
    ] = None,
    partitions: Annotated[
        bool, typer.Option("--partitions", help="Of a table, show its partitions in place of columns.")
    ] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON record per line, parents first.")] = False,
    *,
    common: Following,
) -> None:
    """Show what a group holds: one level below PATH, or more.

    Of a table (Parquet, Delta, Iceberg, Hudi), columns are shown, or partitions.

    Links are shown with their targets; those to other files are followed with --follow alone.

    \b
    Examples:
      h5s3 tree s3://bucket/scan.nxs
      h5s3 tree s3://bucket/scan.nxs /entry -d 2 --attrs
      h5s3 tree s3://bucket/era5.nc --view netcdf
      h5s3 tree s3://bucket/tables/sales/ --partitions --version 12
      h5s3 tree s3://bucket/scan.nxs -r --json | jq '.. | .path? // empty'
    """
    from h5s3.explore.tree import stream
    from h5s3.explore.tree import tree as ask
    from h5s3.formats.requests import TreeRequest

    if recursive and depth is not None:
        raise UsageError("--recursive and --depth contradict each other")
    if partitions and jsonl:
        raise UsageError("--jsonl has no lines for --partitions", hint="--json has them")
    if view not in (None, View.PLAIN) and (attrs or all_attrs or values or stored or jsonl):
        raise UsageError("--attrs, --all-attrs, --values, --stored and --jsonl go with --view plain")
    if view is None:
        more = recursive or depth is not None or attrs or all_attrs or values or stored or jsonl or partitions
        plain = more or common.json or common.follow or common.follow_prefix
        usual = path.strip("/") == "" and not plain and sys.stdout.isatty()
        view = View.AUTO if usual else View.PLAIN
    levels = 0 if recursive else depth
    asked = TreeRequest(
        path,
        depth=1 if levels is None else levels,
        limit=limit,
        attributes=attrs or all_attrs,
        values=values,
        all_attributes=all_attrs,
        stored=stored,
        partitions=partitions,
        view=view.value,
        view_levels=levels,
    )
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
