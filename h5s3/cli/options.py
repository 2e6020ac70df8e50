"""Options that every command has, declared once and handed over as `Settings`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from h5s3.errors import UsageError
from h5s3.settings import Settings, from_environment
from h5s3.sizes import parse_size

S3, RUN = "Storage options", "Run options"
COMMON: dict[str, tuple[Any, Any]] = {
    "profile": (
        Annotated[
            str | None, typer.Option("--profile", metavar="NAME", help="AWS profile.", rich_help_panel=S3)
        ],
        None,
    ),
    "endpoint_url": (
        Annotated[
            str | None,
            typer.Option("--endpoint-url", metavar="URL", help="S3-compatible endpoint.", rich_help_panel=S3),
        ],
        None,
    ),
    "region": (
        Annotated[str | None, typer.Option("--region", metavar="NAME", help="Region.", rich_help_panel=S3)],
        None,
    ),
    "anon": (
        Annotated[bool, typer.Option("--anon", help="Ask without credentials.", rich_help_panel=S3)],
        False,
    ),
    "request_payer": (
        Annotated[
            bool,
            typer.Option(
                "--request-payer", help="Pay for requests to requester-pays buckets.", rich_help_panel=S3
            ),
        ],
        False,
    ),
    "env_file": (
        Annotated[
            Path | None,
            typer.Option(
                "--env-file",
                metavar="FILE",
                help="Read S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY, S3_BUCKET, S3_REGION from FILE.",
                rich_help_panel=S3,
            ),
        ],
        None,
    ),
    "insecure": (
        Annotated[
            bool,
            typer.Option(
                "--insecure", help="Do not verify TLS certificates; nothing is cached.", rich_help_panel=S3
            ),
        ],
        False,
    ),
    "as_json": (
        Annotated[bool, typer.Option("--json", help="One JSON document on stdout.", rich_help_panel=RUN)],
        False,
    ),
    "no_cache": (
        Annotated[
            bool, typer.Option("--no-cache", help="Neither read nor write the cache.", rich_help_panel=RUN)
        ],
        False,
    ),
    "refresh": (
        Annotated[
            bool,
            typer.Option(
                "--refresh", help="Ask the storage whether the object changed.", rich_help_panel=RUN
            ),
        ],
        False,
    ),
    "offline": (
        Annotated[bool, typer.Option("--offline", help="Answer from the cache alone.", rich_help_panel=RUN)],
        False,
    ),
    "stats": (
        Annotated[
            bool,
            typer.Option("--stats", help="Show requests, bytes and rounds on stderr.", rich_help_panel=RUN),
        ],
        False,
    ),
    "timeout": (
        Annotated[
            float | None,
            typer.Option(
                "--timeout",
                metavar="SECONDS",
                min=0.001,
                help="Bound the whole command.",
                rich_help_panel=RUN,
            ),
        ],
        None,
    ),
    "max_bytes": (
        Annotated[
            str | None,
            typer.Option(
                "--max-bytes",
                metavar="SIZE",
                help="Most raw data to fetch, such as 64M.",
                rich_help_panel=RUN,
            ),
        ],
        None,
    ),
    "plugins": (
        Annotated[
            bool,
            typer.Option(
                "--plugins",
                help="Let HDF5_PLUGIN_PATH load filters for remote files too.",
                rich_help_panel=RUN,
            ),
        ],
        False,
    ),
    "debug": (
        Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=RUN)],
        False,
    ),
}


class Common:
    """The common options of one run."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.json: bool = values["as_json"]
        self.stats: bool = values["stats"]
        self.debug: bool = values["debug"]
        self._values = values

    def given(self, name: str) -> Any:
        """The value of an option as it was given; None where it was not."""
        return self._values[name]

    def settings(self) -> Settings:
        """Options over environment. Raises `UsageError` where they contradict."""
        values = self._values
        if values["offline"] and (values["refresh"] or values["no_cache"]):
            raise UsageError(
                "--offline answers from the cache: it goes neither with --refresh nor --no-cache"
            )
        if values["offline"] and values["insecure"]:
            raise UsageError("--offline asks no server, and --insecure reads no cache: give one of them")
        if values["anon"] and values["profile"]:
            raise UsageError("--anon and --profile contradict each other")
        if values["insecure"]:
            _show_warnings()
        if values["debug"]:
            _show_all()
        found = from_environment(values["env_file"])
        given = {
            name: values[name]
            for name in ("profile", "endpoint_url", "region", "timeout")
            if values[name] is not None
        }
        names = ("anon", "request_payer", "no_cache", "refresh", "offline", "insecure", "plugins")
        flags = {name: values[name] for name in names}
        if values["max_bytes"] is not None:
            given["max_bytes"] = parse_size(values["max_bytes"])
        return replace(found, **given, **flags)


def _show_all() -> None:
    """Let storage leave alone what the libraries below it log."""
    import logging

    logging.getLogger("h5s3").setLevel(logging.DEBUG)


def _show_warnings() -> None:
    """Show what storage warns of, each thing once, on standard error."""
    import logging

    from h5s3.render.console import stderr
    from h5s3.render.text import safe

    shown: set[str] = set()

    class Shown(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in shown:
                shown.add(text)
                stderr().print(f"h5s3: warning: {safe(text, 1000)}", style="yellow", soft_wrap=True)

    logger = logging.getLogger("h5s3")
    logger.handlers, logger.propagate = [Shown(logging.WARNING)], False


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options; it gets them as its keyword argument `common`."""
    own = inspect.signature(command, eval_str=True)
    parameters = [p for p in own.parameters.values() if p.name != "common"]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in COMMON.items()
    ]

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from h5s3.cli.errors import guarded

        common = Common({name: kwargs.pop(name) for name in COMMON})
        guarded(lambda: command(*args, **kwargs, common=common), common.debug)

    wrapped: Any = run
    wrapped.__signature__ = inspect.Signature(parameters)
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    del wrapped.__wrapped__
    return run
