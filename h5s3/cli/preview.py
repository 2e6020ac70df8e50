"""`h5s3 preview`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cli.options import Following, Labels, Location
from h5s3.errors import UsageError

if TYPE_CHECKING:
    from h5s3.render.plots.pictures import Pictures


class ComplexPart(StrEnum):
    """What is drawn of complex numbers."""

    abs = "abs"
    real = "real"
    imag = "imag"
    phase = "phase"


class Image(StrEnum):
    """How a plot comes to the terminal in pixels."""

    auto = "auto"
    kitty = "kitty"
    iterm2 = "iterm2"
    sixel = "sixel"
    none = "none"


class Part(StrEnum):
    """Parts of a preview."""

    stats = "stats"
    table = "table"
    plot = "plot"
    profile = "profile"


def preview(
    location: Location,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Path of a dataset, a table (AnnData, pandas), or a NeXus group with a default plot.",
        ),
    ] = "/",
    slice_: Annotated[
        str | None,
        typer.Option("--slice", metavar="SLICE", help="The part to read, in NumPy's syntax: '0,:,10:20:2'."),
    ] = None,
    labels: Labels = None,
    display_dims: Annotated[
        str | None, typer.Option("--display-dims", metavar="Y,X", help="Draw these two dimensions.")
    ] = None,
    fixed: Annotated[
        str | None,
        typer.Option("--fixed", metavar="D=I,…", help="Indices in the other dimensions: '0=5,3=1'."),
    ] = None,
    max_size: Annotated[
        int,
        typer.Option(
            "--max-size", metavar="N", min=1, max=512, help="Draw at most this many points along an axis."
        ),
    ] = 256,
    only: Annotated[Part | None, typer.Option("--only", help="Show only this part.")] = None,
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw a plot, or not.")] = True,
    column: Annotated[
        str | None,
        typer.Option("--column", metavar="FIELD", help="Draw this field of a compound, also at.x."),
    ] = None,
    part: Annotated[
        ComplexPart, typer.Option("--part", help="Draw this part of complex numbers.")
    ] = ComplexPart.abs,
    raw: Annotated[
        bool, typer.Option("--raw", help="Show stored values: no scale_factor, no dates.")
    ] = False,
    log: Annotated[bool, typer.Option("--log", help="Draw on a logarithmic scale.")] = False,
    vmin: Annotated[
        float | None, typer.Option("--vmin", metavar="NUMBER", help="Lower limit of the plot.")
    ] = None,
    vmax: Annotated[
        float | None, typer.Option("--vmax", metavar="NUMBER", help="Upper limit of the plot.")
    ] = None,
    plot_out: Annotated[
        Path | None,
        typer.Option("--plot-out", metavar="FILE", help="Write the figure to FILE.png or FILE.svg."),
    ] = None,
    image: Annotated[
        Image,
        typer.Option(
            "--image",
            envvar="H5S3_IMAGE",
            help="Draw in pixels, by this protocol of the terminal; auto: where the terminal is known.",
        ),
    ] = Image.auto,
    *,
    common: Following,
) -> None:
    """Show statistics, a table and a plot of a sample of a dataset.

    At most --max-bytes (16M) of stored data are fetched: a small dataset whole; of a larger one the plane
    that is drawn, and other chunks evenly spread. The output says how much was read.

    Values are decoded by the NetCDF and CF conventions: scale_factor, add_offset, missing values, times.
    Dimension scales and NeXus axes label plots and tables. The colours of a heatmap span the 2nd to the 98th
    percentile of what is drawn, unless --vmin or --vmax set other limits.

    In kitty, Ghostty, iTerm2, WezTerm, mintty, foot and mlterm heatmaps are drawn in pixels, if h5s3[image]
    is installed. --image sixel (kitty, iterm2) draws every plot so, within tmux and on other terminals too.

    \b
    Examples:
      h5s3 preview s3://bucket/scan.nxs
      h5s3 preview s3://bucket/scan.nxs /entry/data/counts --log
      h5s3 preview s3://bucket/climate.nc /t2m --slice '6,:,:' --only plot
      h5s3 preview s3://bucket/climate.nc /t2m --sel 'time=2023-06-01,lat=~48.2'
      h5s3 preview s3://bucket/scan.nxs /entry/data/counts --json | jq .stats.max
    """
    from h5s3.explore.preview.preview import preview as ask
    from h5s3.explore.preview.request import PreviewRequest
    from h5s3.render.preview import reduced, show_preview

    if plot_out is not None:
        from h5s3.render.plots.figure import checked_format

        checked_format(plot_out)
    pictures = None if common.json else _pictures(image)
    with common.session() as opened:
        asked = PreviewRequest(
            path,
            selection=slice_,
            labels=labels,
            display_dims=_pair(display_dims),
            fixed=_indices(fixed),
            max_size=max_size,
            raw=raw,
            column=column,
            part=part.value,
            log=log,
            vmin=vmin,
            vmax=vmax,
        )
        found = ask(opened, opened.location(location), asked)
        if plot_out is not None:
            from h5s3.render.diagnostics import announce
            from h5s3.render.plots.figure import save_figure

            save_figure(found, plot_out)
            announce(f"figure: {plot_out}")
        wanted = only.value if only else None
        if common.json:
            found = reduced(found, wanted, plot)
        if not common.shown_as_json(found):
            show_preview(found, wanted, plot, pictures)


def _pictures(image: Image) -> Pictures | None:
    """How plots are drawn in pixels; known before anything is fetched."""
    if image is Image.none:
        return None
    from h5s3.render.plots.pictures import chosen

    return chosen(image.value)


def _pair(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        first, second = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--display-dims {text!r} is not two numbers such as 1,2") from None
    return first, second


def _indices(text: str | None) -> tuple[tuple[int, int], ...]:
    try:
        pairs = [part.split("=") for part in text.split(",")] if text else []
        found = {int(dimension): int(index) for dimension, index in pairs}
    except ValueError:
        raise UsageError(f"--fixed {text!r} is not of the form 0=5,3=1") from None
    if len(found) < len(pairs):
        raise UsageError(f"--fixed {text!r} names a dimension twice")
    return tuple(sorted(found.items()))
