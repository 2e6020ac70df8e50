"""All of an HDF5 file but its data: groups, links, datasets as they are defined, named types, attributes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import h5py
from h5py import h5d, h5f, h5fd, h5g, h5p, h5t

from h5s3.errors import H5s3Error
from h5s3.export.h5 import SafeFile, anew
from h5s3.export.h5_attributes import AttributeCopier
from h5s3.export.h5_properties import dataset_properties, file_properties, group_properties
from h5s3.formats.base import Contents
from h5s3.formats.hdf5.format import Hdf5Contents
from h5s3.formats.hdf5.metadata.node import OBJECT
from h5s3.formats.hdf5.objects.attributes import attribute_names
from h5s3.formats.hdf5.objects.datasets import space_of
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import Link, address_of, kind_of, list_links, open_link
from h5s3.formats.names import join, text_of

TYPES = b"h5s3 named types"  # a group of the copy, for as long as it is made
TOGETHER = 1000  # objects whose headers are fetched in one round


@dataclass
class StructureCopy:
    """What was copied of a file, and what was not."""

    file: OpenFile
    counts: Counter[str] = field(
        default_factory=Counter
    )  # by kind: group, dataset, datatype, link, attribute
    left: list[str] = field(default_factory=list)  # what could not be copied, with the reason
    made: dict[int, bytes] = field(default_factory=dict)  # addresses of objects: their paths in the copy
    tell: Callable[[], object] = lambda: None  # called for every object

    def write(self, stream: BinaryIO) -> None:
        """Into an empty file. Raises `OSError` where that cannot be written, what h5py raises for damage."""
        output = SafeFile(stream.fileno())
        target = _create(self.file, output)
        try:
            self._copy(target)
        except FAILURES:
            if output.error:
                raise output.error from None
            raise
        finally:
            target.close()
        if output.error:
            raise output.error
        _copy_user_block(self.file, stream)

    def _copy(self, target: h5py.File) -> None:
        root = self.file.root
        self.made[address_of(root)] = b"/"
        self._named_types(target)
        for source, path in self._groups(root):
            self._links(target, source, path)
        if self.counts["datatype"]:
            target.id.unlink(TYPES)
        copier = AttributeCopier(self.file, target, self.made, self.left)
        for address, path in self.made.items():
            self.tell()
            self._attributes(copier, target, address, path)
        self.counts["attribute"] = copier.count

    # ---------------------------------------------------------------------------------- the walk

    def _groups(self, root: Any) -> Iterator[tuple[Any, bytes]]:
        """Every group once, those of a level after each other; each is in the copy when it is given."""
        level = [b"/"]
        seen = {address_of(root)}
        while level:
            below: list[bytes] = []
            for path in level:
                group = root if path == b"/" else h5g.open(root, path)
                yield group, path
                for link in self._hard(group):
                    assert link.address is not None
                    new = link.address not in seen and self.made.get(link.address) == join(path, link.name)
                    if new and isinstance(open_link(group, link), h5g.GroupID):
                        below.append(join(path, link.name))
                    seen.add(link.address)
            level = below

    def _hard(self, group: Any) -> Iterator[Link]:
        """The hard links of a group, what they lead to fetched together."""
        links = [link for link in list_links(group) if link.link_class == "hard" and link.address is not None]
        for low in range(0, len(links), TOGETHER):
            part = links[low : low + TOGETHER]
            self.file.prefetch_objects([link.address for link in part if link.address is not None], OBJECT)
            yield from part

    def _named_types(self, target: h5py.File) -> None:
        """Before the datasets that are of them. They get their names when the walk meets them."""
        seen = {address_of(self.file.root)}
        level = [b"/"]
        while level:
            below = []
            for path in level:
                group = h5g.open(self.file.root, path)
                for link in self._hard(group):
                    if link.address in seen:
                        continue
                    seen.add(link.address)  # type: ignore[arg-type]
                    found = self._opened(group, link)
                    if isinstance(found, h5g.GroupID):
                        below.append(join(path, link.name))
                    elif isinstance(found, h5t.TypeID):
                        self._commit(target, found)
            level = below

    def _opened(self, group: Any, link: Link) -> Any:
        try:
            return open_link(group, link)
        except FAILURES:
            return None

    def _commit(self, target: h5py.File, source: Any) -> None:
        place = TYPES + b"/%d" % address_of(source)
        try:
            found = anew(source)
            found.commit(target.id, place, _links_as(place))
        except FAILURES:
            return
        self.made[address_of(source)] = b"/" + place

    # ---------------------------------------------------------------------------------- links, objects

    def _links(self, target: h5py.File, source: Any, path: bytes) -> None:
        group = h5g.open(target.id, path)
        for link in list_links(source):
            self.tell()
            where = join(path, link.name)
            try:
                if link.link_class == "soft":
                    group.links.create_soft(link.name, link.target, _links_as(link.name))
                elif link.link_class == "external":
                    group.links.create_external(
                        link.name, link.target_file, link.target, _links_as(link.name)
                    )
                elif link.link_class == "hard":
                    self._object(target, group, source, link, where)
                else:
                    self.left.append(f"{text_of(where)}: a link that is not followed")
                    continue
                self.counts["link"] += link.link_class in ("soft", "external")
            except (*FAILURES, H5s3Error) as error:
                self.left.append(f"{text_of(where)}: {plain_reason(error)}")

    def _object(self, target: h5py.File, group: Any, source: Any, link: Link, path: bytes) -> None:
        assert link.address is not None
        known = self.made.get(link.address)
        if known is not None:
            group.links.create_hard(link.name, target.id, known, _links_as(link.name))
            if known.startswith(b"/" + TYPES):
                self.made[link.address] = path
                self.counts["datatype"] += 1
            return
        found = open_link(source, link)
        kind = kind_of(found)
        if kind == "group":
            h5g.create(group, link.name, _links_as(link.name), group_properties(found))
        elif kind == "dataset":
            self._dataset(target, group, found, link.name, path)
        else:
            raise ValueError("a named type that cannot be copied")
        self.made[link.address] = path
        self.counts[kind] += 1

    def _dataset(self, target: h5py.File, group: Any, source: Any, name: bytes, path: bytes) -> None:
        properties, notes = dataset_properties(source)
        kind, space = self._type(target, source.get_type()), anew(space_of(source))
        try:
            h5d.create(group, name, kind, space, properties, _links_as(name))
        except FAILURES:
            if not properties.get_nfilters():
                raise
            for number in reversed(range(properties.get_nfilters())):  # some take no options but their own
                properties.remove_filter(properties.get_filter(number)[0])
            h5d.create(group, name, kind, space, properties, _links_as(name))
            notes.append("the filters are left out")
        self.left += [f"{text_of(path)}: {note}" for note in notes]

    def _type(self, target: h5py.File, source: Any) -> Any:
        """A type for the copy: the very one, where it has a name."""
        if source.committed():
            with suppress(*FAILURES):
                known = self.made.get(address_of(source))
                if known is not None:
                    return h5t.open(target.id, known)
        return anew(source)

    def _attributes(self, copier: AttributeCopier, target: h5py.File, address: int, path: bytes) -> None:
        if path.startswith(b"/" + TYPES):
            return
        source = h5py.h5o.open(self.file.root, path)
        if address_of(source) != address:  # a link that was made in between
            return
        made = h5py.h5o.open(target.id, path)
        try:
            names = attribute_names(source)
        except FAILURES:
            self.left.append(f"{text_of(path)}: the attributes cannot be read")
            return
        for name in names:
            copier.copy(source, made, name, text_of(path))


def structure_of(contents: Contents, tell: Callable[[], object]) -> StructureCopy | None:
    """What copies an open location; None where it is not an HDF5 file."""
    return StructureCopy(contents.file, tell=tell) if isinstance(contents, Hdf5Contents) else None


def _create(file: OpenFile, output: SafeFile) -> h5py.File:
    """A new file of the same version and the same kind."""
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    properties, bounds = file_properties(file)
    access.set_libver_bounds(*bounds)
    access.set_fileobj_driver(h5fd.fileobj_driver, output)
    name = os.fsencode(repr(output))
    return h5py.File(h5f.create(name, h5f.ACC_TRUNC, fcpl=properties, fapl=access))


def _copy_user_block(file: OpenFile, stream: BinaryIO) -> None:
    """What stands before the file's signature, where the copy has room for it."""
    with h5py.File(SafeReader(stream.fileno()), "r") as copy:
        size = copy.userblock_size
    if size and size == file.superblock_offset:
        file.blocks.seek(0)
        os.pwrite(stream.fileno(), file.blocks.read(size), 0)


class SafeReader(SafeFile):
    """A file that is read from its beginning to its end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._size = os.fstat(descriptor).st_size


def _links_as(name: bytes) -> Any:
    """How a link of a name is made."""
    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    if not name.isascii():
        links.set_char_encoding(h5t.CSET_UTF8)
    return links
