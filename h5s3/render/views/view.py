"""The lines of a view, for a terminal, a pipe, or a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from h5s3.records import UNSET, Tree
from h5s3.render.columns import Line
from h5s3.render.console import Symbols
from h5s3.render.views.cdl import cdl_lines
from h5s3.render.views.items import item_lines

ENDS = (".nc4", ".nc", ".h5", ".hdf5", ".hdf", ".cdf", ".he5")


def view_lines(tree: Tree, width: int, symbols: Symbols) -> Iterator[Line]:
    """What a tree holds by its convention, if it was asked for."""
    found = tree.convention
    if found is UNSET:
        return
    if found.view == "netcdf":
        name = (tree.key if tree.path == "/" else tree.path).rstrip("/").rpartition("/")[2] or "file"
        for end in ENDS:
            name = name.removesuffix(end)
        yield from cdl_lines(found, name, tree.location)
    else:
        yield from item_lines(tree, found, width, symbols)
