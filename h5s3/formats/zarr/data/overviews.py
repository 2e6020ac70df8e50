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
MOST = 1 << 31  # elements of a stretch
Scale = tuple[int, int]  # rows and elements of a stretch
NAMES = ("min", "max", "mean")


def level_of(
    store: Hierarchy, path: str, node: ArrayNode, least: int, share: float = 1.0, image: bool = False
) -> tuple[Scale, list[tuple[str, ArrayNode]]] | None:
    """Of an array the smallest level with so many stretches (of an image: along its longer side): how many
    rows and elements each has, and its arrays with their paths. `share`: of the stretches, that are drawn.

    Only where all metadata came at once: else to look for it would cost rounds.
    """
    group = store.known(f"overview/{path}") if store.consolidated and path else None
    if not isinstance(group, Group):
        return None
    found = None
    for scale, level in _levels(group.attributes.get("multiscales"), len(node.shape)):
        if (scale[0] > 1) is not image:
            continue
        arrays = [
            (f"overview/{path}/{level}/{name}", store.known(f"overview/{path}/{level}/{name}"))
            for name in NAMES
        ]
        factors = (1,) * (len(node.shape) - 2) + (scale if image else scale[1:])
        shape = tuple(-(-n // factor) for n, factor in zip(node.shape, factors, strict=True))
        usual = [(at, one) for at, one in arrays if isinstance(one, ArrayNode) and one.shape == shape]
        same = len(usual) == len(NAMES) and all(one.kind.dtype == node.kind.dtype for _, one in usual[:2])
        size, longest = (prod(shape[-2:]), max(shape[-2:])) if image else (shape[-1], shape[-1])
        if same and size * share <= LARGEST and (found is None or longest >= least):
            found = scale, usual
    return found


def _levels(told: Any, ndim: int) -> Iterator[tuple[Scale, str]]:
    """How many rows and elements a stretch of each level has, and the name of the level."""
    layout = told.get("layout") if isinstance(told, dict) else None
    scales: dict[str, Scale] = {}
    for entry in layout[: MOST_LEVELS * len(NAMES)] if isinstance(layout, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("asset"), str):
            continue
        level, _, name = entry["asset"].partition("/")
        transform = entry.get("transform")
        told = transform.get("scale") if isinstance(transform, dict) else None
        scale = told if isinstance(told, list) else []
        plain = len(scale) == ndim and all(isinstance(n, int | float) and 1 <= n < MOST for n in scale)
        if name != "min" or not plain or prod(scale[:-2]) != 1 or scale[-1] == 1:
            continue
        before = entry.get("derived_from")
        base = scales.get(before.partition("/")[0]) if isinstance(before, str) else (1, 1)
        down, every = [1, *scale][-2:]
        if base and level.isalnum() and float(down).is_integer() and float(every).is_integer():
            scales[level] = base[0] * int(down), base[1] * int(every)
            yield scales[level], level
