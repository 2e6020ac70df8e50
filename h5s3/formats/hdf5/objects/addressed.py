"""Objects opened by their addresses: to look names up in a large group reads nodes from all over the file."""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np
from h5py import h5d, h5r, h5s, h5t

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
        reference = self._references.get(link.address or 0)
        if reference is None:
            return open_link(group, link)
        blocks = self._file.blocks
        misses = blocks.misses
        try:
            found = h5r.dereference(reference, self._file.h5.id)  # None for address 0
        except FAILURES:
            if blocks.misses != misses:
                raise
            found = None
        return found if found is not None else open_link(group, link)


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
