"""`h5s3 convert`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cell import limits
from h5s3.cli.options import Location, ObjectPath, Reading
from h5s3.cli.process.signals import ended_by_signals

if TYPE_CHECKING:
    from h5s3.explore.dask_cluster import Cluster
    from h5s3.records import Convert, ConvertMany


class Version(StrEnum):
    """Versions of Zarr that are written."""

    TWO = "2"
    THREE = "3"


def convert(
    location: Location,
    path: ObjectPath = "/",
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="OUT", help="The store to write: scan.zarr, or s3://bucket/scan.zarr."
        ),
    ] = "",
    zarr_format: Annotated[
        Version, typer.Option("--zarr-format", help="Version of Zarr: 3, or 2 for older readers.")
    ] = Version.THREE,
    recompress: Annotated[
        str | None,
        typer.Option(
            "--recompress",
            metavar="CODEC",
            help="Decode all chunks and store them with zstd, blosc, gzip or none.",
        ),
    ] = None,
    chunks: Annotated[
        str | None,
        typer.Option(
            "--chunks",
            metavar="LENGTHS",
            help="Other chunks: '10,100,100', or by dimension: 'time=10,lat=100'.",
        ),
    ] = None,
    shards: Annotated[
        str | None,
        typer.Option(
            "--shards",
            metavar="LENGTHS",
            help="Several chunks in one object (version 3): lengths as for --chunks, or a size such as 64M.",
        ),
    ] = None,
    overviews: Annotated[
        bool,
        typer.Option(
            "--overviews",
            help="Add smaller levels of large arrays: minima, maxima and means, to zoom and draw.",
        ),
    ] = False,
    ome: Annotated[
        bool,
        typer.Option(
            "--ome", help="Overviews, those of images as OME-Zarr has them (0.5; 0.4 in version 2)."
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file of which something has no counterpart in Zarr.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a store that exists.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a conversion that was stopped or killed.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="At the end, compare all values with those of the file.")
    ] = False,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help="Have the workers of a Dask cluster do it: tcp://host:8786, or local for workers here.",
        ),
    ] = None,
    dask_pass_credentials: Annotated[
        bool,
        typer.Option(
            "--dask-pass-credentials", help="Send your credentials to the workers, which else use their own."
        ),
    ] = False,
    *,
    common: Reading,
) -> None:
    """Convert HDF5 to Zarr: a file, a group or a dataset.

    Chunks are copied as they are stored, without decoding, where Zarr has codecs for their filters (gzip,
    shuffle, fletcher32, zstd, blosc, bzip2); others are decoded and encoded again. Memory stays bounded.

    Attributes come along. Dimension scales become dimension names (phony_dim_N where there are none), enums
    integers with their names in the attribute h5s3.enum, references the paths of what they point to. What has
    no counterpart in Zarr (links, named types, sequences of variable length) is named at the end.

    With --overviews, arrays that are too large for a screen have levels below overview/NAME, each 8 times
    smaller along a line (twice along each side of an image): the lowest, the highest and the mean of each
    stretch. preview draws lines and images from them. With --ome readers of OME-Zarr find the images.

    The store can be opened when it is whole, not before: documents of groups and arrays are written last. A
    conversion that was stopped goes on with --resume: chunks that are there are checked, the others written.

    Several files, by a glob ('s3://bucket/run*.nxs') or a prefix that ends in /, become stores below OUT,
    each named after its file. With --resume those that are whole stay as they are.

    With --dask the workers of a cluster read and write the chunks: LOCATION and OUT are to be where they can
    reach them. The plan, the journal and the documents stay here, and so does the making of overviews.

    \b
    Examples:
      h5s3 convert s3://bucket/climate.nc -o climate.zarr
      h5s3 convert s3://bucket/scan.nxs /entry/data -o data.zarr --zarr-format 2
      h5s3 convert s3://bucket/scan.nxs -o s3://other/scan.zarr --resume
      h5s3 convert run.h5 -o run.zarr --recompress zstd --chunks 'time=100' --shards 64M
      h5s3 convert s3://bucket/large.h5 -o s3://other/large.zarr --dask tcp://scheduler:8786
    """
    from h5s3.errors import UsageError
    from h5s3.explore.convert.convert import convert as ask
    from h5s3.explore.convert.many import convert_many, is_many
    from h5s3.explore.convert.request import ConvertRequest
    from h5s3.render.diagnostics import announce, transfer

    if not output:
        raise UsageError("where to?", hint="name the store with -o, such as -o scan.zarr")
    if dask_pass_credentials and dask is None:
        raise UsageError("--dask-pass-credentials goes with --dask")
    with (
        ended_by_signals(),
        common.session() as opened,
        _cluster(dask) as cluster,
        transfer() as bar,
    ):
        asked = ConvertRequest(
            path,
            output=output,
            version=3 if zarr_format is Version.THREE else 2,
            recompress=recompress,
            chunks=chunks,
            shards=shards,
            overviews=overviews,
            ome=ome,
            strict=strict,
            overwrite=overwrite,
            resume=resume,
            verify=verify,
            progress=_advancing(bar),
            cluster=cluster,
            credentials=dask_pass_credentials,
        )
        place = opened.location(location)
        try:
            many = convert_many(opened, place, asked) if is_many(place) else None
            found = ask(opened, place, asked) if many is None else None
        except KeyboardInterrupt:
            announce(f"stopped: {output} is not whole; --resume goes on with it")
            raise
    for store in [found] if found is not None else many.stores if many is not None else []:
        _show(store, common.json)
    if found is not None:
        common.shown_as_json(found)
    if many is not None:
        _show_many(many, common)


def _cluster(address: str | None) -> AbstractContextManager[Cluster | None]:
    if address is None:
        return nullcontext()
    from h5s3.explore.dask_cluster import Cluster
    from h5s3.render.diagnostics import announce

    return Cluster(address, announce)


def _show_many(found: ConvertMany, common: Reading) -> None:
    from h5s3.explore.convert.many import failed
    from h5s3.render.console import stdout
    from h5s3.render.zarr.convert import many_lines

    if not common.shown_as_json(found):
        for line in many_lines(found):
            stdout().print(line, soft_wrap=True)
    error = failed(found)
    if error is not None:
        raise error


def _show(found: Convert, as_json: bool) -> None:
    from h5s3.render.console import stdout
    from h5s3.render.diagnostics import announce
    from h5s3.render.zarr.convert import lost_lines, result_lines

    for line in lost_lines(found.left_out, f"not converted of {found.location}"):
        announce(line)
    if not as_json:
        for line in [*result_lines(found), *lost_lines(found.notes, "  in another form")]:
            stdout().print(line, soft_wrap=True)


def _advancing(shown: Callable[[str, int, int], None] | None) -> Callable[[str, int, int], None]:
    """Progress that is shown, if at all, and that lets the command go on."""

    def tell(text: str, done: int, total: int) -> None:
        limits.renew()
        if shown is not None:
            shown(text, done, total)

    return tell
