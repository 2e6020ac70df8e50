"""`h5s3 ls`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from h5s3.cli.errors import session
from h5s3.cli.fast_typer import LeanCommand
from h5s3.cli.options import Common, with_common


class Sort(StrEnum):
    """Orders of a listing."""

    name = "name"
    size = "size"
    time = "time"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ls", cls=LeanCommand)(with_common(ls))


def ls(
    location: Annotated[
        str, typer.Argument(metavar="LOCATION", help="s3://, s3://bucket/prefix or a directory.")
    ] = "",
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All objects below.")] = False,
    long: Annotated[bool, typer.Option("--long", "-l", help="Also ETag and storage class.")] = False,
    glob: Annotated[
        str | None, typer.Option("--glob", metavar="PATTERN", help="Names below LOCATION that match.")
    ] = None,
    h5: Annotated[bool, typer.Option("--h5", help="Only names that look like HDF5 (and prefixes).")] = False,
    sort: Annotated[
        Sort | None, typer.Option("--sort", help="Order; size and time: largest, newest first.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Show so many (0: all).")] = 0,
    versions: Annotated[bool, typer.Option("--versions", help="All versions of objects.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="A JSON record a line, as they arrive.")] = False,
    *,
    common: Common,
) -> None:
    """List buckets, prefixes and objects.

    Without LOCATION: the default bucket (H5S3_BUCKET) where there is one, else all buckets.
    A LOCATION without a slash at its end is a prefix of names, as S3 has it.

    \b
    Examples:
      h5s3 ls s3://bucket/runs/ --h5
      h5s3 ls s3://bucket/ -r --glob '*.nxs' --sort time --limit 20
    """
    from h5s3.explore.ls import Question, stream
    from h5s3.explore.ls import ls as ask
    from h5s3.render.console import show_json

    question = Question(
        recursive=recursive,
        glob=glob,
        h5=h5,
        sort=sort.value if sort else None,
        limit=limit,
        versions=versions,
    )
    with session(common) as opened:
        default = f"s3://{opened.settings.bucket}/" if opened.settings.bucket else "s3://"
        place = opened.location(location or default)
        if jsonl:
            for entry in stream(opened, place, question):
                show_json(entry)
        elif common.json:
            show_json(ask(opened, place, question))
        else:
            from h5s3.render.ls import show_listing

            show_listing(ask(opened, place, question), long)
