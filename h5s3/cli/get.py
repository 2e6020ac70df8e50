"""`h5s3 get`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from h5s3.cell import limits
from h5s3.cli.options import Following, Labels, Location
from h5s3.cli.process.signals import ended_by_signals
from h5s3.errors import UsageError

if TYPE_CHECKING:
    from h5s3.records import Get

TO_PIPES = ("csv", "json", "npy")


def get(
    location: Location,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Path of a dataset, or of a group that is a table; / for the rows of a Parquet, Delta,"
            " Iceberg or Hudi table, /NAME for one of its columns.",
        ),
    ] = "/",
    slice_: Annotated[
        str | None,
        typer.Option(
            "--slice", metavar="SLICE", help="The part to export, in NumPy's syntax: '0,:,10:20:2'."
        ),
    ] = None,
    labels: Labels = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="NAMES", help="Of a table: these columns, with commas between: a,b.c"
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where", metavar="CONDITION", help='Of a table: the rows that match, as in SQL: "price > 5".'
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, metavar="N", help="Of a table: no more rows than these.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write this file; its suffix names the format: .npy .npz .csv .json .parquet .h5. - is"
            " standard output. [default: the dataset's name with .npy]",
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="Write this format: npy, npz, csv, json, parquet or h5."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    decode: Annotated[
        bool,
        typer.Option("--decode", help="Apply scale_factor, add_offset, missing values and time units."),
    ] = False,
    coords: Annotated[
        bool,
        typer.Option("--coords", help="Add the coordinates of the dimensions; for csv, json and parquet."),
    ] = False,
    metadata_only: Annotated[
        bool,
        typer.Option("--metadata-only", help="Copy a whole file without its data; PATH is /, FILE an .h5."),
    ] = False,
    *,
    common: Following,
) -> None:
    """Export a dataset or a slice, with the values exactly as stored.

    Values are streamed chunk by chunk in bounded memory. The file appears when it is complete. A format that
    cannot hold the values exactly is refused. --max-bytes limits both what is fetched and the size of the
    values.

    CSV begins with a line of names: of the dataset, of its columns (counts_0, counts_1, ...), or of the
    fields of a compound. With --coords there is a row for each value, and the coordinates of its dimensions
    come first: dimension scales or NeXus axes, decoded, dates as ISO text (timestamps in Parquet).

    With --decode values are as preview shows them: scaled, missing ones empty (null in JSON and Parquet, NaN
    in npy), times as dates (datetime64 in npy). Without it a line on standard error says where that would
    make a difference.

    Groups that are tables come out as such, in CSV, JSON and Parquet: NXdata (the signal with its axes), data
    frames of AnnData (obs, var), and frames and series of pandas. Pickled columns are named and left out.

    Tables (Parquet, Delta, Iceberg, Hudi) come out as rows, in CSV, JSON and Parquet. --where knows and, or,
    not, in, like, between, is null, =, !=, <, <=, >, >=, numbers, and texts, dates and times in single
    quotes. Files and row groups that cannot match are not read. Lists and structs are JSON in CSV.

    With --metadata-only an HDF5 file is written that has all groups, links, attributes and definitions of
    datasets of the original, and no data.

    In CSV, enums are names, and text is never changed: in a spreadsheet, cells starting with = may run as
    formulas.

    \b
    Examples:
      h5s3 get s3://bucket/scan.nxs /entry/data/counts -o counts.npy
      h5s3 get s3://bucket/climate.nc /t2m --slice '6,:,:' --decode --coords -o june.csv
      h5s3 get s3://bucket/climate.nc /t2m --sel 'time=2023-06-01:2023-06-30,lat=~48.2' --decode -o t2m.csv
      h5s3 get s3://bucket/scan.nxs / -o structure.h5 --metadata-only
      h5s3 get s3://bucket/cells.h5ad /obs -o obs.csv
      h5s3 get s3://bucket/scan.nxs /entry/data/counts --slice '0,:,:' -o - | head -2
      h5s3 get s3://bucket/sales / --columns day,price --where "price > 5" --limit 100 -o -
    """
    from h5s3.explore.get.get import GetRequest
    from h5s3.explore.get.get import get as ask
    from h5s3.render.diagnostics import announce, progress
    from h5s3.render.get import estimate_line, left_line, stored_line
    from h5s3.render.text import safe

    target, named = _target(output, format_, common.json)
    stream = _standard_output(named) if target == "-" else None
    with ended_by_signals(), common.session() as opened, progress() as bar:
        asked = GetRequest(
            path,
            selection=slice_,
            labels=labels,
            output=None if stream else target,
            stream=stream,
            columns=_names(columns),
            where=where,
            limit=limit,
            format=named,
            overwrite=overwrite,
            coords=coords,
            decode=decode,
            metadata_only=metadata_only,
            left_out=lambda left: announce(left_line(left)),
            noted=lambda note: announce(safe(note)),
            differs=lambda coding: announce(stored_line(coding)),
            announce=lambda cost: (
                announce(
                    estimate_line(
                        cost.requests,
                        None if cost.unknown else cost.fetched,
                        cost.written,
                        cost.output,
                        cost.at_least,
                    )
                )
                if cost.large
                else None
            ),
            progress=_advancing(None if stream and sys.stdout.isatty() else bar),
        )
        found = ask(opened, opened.location(location), asked)
    if stream is None:
        if not common.shown_as_json(found):
            _show(found)


def _names(text: str | None) -> tuple[str, ...] | None:
    """Names of columns; one that has a comma in it stands in double quotes."""
    if text is None:
        return None
    return tuple(name for name in next(csv.reader([text], skipinitialspace=True), []) if name)


def _advancing(shown: Callable[[str, float], None] | None) -> Callable[[str, float], None]:
    """Progress that is shown, if at all, and that lets the command go on."""

    def tell(text: str, done: float) -> None:
        limits.renew()
        if shown is not None:
            shown(text, done)

    return tell


def _show(found: Get) -> None:
    from h5s3.render.console import stdout
    from h5s3.render.get import result_line
    from h5s3.render.text import safe
    from h5s3.render.value_text import followed_text

    notes = [] if found.structure else found.notes or []  # said on standard error
    if found.followed:
        notes = [f"in {followed_text(found.followed)}", *notes]
    for line in [result_line(found), *(f"  {safe(note)}" for note in notes)]:
        stdout().print(line, soft_wrap=True)


def _target(output: str | None, format_: str | None, as_json: bool) -> tuple[str | None, str | None]:
    """File and format; `-.csv` is standard output as CSV, and --json there means JSON."""
    if output is not None and not output:
        raise UsageError("-o names no file")
    if output is None or not (output == "-" or (output.startswith("-.") and "/" not in output)):
        return output, format_
    named = [name.lower() for name in (output[2:], format_, "json" if as_json else None) if name]
    if len(set(named)) > 1:
        raise UsageError(f"standard output is to be {' and '.join(dict.fromkeys(named))} at once")
    if named and named[0] not in TO_PIPES:
        raise UsageError(f"{named[0]} cannot be written to standard output", hint="name a file with -o")
    return "-", named[0] if named else None


def _standard_output(named: str | None) -> BinaryIO:
    """Where bytes go; text on a terminal without what could command it."""
    sys.stdout.flush()
    if not sys.stdout.isatty():
        return sys.stdout.buffer
    if named == "npy":
        raise UsageError("npy is not for a terminal", hint="send it into a pipe, or name a file with -o")
    from h5s3.render.get import SafeStream

    return SafeStream(sys.stdout.buffer)  # type: ignore[return-value]
