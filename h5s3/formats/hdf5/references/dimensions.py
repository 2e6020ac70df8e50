"""Names of dimensions as xarray takes them: in a group a name means one length, and no array has it twice.

Dimension scales give names (HDF5 Dimension Scale Specification; of coordinates with several dimensions
netCDF's numbers), then labels. What has neither gets a name of its own, made of the array's: two arrays of
the same length need not mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

RENAMED = "_nc4_non_coord_"  # before the name of a variable that is called as a dimension that is not its own
BARE = "This is a netCDF dimension but not a netCDF variable."


@dataclass
class Axes:
    """What an array says of its dimensions. `scales`: addresses of datasets, None where there is none."""

    name: str
    shape: tuple[int, ...]
    address: int
    scales: Sequence[int | None] = ()
    labels: Sequence[str] = ()
    is_scale: bool = False
    number: int | None = None  # that netCDF gave its dimension
    numbers: Sequence[int] = ()  # of the dimensions of a coordinate, by netCDF


@dataclass(frozen=True)
class Scale:
    """A dimension scale. `length`: None for one that may grow, whose dimension may be longer."""

    name: str
    length: int | None


@dataclass
class _Group:
    lengths: dict[str, int] = field(default_factory=dict)
    variables: dict[str, tuple[int, ...]] = field(default_factory=dict)


def name_dimensions(
    group: Sequence[Axes], scales: Mapping[int, Scale], numbers: Mapping[int, int]
) -> list[list[str]]:
    """The dimensions of the arrays of one group.

    `scales`: all scales of the file by their addresses; `numbers`: their addresses by the numbers of
    their dimensions in netCDF.
    """
    known = _Group(variables={one.name: one.shape for one in group})
    order = sorted(range(len(group)), key=lambda number: not group[number].is_scale)
    found: dict[int, list[str]] = {}
    for number in order:
        found[number] = _names(group[number], known, scales, numbers)
    return [found[number] for number in range(len(group))]


def _names(one: Axes, known: _Group, scales: Mapping[int, Scale], numbers: Mapping[int, int]) -> list[str]:
    wanted = _wanted(one, scales, numbers)
    names: list[str] = []
    for axis, length in enumerate(one.shape):
        name = wanted[axis]
        if not name or name in names or not _fits(name, length, known):
            name = _own(f"{one.name}_dim_{axis}", length, known, names)
        known.lengths[name] = length
        names.append(name)
    return names


def _wanted(one: Axes, scales: Mapping[int, Scale], numbers: Mapping[int, int]) -> list[str]:
    """The name that each dimension should have; empty for those without."""
    if len(one.numbers) == len(one.shape) and all(number in numbers for number in one.numbers):
        told = [scales.get(numbers[number]) for number in one.numbers]
    else:
        addresses = [*one.scales, *[None] * len(one.shape)][: len(one.shape)]
        told = [None if address is None else scales.get(address) for address in addresses]
        if told and told[0] is None and one.is_scale:
            told[0] = scales.get(one.address)
    labels = [*one.labels, *[""] * len(one.shape)]
    fitting = [
        scale is not None and scale.length in (None, length)
        for scale, length in zip(told, one.shape, strict=True)
    ]
    return [
        scale.name if scale is not None and fits else "" if scale is not None else label
        for scale, fits, label in zip(told, fitting, labels, strict=False)
    ]


def _fits(name: str, length: int, known: _Group) -> bool:
    """Whether a dimension may have this name: it has no other length, and no scalar is called so."""
    return known.lengths.get(name, length) == length and known.variables.get(name) != ()


def _own(name: str, length: int, known: _Group, taken: Sequence[str]) -> str:
    """A name that nobody has."""
    while name in taken or name in known.variables or name in known.lengths:
        name += "_"
    return name
