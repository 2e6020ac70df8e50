"""Names for the objects that references point to, without a search of the whole file.

libhdf5 finds the name of a referenced object by walking every group. Dimension scales, NeXus axes and the
like point to neighbours, so the links of the groups on the way to the object name nearly all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from h5py import h5g, h5o

from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, address_of, get_link, list_links
from h5s3.formats.hdf5.objects.values import Namer, by_address
from h5s3.formats.names import join, text_of
from h5s3.records import Attribute, Json

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
        return known.get(address) or by_address(address)

    return namer


class References:
    """The references in attributes of a walk, named once it is known what they point to.

    `where`: the path of an object that the walk has met, by its address; None for others.
    """

    def __init__(self, where: Callable[[int], bytes | None]) -> None:
        self._where = where
        self._unnamed: list[tuple[Attribute, set[int]]] = []

    def noted(self, read: Callable[[Namer], Attribute]) -> Attribute:
        """An attribute; what it points to and was not met yet is remembered."""
        missing: set[int] = set()

        def namer(address: int) -> str:
            path = self._where(address)
            if path is None:
                missing.add(address)
            return by_address(address) if path is None else text_of(path)

        found = read(namer)
        if missing:
            self._unnamed.append((found, missing))
        return found

    def resolve(self, others: Namer) -> None:
        """Put paths in place of addresses. `others`: names of what the walk has not met."""
        for attribute, addresses in self._unnamed:
            paths = {address: self._where(address) for address in addresses}
            names = {
                by_address(address): others(address) if path is None else text_of(path)
                for address, path in paths.items()
            }
            attribute.value = renamed(attribute.value, names)
        self._unnamed = []


def renamed(value: Json, names: dict[str, str]) -> Json:
    """A value whose texts that are addresses, with a selection behind them or without, are paths."""
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, dict):
        return {key: renamed(item, names) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    address, bracket, selection = value.partition("[")
    return names[address] + bracket + selection if address in names else value


def _neighbours(file: OpenFile, found: Found) -> dict[int, str]:
    names = {address_of(file.root): "/"}
    parts = [part for part in found.path.split(b"/") if part]
    group: Any = file.root
    here = b"/"
    for name in [*parts, b""]:
        for address, path in _links(file, group, here).items():
            names.setdefault(address, path)
        link = get_link(group, name) if name else None
        if link is None or link.link_class != "hard":
            break
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
