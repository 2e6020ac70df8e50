"""`h5s3 bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from h5s3.cli.options import Location, Reading
from h5s3.errors import UsageError
from h5s3.sizes import parse_size


def bench(
    location: Location,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="SIZES", help="Read ranges of these sizes.")
    ] = "4K,64K,1M,8M",
    count: Annotated[
        int,
        typer.Option("--count", metavar="N", min=3, max=10_000, help="Take this many samples of each kind."),
    ] = 20,
    concurrency: Annotated[
        str, typer.Option("--concurrency", metavar="NUMBERS", help="Keep this many requests in flight.")
    ] = "1,8,32",
    compare: Annotated[bool, typer.Option("--compare", help="Compare ways to walk an HDF5 file.")] = False,
    path: Annotated[
        str, typer.Option("--path", metavar="PATH", help="The group that --compare walks.")
    ] = "/",
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw the samples, or not.")] = True,
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
    common: Reading,
) -> None:
    """Measure how a storage answers: connect, HEAD, LIST, range reads.

    Also checks whether it honours Range, If-Match and more. Before it begins, standard error shows what it
    may cost; --max-bytes limits that (256 MiB).

    At the end stands what to mind: outliers, a cache on the way, a limit of this machine, a server that lets
    small answers wait for acknowledgements (without TCP_NODELAY).

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
    from h5s3.render.bench.bench import cost_line, show_bench
    from h5s3.render.diagnostics import announce, progress

    wanted, flights = [parse_size(part) for part in sizes.split(",")], _numbers(concurrency)
    before = earlier(str(against)) if against else None
    if save:
        check_place(str(save))
    with common.session() as opened:
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
        if not common.shown_as_json(found):
            show_bench(found, plot)


def _numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(1 <= number <= 64 for number in found):
        raise UsageError(f"--concurrency {text!r} is not a list of numbers between 1 and 64")
    return found
