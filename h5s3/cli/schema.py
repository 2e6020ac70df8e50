"""`h5s3 schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.errors import UsageError


def schema(
    command: Annotated[
        str,
        typer.Argument(
            metavar="COMMAND",
            help="ls, tree, meta, preview, find, get, du, diff, serve, bench, doctor, cache or stats.",
        ),
    ],
) -> None:
    """Print the JSON Schema of what a command prints with --json.

    \b
    Example:
      h5s3 schema tree > tree.schema.json
    """

    import json

    from h5s3.records import DOCUMENTS, json_schema

    if command not in DOCUMENTS:
        raise UsageError(f"no command {command!r} with JSON", hint="one of " + ", ".join(DOCUMENTS))
    typer.echo(json.dumps(json_schema(command), indent=2))
