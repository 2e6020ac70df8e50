"""`h5s3 bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cli.arguments import Location
from h5s3.cli.errors import session
from h5s3.cli.fast_typer import LeanCommand
from h5s3.cli.options import Common, with_common
from h5s3.errors import UsageError
from h5s3.sizes import parse_size

if TYPE_CHECKING:
    from h5s3.records import Bench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench", cls=LeanCommand)(with_common(bench))


def bench(
    location: Location,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="SIZES", help="Sizes of range reads.")
    ] = "4K,64K,1M,8M",
    count: Annotated[int, typer.Option("--count", min=3, max=10_000, help="Samples of each kind.")] = 20,
    concurrency: Annotated[
        str, typer.Option("--concurrency", metavar="NUMBERS", help="Requests in flight.")
    ] = "1,8,32",
    compare: Annotated[bool, typer.Option("--compare", help="Compare ways of walking an HDF5 file.")] = False,
    path: Annotated[str, typer.Option("--path", metavar="PATH", help="Where --compare walks.")] = "/",
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw the samples.")] = True,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help="Also write the JSON document to FILE; only an earlier one of its kind is replaced.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="Compare with an earlier run that --save wrote."),
    ] = None,
    *,
    common: Common,
) -> None:
    """Measure how a storage answers: connect, HEAD, LIST, range reads; and whether it honours Range.

    What it may cost is said on standard error before it begins; --max-bytes bounds it (256 MiB).

    \b
    Examples:
      h5s3 bench s3://bucket/large.h5
      h5s3 bench s3://bucket/large.h5 --sizes 64K --concurrency 1,32 --count 50 --json
      h5s3 bench s3://bucket/large.h5 --save monday.json
      h5s3 bench s3://bucket/large.h5 --against monday.json
    """
    from h5s3.explore.bench.bench import bench as ask
    from h5s3.explore.bench.saved import against as compared
    from h5s3.explore.bench.saved import check_place, earlier
    from h5s3.explore.bench.saved import save as write
    from h5s3.render.bench.bench import cost_line
    from h5s3.render.diagnostics import announce, progress

    wanted, flights = [parse_size(part) for part in sizes.split(",")], _numbers(concurrency)
    before = earlier(str(against)) if against else None
    if save:
        check_place(str(save))
    with session(common) as opened:
        place = opened.location(location)
        with progress() as told:
            found = ask(
                opened,
                place,
                sizes=wanted,
                count=count,
                concurrency=flights,
                compare=compare,
                path=path,
                progress=told,
                announce=lambda requests, received: announce(cost_line(requests, received, compare)),
            )
    if before:
        found.against = compared(found, before)
    try:
        if save:
            write(found, str(save))
            announce(f"saved to {save}")
    finally:  # a measurement that cannot be saved is shown all the same
        _show(found, plot, common.json)


def _show(found: Bench, plot: bool, as_json: bool) -> None:
    if as_json:
        from h5s3.render.console import show_json

        show_json(found)
        return
    from h5s3.render.bench.bench import show_bench

    show_bench(found, plot)


def _numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(1 <= number <= 64 for number in found):
        raise UsageError(f"--concurrency {text!r} is not a list of numbers between 1 and 64")
    return found
