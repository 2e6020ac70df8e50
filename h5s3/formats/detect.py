"""Which format a location is of: built-in ones from a table, others from installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import cast

from h5s3.formats.base import Format, Seen

BUILT_IN = {"hdf5": "h5s3.formats.hdf5.format:Hdf5"}  # in this order; the first one takes what nobody knows
GROUP = "h5s3.formats"  # entry points: a name, and a class without arguments


def detect(seen: Seen) -> Format | None:
    """The format that knows a location; of an object that none knows the first, which says what is wrong."""
    found = next((format_ for format_ in _all() if format_.knows(seen)), None)
    return found or (None if seen.size is None else built_in(next(iter(BUILT_IN))))


def by_name(name: str) -> Format | None:
    """A format that was detected before."""
    return next((format_ for format_ in _all() if format_.name == name), None)


@cache
def built_in(name: str) -> Format:
    """A format of the table, imported when it is first needed."""
    module, _, kind = BUILT_IN[name].partition(":")
    return cast(Format, getattr(import_module(module), kind)())


@cache
def _foreign() -> tuple[Format, ...]:
    from importlib.metadata import entry_points

    return tuple(point.load()() for point in entry_points(group=GROUP))


def _all() -> Iterator[Format]:
    """Foreign formats are looked for where no built-in one knows a location: that takes time."""
    yield from map(built_in, BUILT_IN)
    yield from _foreign()
