"""`h5s3 du`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.options import Location, ObjectPath, Versioned


def du(
    location: Location,
    path: ObjectPath = "/",
    depth: Annotated[
        int,
        typer.Option("--depth", "-d", metavar="N", min=0, help="Show this many levels below PATH (0: all)."),
    ] = 1,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="Show at most this many entries (0: all).")
    ] = 20,
    sort: Annotated[
        str, typer.Option("--sort", metavar="ORDER", help="Order by stored, logical, ratio or name.")
    ] = "stored",
    exact: Annotated[bool, typer.Option("--bytes", help="Show exact numbers of bytes.")] = False,
    partitions: Annotated[
        bool, typer.Option("--partitions", help="Of a table, show what partitions take, not columns.")
    ] = False,
    *,
    common: Versioned,
) -> None:
    """Show the bytes that groups and datasets take, the largest first.

    Stored bytes are those in the file, logical bytes those of the values. A group's sums count everything
    below it, each object once. No link is followed, and only metadata is read.

    Of a table, columns are shown; with --partitions, the rows, files and bytes of each partition.

    \b
    Examples:
      h5s3 du s3://bucket/scan.nxs
      h5s3 du s3://bucket/scan.nxs /entry --depth 0 --limit 0 --sort ratio
      h5s3 du s3://bucket/tables/sales/ --partitions
      h5s3 du s3://bucket/scan.nxs --json | jq '.entries[] | {path, stored}'
    """
    from h5s3.explore.du import du as ask
    from h5s3.formats.requests import UsageRequest

    with common.session() as opened:
        found = ask(opened, opened.location(location), UsageRequest(path, depth, limit, sort, partitions))
        if not common.shown_as_json(found):
            from h5s3.render.du import show_usage

            show_usage(found, exact)
