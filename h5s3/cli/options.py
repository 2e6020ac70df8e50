"""Arguments and options that commands share, declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from h5s3.cell import limits
from h5s3.cli.process import cells, receipts
from h5s3.cli.process.errors import guarded, show_warnings
from h5s3.cli.process.signals import time_limit
from h5s3.errors import UsageError
from h5s3.settings import Settings, from_environment
from h5s3.sizes import parse_size

if TYPE_CHECKING:
    from h5s3.explore.session import Session
    from h5s3.records import Record

Location = Annotated[
    str,
    typer.Argument(
        metavar="LOCATION", help="s3://bucket/key, https://…, a path, or a key of the default bucket."
    ),
]
ObjectPath = Annotated[str, typer.Argument(metavar="PATH", help="Path inside the file.")]
Labels = Annotated[
    str | None,
    typer.Option(
        "--sel",
        metavar="NAME=VALUE,…",
        help="The part, by coordinates: 'time=2023-06-01:2023-06-30,lat=48' (ends included); ~48.2 is the"
        " nearest.",
    ),
]

connection = functools.partial(typer.Option, rich_help_panel="Connection")
cache = functools.partial(typer.Option, rich_help_panel="Cache")
output = functools.partial(typer.Option, rich_help_panel="Output")
files = functools.partial(typer.Option, rich_help_panel="Files")
bound = functools.partial(typer.Option, rich_help_panel="Limits")


@dataclass(frozen=True, kw_only=True)
class Common:
    """The options that every command has, and what all commands do with them."""

    profile: Annotated[str | None, connection(metavar="NAME", help="AWS profile.")] = None
    endpoint_url: Annotated[str | None, connection(metavar="URL", help="S3-compatible endpoint.")] = None
    region: Annotated[str | None, connection(metavar="NAME", help="Region of the bucket.")] = None
    anon: Annotated[bool, connection("--anon", help="Send requests without credentials.")] = False
    request_payer: Annotated[
        bool, connection("--request-payer", help="Pay for requests to requester-pays buckets.")
    ] = False
    env_file: Annotated[
        Path | None,
        connection(
            metavar="FILE",
            help="Read S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY, S3_BUCKET and S3_REGION from FILE.",
        ),
    ] = None
    insecure: Annotated[
        bool, connection("--insecure", help="Do not verify TLS certificates; nothing is cached.")
    ] = False
    no_cache: Annotated[bool, cache("--no-cache", help="Neither read nor write the cache.")] = False
    refresh: Annotated[bool, cache("--refresh", help="Ask the storage whether the object changed.")] = False
    offline: Annotated[bool, cache("--offline", help="Answer from the cache alone.")] = False
    json: Annotated[bool, output("--json", help="One JSON document on standard output.")] = False
    stats: Annotated[bool, output("--stats", help="Show requests, bytes and rounds on standard error.")] = (
        False
    )
    debug: Annotated[bool, output("--debug", help="Show tracebacks.")] = False
    timeout: Annotated[
        float | None, bound(metavar="SECONDS", min=0.001, help="Stop after this many seconds.")
    ] = None
    max_bytes: Annotated[
        str | None, bound(metavar="SIZE", help="Fetch at most this much raw data, such as 64M.")
    ] = None
    plugins: Annotated[
        bool, bound("--plugins", help="Let HDF5_PLUGIN_PATH load filters for remote files too.")
    ] = False

    def settings(self) -> Settings:
        """Options over environment. Raises `UsageError` where they contradict."""
        if self.offline and (self.refresh or self.no_cache):
            raise UsageError(
                "--offline answers from the cache: it goes neither with --refresh nor --no-cache"
            )
        if self.offline and self.insecure:
            raise UsageError("--offline asks no server, and --insecure reads no cache: give one of them")
        if self.anon and self.profile:
            raise UsageError("--anon and --profile contradict each other")
        if self.insecure or self.debug:
            show_warnings(self.insecure, self.debug)
        names = {field.name for field in fields(Settings)} & vars(self).keys()
        given = {name: value for name in names if (value := getattr(self, name)) not in (None, False)}
        if self.max_bytes is not None:
            given["max_bytes"] = parse_size(self.max_bytes)
        return replace(from_environment(self.env_file), **given)

    @contextmanager
    def session(self, whole: bool = True) -> Iterator[Session]:
        """A session under these options; prints the receipt of `--stats` at its end.

        `whole`: `--timeout` is for all of it; else each question sees to it.
        """
        from h5s3.explore.session import Session

        settings = self.settings() if whole else replace(self.settings(), timeout=None)
        if settings.max_bytes is not None:
            limits.allow(settings.max_bytes)
        with (
            time_limit(settings.timeout),
            Session(settings, cells.cache(settings), cell=cells.cell(settings, self.debug)) as opened,
        ):
            try:
                yield opened
            finally:
                receipt = opened.trace.receipt()
                receipts.note(location=" ".join(opened.locations), **receipt)
                if self.stats:
                    from h5s3.render.diagnostics import show_receipt

                    missing = opened.cell.missing if opened.cell else []
                    show_receipt(receipt, opened.cache.problem, missing)

    def shown_as_json(self, found: Record) -> bool:
        """Print an answer as JSON where that was asked for; False where it is to be drawn."""
        if self.json:
            from h5s3.render.json import show_json

            show_json(found)
        return self.json


@dataclass(frozen=True, kw_only=True)
class Reading(Common):
    """The options of commands that read an object."""

    version_id: Annotated[
        str | None, connection(metavar="ID", help="Read this version of the object (see: ls --versions).")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Versioned(Reading):
    """The options of commands that can read an older version of a table."""

    version: Annotated[
        str | None,
        files(
            metavar="N|TIME",
            help="Of a table, read this version or snapshot, or that of a TIME (see: meta --history).",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Following(Versioned):
    """The options of commands that can read the files that a file names."""

    follow: Annotated[
        bool,
        files(
            "--follow",
            help="Read files that this one names: external links, virtual datasets; beside it or below.",
        ),
    ] = False
    follow_prefix: Annotated[
        str | None,
        files("--follow-prefix", metavar="PREFIX", help="Read those below this prefix."),
    ] = None
    follow_external: Annotated[
        bool,
        files("--follow-external", help="Read files of a table that lie elsewhere in the same storage."),
    ] = False


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """A command as Typer is to see it: with the options of its `common`, if it has one.

    Its errors become one line on standard error and an exit code.
    """
    parameters = dict(inspect.signature(command, eval_str=True).parameters)
    wanted = parameters.pop("common").annotation if "common" in parameters else None
    shared = inspect.signature(wanted, eval_str=True).parameters if wanted else {}

    def run(**given: Any) -> None:
        if wanted is None:
            return guarded(lambda: command(**given), debug=False)
        common = wanted(**{name: given.pop(name) for name in shared})

        guarded(lambda: command(**given, common=common), common.debug)

    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature([*parameters.values(), *shared.values()])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run
