"""`h5s3 diff`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cell import limits
from h5s3.cli.options import Common
from h5s3.errors import UsageError

if TYPE_CHECKING:
    from h5s3.render.diagnostics import Bar

DIFFERENT, NOT_COMPARED = 9, 8  # exit codes


def diff(
    a: Annotated[str, typer.Argument(metavar="LOCATION", help="One object: what was.")],
    b: Annotated[
        str | None,
        typer.Argument(metavar="LOCATION", help="The other one: what is. [default: the first one]"),
    ] = None,
    path_a: Annotated[
        str | None,
        typer.Option("--path-a", metavar="PATH", help="Compare this object of the first. [default: /]"),
    ] = None,
    path_b: Annotated[
        str | None,
        typer.Option(
            "--path-b", metavar="PATH", help="With this one of the other. [default: that of --path-a]"
        ),
    ] = None,
    version_id: Annotated[
        list[str] | None,
        typer.Option(
            "--version-id",
            metavar="ID",
            help="Compare this version of the object; given twice, the first of the first, the second of the"
            " other (see: ls --versions).",
        ),
    ] = None,
    version: Annotated[
        list[str] | None,
        typer.Option(
            "--version",
            metavar="N|TIME",
            help="Of a table, compare this version; given twice, the first of the first, the second of the"
            " other (see: meta --history).",
        ),
    ] = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="Compare the newest version with the one before it.")
    ] = False,
    data: Annotated[bool, typer.Option("--data", help="Compare the values of datasets, too.")] = False,
    rtol: Annotated[
        float, typer.Option("--rtol", metavar="R", help="Numbers are alike within R times the second one.")
    ] = 0.0,
    atol: Annotated[float, typer.Option("--atol", metavar="A", help="Numbers are alike within A.")] = 0.0,
    *,
    common: Common,
) -> None:
    """Show what differs between two files, or two objects in them.

    Groups, datasets, links, named types and attributes are compared: which there are, and of datasets shape,
    type, layout, chunks, filters and fill value.

    Several versions of one object are compared by --versions, or by --version-id, given once (against what is
    there now) or twice.

    Of tables (Parquet, Delta, Iceberg, Hudi): columns, partitioning, properties, and which data files and
    rows were added and removed. --version compares versions of one: given once, against the current one.

    With --data the values of datasets are compared: first their stored bytes, which need no decoding where
    both are stored alike, then the values of what differs. Numbers are alike where |a - b| <= A + R * |b|;
    NaN is like NaN. --max-bytes bounds what is fetched; what was not compared is named.

    Exit code 0: nothing differs; 9: something does; 8: nothing does, but not all could be compared.

    \b
    Examples:
      h5s3 diff s3://bucket/scan_0041.nxs s3://bucket/scan_0042.nxs
      h5s3 diff s3://bucket/scan_0042.nxs ./scan_0042.nxs
      h5s3 diff s3://bucket/scan_0042.nxs --versions
      h5s3 diff s3://bucket/tables/sales/ --version 11 --version 12
      h5s3 diff s3://bucket/run1.h5 s3://bucket/run2.h5 --data --rtol 1e-6
      h5s3 diff s3://bucket/scan.nxs --path-a /entry1 --path-b /entry2
    """
    from h5s3.explore.diff.diff import DiffRequest, num_differences
    from h5s3.explore.diff.diff import diff as ask
    from h5s3.explore.diff.versions import last_two, with_versions

    ids, of_tables = version_id or [], version or []
    if versions and (b is not None or ids or of_tables):
        raise UsageError("--versions compares two versions of one LOCATION, and finds out which")
    paths = (path_a or "/", path_b or path_a or "/")
    others = versions or any(len(each) == 1 or len(set(each)) > 1 for each in (ids, of_tables))
    if b is None and paths[0] == paths[1] and not others:
        hint = "give another LOCATION, --versions, --version, or --path-a and --path-b"
        raise UsageError("an object is compared with itself", hint=hint)
    with common.session() as opened, _progress(data) as bar:
        given = (opened.location(a), opened.location(a if b is None else b))
        places = last_two(opened, given[0]) if versions else with_versions(given, ids, of_tables)
        asked = DiffRequest(*paths, data, rtol, atol, progress=_advancing(bar))
        if common.json:
            found = ask(opened, places[0], places[1], asked)
            if bar is not None:
                bar.hide()
            common.shown_as_json(found)
        else:
            from h5s3.render.many.diff import Shown

            shown = Shown(bar.hide) if bar is not None else Shown()
            found = ask(opened, places[0], places[1], replace(asked, take=shown.take))
            shown.end(found)
    if num_differences(found):
        raise typer.Exit(DIFFERENT)
    if found.not_compared:
        raise typer.Exit(NOT_COMPARED)


def _progress(wanted: bool) -> AbstractContextManager[Bar | None]:
    if not wanted:
        return nullcontext()
    from h5s3.render.diagnostics import progress

    return progress()


def _advancing(bar: Callable[[str, float], None] | None) -> Callable[[str, float], None]:
    """Progress that is shown, if at all, and that lets the command go on."""

    def tell(path: str, done: float) -> None:
        limits.renew()
        if bar is not None:
            bar(path, done)

    return tell
