"""Overviews beside an array: `overview/NAME/LEVEL/{min,max,mean}`, by the convention `multiscales`.

What a store says of them is held against the shapes of the arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from h5s3.formats.zarr.hierarchy import Hierarchy
from h5s3.formats.zarr.nodes import ArrayNode, Group

MOST_LEVELS = 64
LARGEST = 1 << 20  # stretches of a level that is drawn
NAMES = ("min", "max", "mean")


def level_of(
    store: Hierarchy, path: str, node: ArrayNode, least: int
) -> tuple[int, list[tuple[str, ArrayNode]]] | None:
    """Of an array the smallest level with so many stretches: their length, and its arrays with their paths.

    Only where all metadata came at once: else to look for it would cost rounds.
    """
    group = store.known(f"overview/{path}") if store.consolidated and path else None
    if not isinstance(group, Group):
        return None
    found = None
    for every, level in _levels(group.attributes.get("multiscales"), len(node.shape)):
        arrays = [
            (f"overview/{path}/{level}/{name}", store.known(f"overview/{path}/{level}/{name}"))
            for name in NAMES
        ]
        shape = (*node.shape[:-1], -(-node.shape[-1] // every))
        usual = [(at, one) for at, one in arrays if isinstance(one, ArrayNode) and one.shape == shape]
        same = len(usual) == len(NAMES) and all(one.kind.dtype == node.kind.dtype for _, one in usual[:2])
        if same and shape[-1] <= LARGEST and (found is None or shape[-1] >= least):
            found = every, usual
    return found


def _levels(told: Any, ndim: int) -> Iterator[tuple[int, str]]:
    """How many elements a stretch of each level has, and the name of the level."""
    layout = told.get("layout") if isinstance(told, dict) else None
    scales: dict[str, int] = {}
    for entry in layout[: MOST_LEVELS * len(NAMES)] if isinstance(layout, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("asset"), str):
            continue
        level, _, name = entry["asset"].partition("/")
        transform = entry.get("transform")
        told = transform.get("scale") if isinstance(transform, dict) else None
        scale = told if isinstance(told, list) else []
        plain = len(scale) == ndim and all(isinstance(n, int | float) for n in scale)
        if name != "min" or not plain or prod(scale[:-1]) != 1 or not 1 < scale[-1] < 1 << 31:
            continue
        before = entry.get("derived_from")
        base = scales.get(before.partition("/")[0], 0) if isinstance(before, str) else 1
        if base and level.isalnum() and float(scale[-1]).is_integer():
            scales[level] = base * int(scale[-1])
            yield scales[level], level
