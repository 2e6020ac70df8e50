"""A quick start.

Typer turns each value into its type with pydantic, whose import alone takes longer than a warm command. Text
needs no turning, and neither does a default; everything else is left to Typer.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

PLAIN = (str, str | None)


class AsGiven:
    """Passes text and defaults on as they are, and has Typer turn anything else."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in its type. Raises what Typer raises for one that does not fit."""
        if not isinstance(value, str) or param.type_descriptor.annotation in PLAIN:
            return value
        param._runtime_param = None  # Typer makes its own when it finds none
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _lean(params: list[Any]) -> list[Any]:
    for param in params:
        if (
            getattr(param, "_runtime_param", self_made := AsGiven()) is None
        ):  # older Typers have no such thing
            param._runtime_param = self_made
    return params


class LeanCommand(TyperCommand):
    """A command that starts quickly."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, that of --help among them."""
        return _lean(super().get_params(ctx))


class LeanGroup(TyperGroup):
    """A group of commands that starts quickly."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, that of --help among them."""
        return _lean(super().get_params(ctx))
