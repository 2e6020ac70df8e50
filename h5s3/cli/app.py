"""The application: its commands, each in the file of its name, and how Typer reads and explains them."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from h5s3 import __version__
from h5s3.cli.options import with_common
from h5s3.cli.process.errors import report, unwritten
from h5s3.errors import UsageError

COMMANDS = (
    "ls", "tree", "meta", "preview", "browse", "find", "catalog", "get", "convert", "du", "diff", "refs",
    "serve", "bench", "doctor", "cache", "stats", "demo", "completion", "schema",
)  # fmt: skip
FOLDERS = {
    "browse": "screen",
    "catalog": "many",
    "diff": "many",
    "find": "many",
    "refs": "zarr",
    "convert": "zarr",
    "serve": "zarr",
}  # of commands that stand in one
WHOLE_NUMBERS = (int, int | None)
PLAIN = (str, str | None)  # types whose values need no conversion
WHOLE = 1000  # characters: a command's first sentence is not shortened


class Unconverted:
    """Passes text and defaults on as they are, reads whole numbers and words to choose from, and has Typer
    convert anything else."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in its type. Raises what Typer raises for one that does not fit."""
        kind = param.type_descriptor
        if not isinstance(value, str) or kind.annotation in PLAIN:
            return value
        if kind.annotation in WHOLE_NUMBERS and re.fullmatch("[0-9]{1,15}", value):
            least, most = kind.parameter_info.min, kind.parameter_info.max
            if (least is None or least <= int(value)) and (most is None or int(value) <= most):
                return int(value)
        for one in (kind.annotation, *get_args(kind.annotation)):
            if isinstance(one, type) and issubclass(one, StrEnum) and value in list(one):
                return one(value)
        return type(param).get_runtime_param(param).coerce(value, param=param, ctx=ctx)


def _sections(params: list[Any], ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """The help of each parameter under its heading; a command's own options stand first."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for param in params:
        record = param.get_help_record(ctx)
        if record is None:
            continue
        if isinstance(param, TyperArgument):
            sections["Arguments"].append((param.display_name_raw, record[1]))
        else:
            sections.setdefault(param.rich_help_panel or "Options", []).append(record)
    return sections


class _Parsed:
    """What commands and groups have in common: they start quickly, and their help has headings.

    Typer converts each value to its type with pydantic, and writes headings with rich. The import of either
    takes longer than a warm command.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, that of --help among them."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            param.get_runtime_param = Unconverted
        return params

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options into the help."""
        for heading, rows in _sections(self.get_params(ctx), ctx).items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


class Command(_Parsed, TyperCommand):
    """A command."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line, such as `[OPTIONS] LOCATION [PATH]`."""
        arguments = [param for param in self.get_params(ctx) if isinstance(param, TyperArgument)]
        names = [
            param.display_name_raw if param.required else f"[{param.display_name_raw}]" for param in arguments
        ]
        return [self.options_metavar or "", *names]


class Listed(Command):
    """`ls`, of which people ask `-lh` by habit: sizes are for people anyway."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the h out of flags that stand together."""
        return super().parse_args(
            ctx, [re.sub("^-(?=[lrh]{2,}$)([lr]*)h([lr]*)$", r"-\1\2", arg) for arg in args]
        )


class Group(_Parsed, TyperGroup):
    """A group of commands; without any word its help, on standard error, and exit code 2."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the group's own options off the command line."""
        if not args and not ctx.resilient_parsing:
            with suppress(OSError):
                typer.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write options and commands into the help."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(WHOLE)) for name, command in self.commands.items()]
            )


@cache
def application(names: tuple[str, ...] = COMMANDS) -> typer.Typer:
    """Commands by name: each is a function, or a group of commands, in the file of the same name."""
    app = typer.Typer(
        cls=Group,
        name="h5s3",
        add_completion=False,  # `completion` is ours
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(top)
    for name in names:
        module = ".".join(filter(None, ("h5s3.cli", FOLDERS.get(name), name)))
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            for info in found.registered_commands:
                info.cls = Command
            app.add_typer(found, name=name, cls=Group)
        else:
            app.command(name, cls=Listed if name == "ls" else Command)(with_common(found))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"h5s3 {__version__}")
        raise typer.Exit


def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Explore HDF5 files in S3-compatible object storage, without downloading them.

    LOCATION is s3://bucket/key (all that follows the bucket is the key), https://…, a path, or a key of the
    bucket that H5S3_BUCKET names.

    Exit codes: 0 done, 2 usage, 3 not found, 4 access denied, 5 network or time-out, 6 not HDF5 or damaged,
    7 changed while read, 8 refused, 9 diff or check: they differ, 130 Ctrl-C.

    \b
    Examples:
      h5s3 ls s3://bucket/ --h5
      h5s3 tree s3://bucket/scan.nxs /entry
    """


def run() -> int:
    """Run the command that argv asks for; its exit code. Only the file of that command is loaded."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        app = application((word,) if word in COMMANDS else COMMANDS)
        return app(prog_name="h5s3", standalone_mode=False) or 0
    except typer.TyperException as error:
        report(_in_one_line(error))
        return error.exit_code
    except SystemExit as leaving:  # the help met a closed pipe
        closed = isinstance(leaving.__context__, BrokenPipeError)
        return 0 if closed or not leaving.code else 1
    except OSError as error:
        report(unwritten(error))
        return 1


def _in_one_line(error: Any) -> UsageError:
    error.message = error.message.removeprefix(
        "Value error, "
    )  # pydantic's, of a value not among the choices
    cause = " ".join(error.format_message().split()).rstrip(".")
    command = error.ctx.command_path if getattr(error, "ctx", None) else "h5s3"
    return UsageError(cause, hint="" if "Did you mean" in cause else f"try: {command} --help")
