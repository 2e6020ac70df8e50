"""Which format a location is of: built-in ones from a table, others from installed packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import cast

from h5s3.errors import H5s3Error
from h5s3.formats.base import Format, Seen

BUILT_IN = {  # in this order; the first one says what is wrong with others
    "hdf5": "h5s3.formats.hdf5.format:Hdf5",
    "zarr": "h5s3.formats.zarr.format:Zarr",
}
GROUP = "h5s3.formats"  # entry points: a name, and a class without arguments


def detect(seen: Seen) -> Format | None:
    """The format that knows a location. Raises `H5s3Error` where none does that could be loaded."""
    return next((format_ for format_ in _all() if format_.knows(seen)), None)


def marks() -> tuple[str, ...]:
    """Names of objects below a prefix by which built-in formats know it: they are looked for one by one,
    since a listing may be long, or not to be had."""
    return tuple(mark for name in BUILT_IN for mark in getattr(built_in(name), "marks", ()))


def format_of(names: Sequence[str]) -> str | None:
    """The built-in format of a prefix with these names directly below it; those of prefixes end in `/`."""
    return next((name for name in BUILT_IN if built_in(name).knows(Seen("", names=tuple(names)))), None)


def first() -> Format:
    """The format that says what is wrong with an object that none knows."""
    return built_in(next(iter(BUILT_IN)))


def by_name(name: str) -> Format | None:
    """A format that was detected before."""
    return next((format_ for format_ in _all() if format_.name == name), None)


@cache
def built_in(name: str) -> Format:
    """A format of the table, imported when it is first needed."""
    module, _, kind = BUILT_IN[name].partition(":")
    return cast(Format, getattr(import_module(module), kind)())


@cache
def _foreign() -> tuple[tuple[Format, ...], str]:
    """The formats of other packages, and what is wrong with those that cannot be loaded."""
    from importlib.metadata import entry_points

    found, wrong = [], []
    for point in entry_points(group=GROUP):
        try:
            found.append(point.load()())
        except Exception as error:  # noqa: BLE001 - whatever the code of another package raises
            wrong.append(
                f"the format {point.name} of {point.value} cannot be loaded ({type(error).__name__})"
            )
    return tuple(found), "; ".join(wrong)


def _all() -> Iterator[Format]:
    """Foreign formats are looked for where no built-in one knows a location: that takes time."""
    yield from map(built_in, BUILT_IN)
    found, wrong = _foreign()
    yield from found
    if wrong:
        raise H5s3Error(wrong)
