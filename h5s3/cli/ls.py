"""`h5s3 ls`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from h5s3.cli.options import Common


class Sort(StrEnum):
    """Orders of a listing."""

    name = "name"
    size = "size"
    time = "time"


def ls(
    locations: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LOCATION…",
            help="s3://, s3://bucket/prefix, a glob such as 's3://bucket/run*/*.h5', or a directory.",
            show_default=False,
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="List all objects below the prefix.")
    ] = False,
    long: Annotated[
        bool, typer.Option("--long", "-l", help="Show ETag, storage class, stores and tables too.")
    ] = False,
    glob: Annotated[
        str | None,
        typer.Option("--glob", metavar="PATTERN", help="List only names below LOCATION that match."),
    ] = None,
    h5: Annotated[
        bool, typer.Option("--h5", help="List only prefixes and names that look like HDF5.")
    ] = False,
    sort: Annotated[
        Sort | None,
        typer.Option(
            "--sort", help="Sort by name, size (largest first) or time (newest first); holds all in memory."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="List at most this many (0: all).")
    ] = 0,
    versions: Annotated[bool, typer.Option("--versions", help="List all versions of objects.")] = False,
    uri: Annotated[
        bool, typer.Option("--uri", help="List URIs alone, one per line; or in the JSON.")
    ] = False,
    exact: Annotated[bool, typer.Option("--bytes", help="Show exact numbers of bytes.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON record per line, streamed.")] = False,
    *,
    common: Common,
) -> None:
    """List buckets, prefixes and objects.

    Without LOCATION: the default bucket (H5S3_BUCKET) if one is set, else all buckets. As in S3, a LOCATION
    that does not end in a slash is a prefix: s3://bucket/run lists run1, run2 and so on. Where no key begins
    with a LOCATION that holds * ? or [...], it is a glob; ** stands for any number of folders. --long and
    --json say which prefixes are Zarr stores, or tables (Parquet, Delta, Iceberg, Hudi): one small request
    more for each of the first 1,000, and a second one where a folder is called metadata.

    \b
    Examples:
      h5s3 ls s3://bucket/runs/ --h5
      h5s3 ls 's3://bucket/2024-*/scan_0?.nxs' --uri
      h5s3 ls s3://bucket/ -r --glob '*.nxs' --sort time --limit 20
    """
    from h5s3.explore.ls import MOST_REMEMBERED, arriving, stream, together
    from h5s3.explore.questions import Question
    from h5s3.render.json import show_json_lines, show_json_pieces

    question = Question(
        recursive=recursive,
        glob=glob,
        h5=h5,
        sort=sort.value if sort else None,
        limit=limit,
        versions=versions,
        uris=uri or len(locations or ()) > 1,
        formats=common.json or (long and not uri),
    )
    with common.session() as opened:
        default = f"s3://{opened.settings.bucket}/" if opened.settings.bucket else "s3://"
        places = [opened.location(one) for one in locations or [default]]
        if jsonl:
            for place in places:
                for page in stream(opened, place, question):
                    show_json_lines(page)
            return
        if common.json:
            found = (
                together(opened, places, question)
                if len(places) > 1
                else arriving(opened, places[0], question)
            )
            return show_json_pieces(found.document(held=MOST_REMEMBERED))
        from h5s3.render.ls import show_heading, show_listing, show_uris

        for at, place in enumerate(places):
            if uri:
                show_uris(arriving(opened, place, question))
                continue
            if len(places) > 1:
                show_heading(place.display, first=at == 0)
            show_listing(arriving(opened, place, question), long, exact)
