"""`h5s3 meta`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.arguments import Location, ObjectPath
from h5s3.cli.errors import session
from h5s3.cli.fast_typer import LeanCommand
from h5s3.cli.options import Common, with_common


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("meta", cls=LeanCommand)(with_common(meta))


def meta(
    location: Location,
    path: ObjectPath = "/",
    attr: Annotated[str | None, typer.Option("--attr", metavar="NAME", help="Only this attribute.")] = None,
    all_attrs: Annotated[bool, typer.Option("--all-attrs", help="All attributes (else 20).")] = False,
    *,
    common: Common,
) -> None:
    """Describe one object in full: attributes, datatype, layout, filters, storage.

    \b
    Examples:
      h5s3 meta s3://bucket/scan.nxs
      h5s3 meta s3://bucket/scan.nxs /entry/data/counts
      h5s3 meta s3://bucket/scan.nxs /entry --attr NX_class --json
    """
    from h5s3.explore.meta import meta as ask
    from h5s3.formats.requests import MetaRequest

    with session(common) as opened:
        found = ask(opened, opened.location(location), MetaRequest(path, attr, all_attrs))
        if common.json:
            from h5s3.render.console import show_json

            show_json(found)
        else:
            from h5s3.render.meta import show_meta

            show_meta(found)
