"""The Typer application: one file per command."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import typer

from h5s3 import __version__
from h5s3.cli import bench, cache, demo, doctor, du, get, ls, meta, preview, schema, tree
from h5s3.cli.errors import report, unwritten
from h5s3.cli.fast_typer import LeanGroup
from h5s3.errors import UsageError

app = typer.Typer(
    cls=LeanGroup,
    name="h5s3",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (ls, tree, meta, preview, get, du, bench, doctor):
    module.register(app)
app.add_typer(cache.app, name="cache")
for module in (demo, schema):
    module.register(app)
ParseError: type[Any] = typer.BadParameter.__mro__[2]  # the base of them all, which typer gives no name


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
    H5S3_BUCKET.

    Exit codes: 0 done, 2 usage, 3 not found, 4 access denied, 5 network or time-out, 6 not HDF5 or damaged,
    7 changed while read, 8 refused, 130 Ctrl-C.

    \b
    Examples:
      h5s3 ls s3://bucket/ --h5
      h5s3 tree s3://bucket/scan.nxs /entry
    """


def run() -> int:
    """Run the command that argv asks for; its exit code."""
    try:
        return app(prog_name="h5s3", standalone_mode=False) or 0
    except ParseError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            with suppress(OSError):
                error.show()
        else:
            report(_in_one_line(error))
        return int(error.exit_code)
    except SystemExit as leaving:  # completion of the shell is done, or the help met a closed pipe
        closed = isinstance(leaving.__context__, BrokenPipeError)
        return 0 if closed or not leaving.code else 1
    except OSError as error:
        report(unwritten(error))
        return 1


def _in_one_line(error: Any) -> UsageError:
    cause = " ".join(error.format_message().split()).rstrip(".")
    command = error.ctx.command_path if getattr(error, "ctx", None) else "h5s3"
    return UsageError(cause, hint="" if "Did you mean" in cause else f"try: {command} --help")
