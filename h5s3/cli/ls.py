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
    location: Annotated[
        str, typer.Argument(metavar="LOCATION", help="s3://, s3://bucket/prefix or a directory.")
    ] = "",
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="List all objects below the prefix.")
    ] = False,
    long: Annotated[bool, typer.Option("--long", "-l", help="Show ETag and storage class too.")] = False,
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
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON record per line, streamed.")] = False,
    *,
    common: Common,
) -> None:
    """List buckets, prefixes and objects.

    Without LOCATION: the default bucket (H5S3_BUCKET) if one is set, else all buckets. As in S3, a LOCATION
    that does not end in a slash is a prefix: s3://bucket/run lists run1, run2 and so on.

    \b
    Examples:
      h5s3 ls s3://bucket/runs/ --h5
      h5s3 ls s3://bucket/ -r --glob '*.nxs' --sort time --limit 20
    """
    from h5s3.explore.ls import MOST_REMEMBERED, Question, arriving, stream
    from h5s3.render.json import show_json_lines, show_json_pieces

    question = Question(
        recursive=recursive,
        glob=glob,
        h5=h5,
        sort=sort.value if sort else None,
        limit=limit,
        versions=versions,
    )
    with common.session() as opened:
        default = f"s3://{opened.settings.bucket}/" if opened.settings.bucket else "s3://"
        place = opened.location(location or default)
        if jsonl:
            for page in stream(opened, place, question):
                show_json_lines(page)
            return
        found = arriving(opened, place, question)
        if common.json:
            show_json_pieces(found.document(held=MOST_REMEMBERED))
        else:
            from h5s3.render.ls import show_listing

            show_listing(found, long)
