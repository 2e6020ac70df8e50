"""Names for the objects that references point to, without a search of the whole file.

libhdf5 finds the name of a referenced object by walking every group. Dimension scales, NeXus axes and the
like point to neighbours, so the links of the groups on the way to the object name nearly all of them.
"""

from __future__ import annotations

from typing import Any

from h5py import h5g

from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, get_link, list_links
from h5s3.formats.hdf5.objects.values import Namer
from h5s3.formats.names import join, text_of

MOST_NEIGHBOURS = 1000  # links of one group that are looked at


def name_targets(file: OpenFile, found: Found) -> Namer:
    """Paths for addresses, from the groups between the root and the object; `@address` for the others."""
    known: dict[int, str] = {}
    ready = False

    def namer(address: int) -> str:
        nonlocal ready
        if not ready:
            known.update(_neighbours(file, found))
            ready = True
        return known.get(address, f"@{address}")

    return namer


def _neighbours(file: OpenFile, found: Found) -> dict[int, str]:
    names: dict[int, str] = {}
    parts = [part for part in found.path.split(b"/") if part]
    group: Any = file.root
    here = b"/"
    for name in [*parts, b""]:
        for address, path in _links(file, group, here).items():
            names.setdefault(address, path)
        link = get_link(group, name) if name else None
        if link is None or link.link_class != "hard":
            break
        from h5py import h5o

        group, here = h5o.open(group, name), join(here, name)
        if not isinstance(group, h5g.GroupID):
            break
    return names


def _links(file: OpenFile, group: Any, path: bytes) -> dict[int, str]:
    try:
        with file.blocks.misses_first():
            links = list_links(group, MOST_NEIGHBOURS)
    except (OSError, RuntimeError, KeyError, ValueError):
        return {}
    return {link.address: text_of(join(path, link.name)) for link in links if link.address is not None}
