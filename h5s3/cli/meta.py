"""`h5s3 meta`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.options import Following, Location, ObjectPath
from h5s3.errors import UsageError

SHOWN = 100  # versions or files


def meta(
    location: Location,
    path: ObjectPath = "/",
    attr: Annotated[
        str | None, typer.Option("--attr", metavar="NAME", help="Show only this attribute.")
    ] = None,
    all_attrs: Annotated[bool, typer.Option("--all-attrs", help="Show all attributes, not only 20.")] = False,
    chunks: Annotated[
        bool, typer.Option("--chunks", help="Show where each chunk is stored, and a map of them.")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Of a table, show its versions, the newest first.")
    ] = False,
    files: Annotated[
        bool,
        typer.Option("--files", help="Of a table, show its data files; of a Parquet file, its row groups."),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            help="With --history or --files: show at most so many (0: all). [default: 100]",
        ),
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="With --chunks: one JSON record per chunk and line, and nothing else."),
    ] = False,
    *,
    common: Following,
) -> None:
    """Describe one object: attributes, datatype, layout, filters, sizes.

    Of a table (Parquet, Delta, Iceberg, Hudi): its schema, version, partitioning, features and files.

    \b
    Examples:
      h5s3 meta s3://bucket/scan.nxs
      h5s3 meta s3://bucket/scan.nxs /entry/data/counts
      h5s3 meta s3://bucket/scan.nxs /entry --attr NX_class --json
      h5s3 meta s3://bucket/scan.nxs /entry/data/counts --chunks --jsonl | jq .size
      h5s3 meta s3://bucket/tables/sales/ --history
    """
    from h5s3.explore.meta import MOST_CHUNKS, MOST_STREAMED, chunks_of
    from h5s3.explore.meta import meta as ask
    from h5s3.formats.requests import MetaRequest
    from h5s3.render.json import show_json_lines

    if jsonl and not chunks:
        raise UsageError("--jsonl goes with --chunks")
    if limit is not None and not (history or files):
        raise UsageError("--limit goes with --history or --files")
    if (history or files) and (chunks or attr is not None):
        raise UsageError("--history and --files go neither with --chunks nor --attr")
    shown = SHOWN if limit is None else limit
    most_files, most_versions = shown if files else None, shown if history else 0
    most = MOST_STREAMED if jsonl else MOST_CHUNKS
    with common.session() as opened:
        asked = MetaRequest(path, attr, all_attrs, most if chunks else 0, history, most_files, most_versions)
        if jsonl:
            return show_json_lines(chunks_of(opened, opened.location(location), asked))
        found = ask(opened, opened.location(location), asked)
        if not common.shown_as_json(found):
            from h5s3.render.meta import show_meta

            show_meta(found, attributes_alone=attr is not None)
