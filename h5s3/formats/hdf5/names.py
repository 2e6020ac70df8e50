"""Names and kinds of all objects: a walk that opens groups alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from h5py import h5g

from h5s3.formats.hdf5.follow.places import Place, find, reading
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.addressed import Addressed
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile
from h5s3.formats.hdf5.objects.links import address_of, count_links, kind_of, list_links
from h5s3.formats.hdf5.walk import DEEPEST, MOST_LINKS, MOST_TEXT, Group, Listing, Step, Walk, unreadable
from h5s3.formats.names import raw_path, text_of
from h5s3.records import ChildNames, NamedNode

KINDS = {h5g.GROUP: "group", h5g.DATASET: "dataset", h5g.TYPE: "datatype"}
LINKS = {"soft": "soft_link", "external": "external_link"}
FARTHER = 10  # times as far as other walks go: nothing is held of what was told
TOGETHER = 5000  # names of one group that are told together
MANY = 1000  # objects of a wave that are looked up by their addresses


def walk_names(file: OpenFile, take: Callable[[list[NamedNode]], object]) -> None:
    """Give `take` every object and link below the root, level by level; an object is gone into once.

    A group whose links cannot be listed, or that is beyond the bounds of a walk, is told again, as `cut`.
    """
    names, root = _Names(file, take), file.root
    address = address_of(root)
    names.met.first(address, b"/")
    file.prefetch_objects([address], walk(DEEPEST))
    take([NamedNode(kind="group", name="/", path="/")])
    beyond = names.descend(b"/", b"/", root)
    take([_cut(group.path) for group in beyond])


def list_names(file: OpenFile, path: str, take: Callable[[ChildNames], object]) -> int:
    """Give `take` the links of one group; how many it has. Raises what finding and listing it raise."""
    place = find(file, raw_path(path))
    with reading(place):
        return _list_names(place, path, take)


def _list_names(place: Place, path: str, take: Callable[[ChildNames], object]) -> int:
    group, where = place.found.object, raw_path(path)
    if group is None or kind_of(group) != "group":
        return 0
    place.file.prefetch_objects([address_of(group)], walk(1))
    total = count_links(group)
    try:
        links = list_links(group, 0 if total <= MOST_LINKS else MOST_LINKS, targets=False)
    except FAILURES as error:
        place.file.blocks.raise_if_confused(error)
        raise unreadable(where, error) from None
    text = 0
    for first in range(0, len(links), TOGETHER):
        some = [links.brief(number) for number in range(first, min(first + TOGETHER, len(links)))]
        text += sum(len(name) for name, _ in some)
        if text > MOST_TEXT:
            break
        take(ChildNames(names=[text_of(name) for name, _ in some], addresses=[each for _, each in some]))
    return total


class _Names(Walk[bytes, str]):
    """The owner of a link is the path of its group, an answer the kind of an object."""

    at_once = 10_000

    def __init__(self, file: OpenFile, take: Callable[[list[NamedNode]], object]) -> None:
        links, text = FARTHER * MOST_LINKS, FARTHER * MOST_TEXT
        super().__init__(file, levels=DEEPEST, links=links, text=text)
        self._take, self._told = take, list[NamedNode]()
        self._addressed = Addressed(file)

    def links_of(self, group: Group[bytes]) -> Listing:
        opened = group.open()
        total, links = count_links(opened), list_links(opened)
        return Listing(opened, total, len(links), links)

    def ahead(self, addresses: Sequence[int]) -> None:
        super().ahead(addresses)
        if len(addresses) > MANY:
            self._addressed.expect(addresses)

    def describe(self, step: Step[bytes]) -> str:
        if step.link.link_class != "hard":
            return LINKS.get(step.link.link_class, "unresolved")
        return KINDS[self._addressed.kind(step.group, step.link)]

    def meet(self, step: Step[bytes], answer: str | Exception) -> bytes | None:
        kind = "unresolved" if isinstance(answer, Exception) else answer
        node = NamedNode(kind=kind, name=text_of(step.link.name), path=text_of(step.path))
        self._told.append(node)
        address = step.link.address
        if address is not None and self.met.first(address, step.path) is not step.path:
            return None
        return step.path if kind == "group" else None

    def listed(self, group: Group[bytes], listing: Listing, taken: int) -> None:
        if listing.failure is None and taken < listing.total:
            self._told.append(_cut(group.path))

    def unlisted(self, group: Group[bytes], error: Exception) -> None:
        self._told.append(_cut(group.path))

    def wave_ended(self) -> None:
        told, self._told = self._told, []
        self._take(told)

    def leave(self, group: Group[bytes], listing: Listing) -> None:
        self.wave_ended()


def _cut(path: bytes) -> NamedNode:
    text = text_of(path)
    return NamedNode(kind="group", name=text.rpartition("/")[2] or "/", path=text, cut=True)
