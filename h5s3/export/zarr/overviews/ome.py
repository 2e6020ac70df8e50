"""Images with overviews in the words of OME-Zarr, so that its readers find them.

Sources: OME-NGFF 0.4 (for version 2 of Zarr), https://ngff.openmicroscopy.org/0.4/#multiscale-md; 0.5 (for
version 3), https://ngff.openmicroscopy.org/0.5/#multiscale-md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from h5s3.errors import UsageError
from h5s3.records import Json

MOST_AXES = 5
KINDS = {
    "time": {"t", "time", "times", "date"},
    "channel": {"c", "ch", "channel", "channels", "band", "bands", "wavelength"},
    "space": {"x", "y", "z", "depth", "height", "level", "lat", "lon", "latitude", "longitude"},
}
ORDER = ("time", "", "space")  # in which axes come; `channel`, and axes of no kind, in the middle
LEADING = (("space",), ("", "space"), ("time", "channel", "space"))  # by how many there are before an image
Nodes = dict[str, dict[str, Json]]


@dataclass(frozen=True)
class Image:
    """An array of images, the last two dimensions of each, and how many levels it has."""

    path: str
    shape: Sequence[int]
    dimensions: Sequence[str]
    factors: Sequence[int]
    levels: int


def add_images(nodes: Nodes, images: Sequence[Image], version: int) -> None:
    """Name images in the attributes of the store, the largest first: some readers take the first alone.

    Raises `UsageError` where the file has an attribute of that name.
    """
    name, main = ("multiscales", ".zattrs") if version == 2 else ("ome", "zarr.json")
    attributes = nodes[""][main] if version == 2 else nodes[""][main]["attributes"]
    if name in attributes:
        raise UsageError(f"--ome: the group has an attribute {name} of its own", hint="leave --ome out")
    ordered = sorted(images, key=lambda image: -prod(image.shape))
    found: list[Json] = [_multiscale(image, version) for image in ordered]
    attributes[name] = found if version == 2 else {"version": "0.5", "multiscales": found}


def is_image(factors: Sequence[int]) -> bool:
    """Whether overviews with these factors are of images."""
    return len(factors) in range(2, MOST_AXES + 1) and factors[-2] > 1


def _multiscale(image: Image, version: int) -> dict[str, Json]:
    paths = [image.path, *(f"overview/{image.path}/{n}/mean" for n in range(1, image.levels + 1))]
    told = {"version": "0.4"} if version == 2 else {}
    return {
        **told,
        "name": image.path,
        "axes": axes_of(image.dimensions),
        "datasets": [
            {"path": path, "coordinateTransformations": _transformations(image.factors, number)}
            for number, path in enumerate(paths)
        ],
        "type": "mean",
    }


def _transformations(factors: Sequence[int], level: int) -> list[Json]:
    """Pixels of a level in pixels of the image: how large, and where the middle of the first one is."""
    scale: list[Json] = [float(factor**level) for factor in factors]
    found: list[Json] = [{"type": "scale", "scale": scale}]
    if level:
        found.append({"type": "translation", "translation": [(factor**level - 1) / 2 for factor in factors]})
    return found


def axes_of(dimensions: Sequence[str]) -> list[Json]:
    """Names and kinds of the axes. What stands before an image is told by its name, else by its place."""
    before = dimensions[:-2]
    kinds = [next((kind for kind, names in KINDS.items() if name.lower() in names), "") for name in before]
    if not _is_possible(kinds):
        kinds = list(LEADING[len(before) - 1])
    kinds += ["space", "space"]
    return [
        {"name": name, "type": kind} if kind else {"name": name}
        for name, kind in zip(dimensions, kinds, strict=True)
    ]


def _is_possible(kinds: Sequence[str]) -> bool:
    """Whether axes of these kinds may stand before two of space: at most one of each, in order."""
    ranks = [ORDER.index("" if kind == "channel" else kind) for kind in kinds]
    return ranks == sorted(set(ranks))
