"""`h5s3 demo`: sample files on an S3 server of this machine, and a guided tour of every command on them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cli.process.errors import guarded
from h5s3.cli.process.signals import check, interrupt_on, until_interrupted
from h5s3.errors import H5s3Error

if TYPE_CHECKING:
    from h5s3.demo.server import DemoServer

BUCKET = "demo"
STOPS = (
    ("Which files are in the bucket?", "ls s3://demo/"),
    (
        "What is in a beamline scan? One level, without reading the rest.",
        "tree s3://demo/scan_0042.nxs /entry --stats",
    ),
    ("The whole tree of a climate cube, with attributes.", "tree s3://demo/climate_2024.nc -r --attrs"),
    (
        "Ten thousand datasets: the first few, at once.",
        "tree s3://demo/archive_10k.h5 /events --limit 5 --stats",
    ),
    ("The same again comes from the cache.", "tree s3://demo/archive_10k.h5 /events --limit 5 --stats"),
    ("One dataset in full.", "meta s3://demo/climate_2024.nc /t2m"),
    (
        "What does it look like? At most 16 MB are read for it.",
        "preview s3://demo/climate_2024.nc /t2m --slice 6,:,:",
    ),
    ("A NeXus file names its default plot.", "preview s3://demo/scan_0042.nxs --only plot"),
    (
        "A line with its axis.",
        "preview s3://demo/scan_0042.nxs /entry/data/total_counts --only plot",
    ),
    (
        "Export values to a file or a pipe.",
        "get s3://demo/archive_10k.h5 /catalog/events --slice :3 -o -",
    ),
    ("The same for programs.", "preview s3://demo/climate_2024.nc /t2m --only stats --json"),
    (
        "How fast does the storage answer?",
        "bench s3://demo/archive_10k.h5 --sizes 4K,64K,1M --count 10 --concurrency 1,8",
    ),
)


def demo(
    serve: Annotated[
        bool,
        typer.Option(
            "--serve", help="Keep the server up, and print the variables to export. Ctrl-C ends it."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Take a guided tour of sample files on an S3 server of your own.

    The server runs on this machine, on the loopback interface, and ends with the tour.

    \b
    Example:
      h5s3 demo --serve
    """
    guarded(keep_serving if serve else tour, debug)


def tour() -> None:
    """Run the stops one by one. Raises `H5s3Error` where one fails."""
    with _server() as server:
        environment = {**_clean(os.environ), **server.env(), "COLUMNS": os.environ.get("COLUMNS", "100")}
        for number, (why, command) in enumerate(STOPS, 1):
            check()
            typer.echo(typer.style(f"\n# {number}. {why}", dim=True))
            typer.echo(typer.style(f"$ h5s3 {command}", bold=True))
            done = subprocess.run(
                [sys.executable, "-m", "h5s3", *shlex.split(command)], env=environment, check=False
            )
            if done.returncode:
                raise H5s3Error(f"the tour ended early: h5s3 {command} gave exit code {done.returncode}")
        typer.echo("\nThat was the tour. h5s3 demo --serve keeps the server up for your own look around.")


def keep_serving() -> None:
    """Keep the server up until Ctrl-C."""
    with _server() as server:
        typer.echo("# An S3 server with sample files. Paste this into another terminal:")
        for line in server.exports():
            typer.echo(line)
        typer.echo(f"h5s3 ls s3://{BUCKET}/\n# Ctrl-C ends it.")
        sys.stdout.flush()
        until_interrupted()
        typer.echo("# ended")


@contextmanager
def _server() -> Iterator[DemoServer]:
    interrupt_on(signal.SIGTERM)
    from h5s3.demo.samples import make_samples
    from h5s3.demo.server import serve

    with tempfile.TemporaryDirectory(prefix="h5s3-demo-") as folder:
        root = Path(folder)
        samples = make_samples(root / BUCKET)
        typer.echo(f"# {len(samples)} sample files:")
        for sample in samples:
            typer.echo(f"#   {sample.name:<20} {sample.title}")
        with serve(root) as server:
            yield server


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what could lead to another server, and with a cache of the tour's own."""
    return {name: value for name, value in environ.items() if not name.startswith(("AWS_", "H5S3_", "S3_"))}
