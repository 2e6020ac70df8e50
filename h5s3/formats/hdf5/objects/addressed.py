"""Objects opened by their addresses: to look names up in a large group reads nodes from all over the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5g, h5r, h5s, h5t

from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile
from h5s3.formats.hdf5.objects.links import Link, Objects, open_link


class Addressed:
    """The objects behind hard links, by references to where they are."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._references: dict[int, h5r.Reference] = {}

    def expect(self, addresses: Sequence[int]) -> None:
        """These objects are opened next."""
        self._references = dict(zip(addresses, _references(addresses), strict=True))

    def open(self, group: h5py.h5g.GroupID, link: Link) -> Objects:
        """The object of a hard link: by its name, where it was not expected or cannot be opened otherwise."""
        found = self._by_reference(h5r.dereference, link)  # None for address 0
        return found if found is not None else open_link(group, link)

    def kind(self, group: h5py.h5g.GroupID, link: Link) -> int:
        """What the object of a hard link is, one of h5g's constants. It is not opened."""
        found = self._by_reference(h5r.get_obj_type, link)
        return int(h5g.get_objinfo(group, link.name).type if found is None else found)

    def _by_reference(self, ask: Callable[[h5r.Reference, Any], Any], link: Link) -> Any:
        """What h5py says of an object by where it is; None where it was not expected, or nothing is said."""
        reference = self._references.get(link.address or 0)
        if reference is None:
            return None
        blocks = self._file.blocks
        misses = blocks.misses
        try:
            return ask(reference, self._file.h5.id)
        except FAILURES:
            if blocks.misses != misses:
                raise
            return None


def _references(addresses: Sequence[int]) -> Sequence[h5r.Reference]:
    """References to objects at these addresses. h5py makes them of names alone, and of what it reads."""
    found = np.empty(len(addresses), dtype=h5py.ref_dtype)
    if addresses:
        with h5py.File("references", "w", driver="core", backing_store=False) as memory:
            space = h5s.create_simple((len(addresses),))
            stored = h5d.create(memory.id, b"references", h5t.STD_REF_OBJ, space)
            stored.write(h5s.ALL, h5s.ALL, np.array(addresses, dtype="<u8"), h5t.STD_REF_OBJ)
            stored.read(h5s.ALL, h5s.ALL, found)
    return found  # type: ignore[return-value]
