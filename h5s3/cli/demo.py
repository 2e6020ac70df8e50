"""`h5s3 demo`: sample files on an S3 server of this machine, and a guided tour of every command on them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cli.process.errors import guarded
from h5s3.cli.process.signals import check, ended_by_signals, interrupt_on, put_off, until_interrupted
from h5s3.errors import H5s3Error, UsageError
from h5s3.settings import from_environment

if TYPE_CHECKING:
    from h5s3.demo.samples import Sample
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
    files: Annotated[
        str | None,
        typer.Option(
            "--files",
            metavar="LOCATION",
            help="Start no server: write the sample files to this folder or s3://bucket/prefix.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --files: replace files that are there.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Take a guided tour of sample files on an S3 server of your own.

    The server runs on this machine, on the loopback interface, and ends with the tour. --files writes the
    sample files (some 30 MB), and a Zarr store made of one of them, to a place of your own; who is asked in
    S3, and by whom, is in the environment (AWS_PROFILE, AWS_ENDPOINT_URL ...).

    \b
    Examples:
      h5s3 demo --serve
      h5s3 demo --files samples/
    """

    def work() -> None:
        if files is not None:
            if serve:
                raise UsageError("--files starts no server: it does not go with --serve")
            write_files(files, overwrite)
        elif overwrite:
            raise UsageError("--overwrite goes with --files")
        else:
            (keep_serving if serve else tour)()

    guarded(work, debug)


def write_files(location: str, overwrite: bool) -> None:
    """Write the sample files to a folder or a prefix."""
    from h5s3.demo.files import write_samples
    from h5s3.explore.session import Session
    from h5s3.render.text import safe

    with ended_by_signals(), Session(from_environment()) as session:
        place = session.location(location)
        written = write_samples(session, place, overwrite)
    typer.echo(f"# {len(written) - 1} sample files and a Zarr store in {safe(place.display, 1000)}:")
    _list(written)


def _list(samples: Sequence[Sample]) -> None:
    for sample in samples:
        typer.echo(f"#   {sample.name:<20} {sample.title}")


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

    with ExitStack() as stack:
        with put_off():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="h5s3-demo-")))
        root = folder / "buckets"
        samples = make_samples(root / BUCKET, check)
        typer.echo(f"# {len(samples)} sample files:")
        _list(samples)
        with serve(root, folder) as server:
            yield server


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what could lead to another server, and with a cache of the tour's own."""
    return {name: value for name, value in environ.items() if not name.startswith(("AWS_", "H5S3_", "S3_"))}
