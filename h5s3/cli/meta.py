"""`h5s3 meta`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.options import Following, Location, ObjectPath
from h5s3.errors import UsageError


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
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="With --chunks: one JSON record per chunk and line, and nothing else."),
    ] = False,
    *,
    common: Following,
) -> None:
    """Describe one object: attributes, datatype, layout, filters, sizes.

    \b
    Examples:
      h5s3 meta s3://bucket/scan.nxs
      h5s3 meta s3://bucket/scan.nxs /entry/data/counts
      h5s3 meta s3://bucket/scan.nxs /entry --attr NX_class --json
      h5s3 meta s3://bucket/scan.nxs /entry/data/counts --chunks --jsonl | jq .size
    """
    from h5s3.explore.meta import MOST_CHUNKS, MOST_STREAMED, chunks_of
    from h5s3.explore.meta import meta as ask
    from h5s3.formats.requests import MetaRequest
    from h5s3.render.json import show_json_lines

    if jsonl and not chunks:
        raise UsageError("--jsonl goes with --chunks")
    most = MOST_STREAMED if jsonl else MOST_CHUNKS
    with common.session() as opened:
        asked = MetaRequest(path, attr, all_attrs, most if chunks else 0)
        if jsonl:
            return show_json_lines(chunks_of(opened, opened.location(location), asked))
        found = ask(opened, opened.location(location), asked)
        if not common.shown_as_json(found):
            from h5s3.render.meta import show_meta

            show_meta(found, attributes_alone=attr is not None)
