"""The Typer application: one file per command."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3 import __version__
from h5s3.cli import bench, cache, demo, ls, meta, preview, schema, tree

app = typer.Typer(
    name="h5s3",
    help="Explore HDF5 files in S3-compatible object storage, without downloading them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (ls, tree, meta, preview, bench):
    module.register(app)
app.add_typer(cache.app, name="cache")
for module in (demo, schema):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"h5s3 {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Explore HDF5 files in S3-compatible object storage, without downloading them.

    LOCATION is s3://bucket/key (the key verbatim), https://…, a path, or a key of the bucket named by
    H5S3_BUCKET. Exit codes: 0 done, 2 usage, 3 not found, 4 access denied, 5 network, 6 not HDF5 or damaged,
    7 changed while read, 8 refused.
    """
