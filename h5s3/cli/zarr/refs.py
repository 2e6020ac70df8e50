"""`h5s3 refs`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cell import limits
from h5s3.cli.options import Reading
from h5s3.cli.process.signals import ended_by_signals
from h5s3.errors import ChangedError, UsageError
from h5s3.sizes import parse_size


def refs(
    locations: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LOCATION…",
            help="HDF5 files: s3://bucket/key, https://…, paths; a prefix that ends in /, a glob.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write this file, .json, or this folder, .parq or .icechunk; here or in s3://.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="The URL by which readers know the file; {bucket}, {key} and {name} are filled in.",
        ),
    ] = None,
    concat_dim: Annotated[
        str | None,
        typer.Option(
            "--concat-dim", metavar="NAME", help="Join the files along this dimension; else each is a group."
        ),
    ] = None,
    inline: Annotated[
        str,
        typer.Option("--inline", metavar="SIZE", help="Copy values of up to this many stored bytes."),
    ] = "500",
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="FILE",
            help="Say whether the objects changed that these references point into.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace references that exist.")] = False,
    *,
    common: Reading,
) -> None:
    """Write references with which xarray and Zarr read HDF5 where it lies.

    They say how each dataset is stored and where its chunks are (kerchunk's JSON or Parquet, or Icechunk):
    readers fetch chunks alone. They are made of headers and chunk indexes. Texts of variable length and what
    is small are copied into them. What Zarr has no counterpart for is left out and named on standard error:
    types, filters without a codec (lzf, scaleoffset, blosc2 ...), links out of the file, values elsewhere.

    Of several files each is a group, named after it. --concat-dim joins them as xarray.concat does, along a
    dimension that they have or a new one. Where chunks would not meet, where units differ, or what lacks the
    dimension is not the same in all files, it is refused.

    References hold the size and the ETag of the object. --check asks for both: exit code 7 says that it
    changed since, and the references are stale.

    \b
    Examples:
      h5s3 refs s3://bucket/climate.nc -o climate.json
      h5s3 refs s3://bucket/climate.nc -o climate.json --url https://data.example.org/climate.nc
      h5s3 refs 's3://bucket/2024-*.nc' -o s3://bucket/year.parq --concat-dim time
      h5s3 refs --check climate.json
    """
    if check is not None:
        if locations or output:
            raise UsageError("--check takes references alone: no LOCATION and no -o")
        return _check(check, common)
    if not locations or output is None:
        raise UsageError("a LOCATION and -o FILE are needed", hint="try: h5s3 refs --help")
    from h5s3.explore.refs.refs import RefsRequest
    from h5s3.explore.refs.refs import refs as ask
    from h5s3.render.diagnostics import announce, progress
    from h5s3.render.zarr.refs import left_lines, result_line

    with ended_by_signals(), common.session() as opened, progress() as bar:

        def tell(text: str, done: float) -> None:
            limits.renew()
            if bar is not None:
                bar(text, done)

        places = [opened.location(one) for one in locations]
        asked = RefsRequest(
            output=output,
            url=url,
            concat=concat_dim,
            inline=parse_size(inline),
            overwrite=overwrite,
            progress=tell,
        )
        found = ask(opened, places, asked)
    for line in left_lines(found):
        announce(line)
    if not common.shown_as_json(found):
        from h5s3.render.console import stdout

        stdout().print(result_line(found), soft_wrap=True)


def _check(references: str, common: Reading) -> None:
    from h5s3.explore.refs.check import check_references

    with common.session() as opened:
        found = check_references(opened, references)
        if not common.shown_as_json(found):
            from h5s3.render.console import stdout
            from h5s3.render.zarr.refs import check_lines

            for line in check_lines(found):
                stdout().print(line, soft_wrap=True)
    if not found.fresh:
        raise typer.Exit(ChangedError.exit_code)
