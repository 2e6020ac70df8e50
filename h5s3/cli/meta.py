"""`h5s3 meta`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.options import Location, ObjectPath, Reading


def meta(
    location: Location,
    path: ObjectPath = "/",
    attr: Annotated[
        str | None, typer.Option("--attr", metavar="NAME", help="Show only this attribute.")
    ] = None,
    all_attrs: Annotated[bool, typer.Option("--all-attrs", help="Show all attributes, not only 20.")] = False,
    *,
    common: Reading,
) -> None:
    """Describe one object: attributes, datatype, layout, filters, sizes.

    \b
    Examples:
      h5s3 meta s3://bucket/scan.nxs
      h5s3 meta s3://bucket/scan.nxs /entry/data/counts
      h5s3 meta s3://bucket/scan.nxs /entry --attr NX_class --json
    """
    from h5s3.explore.meta import meta as ask
    from h5s3.formats.requests import MetaRequest

    with common.session() as opened:
        found = ask(opened, opened.location(location), MetaRequest(path, attr, all_attrs))
        if not common.shown_as_json(found):
            from h5s3.render.meta import show_meta

            show_meta(found, attributes_alone=attr is not None)
