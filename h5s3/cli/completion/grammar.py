"""The commands with their arguments and options, as plain data: what Typer knows, kept in the cache.

Typer takes longer to load than there is time on TAB.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, get_args

from h5s3 import __version__
from h5s3.cache import Cache

Grammar = dict[str, Any]  # of a command: help, commands, arguments, options
BY_METAVAR = {
    "LOCATION": "location",
    "LOCATION…": "location",
    "PATH": "path",
    "FILE": "file",
    "OUT": "file",
    "PRICES": "file",
    "CATALOG": "location",
    "CATALOG|LOCATION…": "location",
    "SQL": "text",  # for which there are no words
}
BY_NAME = {"profile": "profile", "attr": "attribute"}


def grammar(cache: Cache) -> Grammar:
    """The grammar of `h5s3`: of this release, of just these files."""
    folder = Path(__file__).parent.parent
    changed = max((entry.stat().st_mtime_ns for entry in os.scandir(folder)), default=0)
    key = f"grammar:{__version__}:{changed}"
    stored = cache.get(key)
    if stored is not None:
        found: Grammar = json.loads(stored)
        return found
    import typer.main

    from h5s3.cli.app import application

    made = _command(typer.main.get_command(application()))
    cache.set_many({key: json.dumps(made).encode()}, "grammar")
    return made


def _command(command: Any) -> Grammar:
    context = command.context_class(command, info_name=command.name)
    arguments: list[Grammar] = []
    options: Grammar = {}
    for param in command.get_params(context):
        if param.param_type_name == "argument":
            arguments.append({**_value(param), "many": param.nargs == -1})
        elif not param.hidden:
            about = {"help": param.help, "many": param.multiple, "flag": param.is_flag, **_value(param)}
            about["name"] = param.name
            options |= {name: about for name in [*param.opts, *param.secondary_opts]}
    commands = {name: _command(one) for name, one in getattr(command, "commands", {}).items()}
    return {
        "help": command.get_short_help_str(1000),
        "commands": commands,
        "arguments": arguments,
        "options": options,
    }


def _value(param: Any) -> Grammar:
    """What completes a value: a kind of things, or a list of words."""
    about = param.type_descriptor
    metavar = param.metavar or ""
    if about.is_choice and about.choices:
        return {"choices": [str(getattr(choice, "value", choice)) for choice in about.choices]}
    kind = BY_NAME.get(param.name) or BY_METAVAR.get(metavar)
    if kind is None and Path in (about.annotation, *get_args(about.annotation)):
        kind = "file"
    return {"kind": kind, "choices": _words(metavar)}


def _words(metavar: str) -> list[str]:
    """The values of an option or argument that takes any text, and knows some of it."""
    from h5s3.export.file_types import FORMATS
    from h5s3.formats.requests import USAGE_ORDERS
    from h5s3.records import DOCUMENTS

    known = {"ORDER": USAGE_ORDERS, "COMMAND": DOCUMENTS, "FORMAT": FORMATS}
    return list(known.get(metavar, ()))
