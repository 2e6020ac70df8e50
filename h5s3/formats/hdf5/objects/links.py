"""Links before objects: what a group holds, told without opening any of it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, overload

import h5py
from h5py import h5g, h5l, h5o, h5p

from h5s3.errors import NotFoundError, RefusedError
from h5s3.formats.hdf5.objects.packed import Packed, sorted_order
from h5s3.formats.names import nearest, shown_by, text_of, unescaped

LinkClass = Literal["hard", "soft", "external", "other"]
MOST_NAMES = 1000  # that are looked at for the one that was meant
MANY = 10_000  # links of a group that libhdf5 does not put in order: it takes 100 bytes for each
MOST_SOFT_LINKS = 40  # followed for one path, as POSIX systems do
CLASSES: dict[int, LinkClass] = {h5l.TYPE_HARD: "hard", h5l.TYPE_SOFT: "soft", h5l.TYPE_EXTERNAL: "external"}
Objects: TypeAlias = Any  # h5g.GroupID, h5d.DatasetID or h5t.TypeID


class LeadsNowhereError(NotFoundError):
    """A soft link to what is not there, or that lies behind a link that is not followed."""


class Link(NamedTuple):
    """One link of a group. `address` is of the object header (hard links); `target` of the others."""

    name: bytes
    link_class: LinkClass
    address: int | None = None
    target: bytes = b""
    target_file: bytes = b""


class Links(Sequence[Link]):
    """Links of a group, a million of them in some 40 MB."""

    def __init__(self) -> None:
        self._names, self._targets = Packed(), Packed()
        self._kinds = bytearray()
        self._numbers = array("Q")  # the address of a hard link; of the others where their targets stand

    @property
    def text(self) -> int:
        """Bytes of all names and targets."""
        return self._names.size + self._targets.size

    @property
    def names(self) -> int:
        """Bytes of all names."""
        return self._names.size

    def add(self, name: bytes, kind: LinkClass, address: int | None) -> None:
        """Append one; where it leads follows by `read_targets`, if it is not hard."""
        self._names.add(name)
        self._kinds.append(_KINDS.index(kind))
        self._numbers.append(address or 0)

    def sort(self) -> None:
        """Put links by name that have no targets yet."""
        order = sorted_order(self._names)
        names = Packed()
        for number in order:
            names.add(self._names[number])
        self._names = names
        self._kinds = bytearray(map(self._kinds.__getitem__, order))
        self._numbers = array("Q", map(self._numbers.__getitem__, order))

    def read_targets(self, group: h5g.GroupID) -> None:
        """Read where links lead that are not hard: a look-up for each."""
        for number, kind in enumerate(self._kinds):
            if kind in (_SOFT, _EXTERNAL):
                link = _link(group, self._names[number], _KINDS[kind], None)
                self._numbers[number] = len(self._targets)
                self._targets.add(link.target)
                self._targets.add(link.target_file)

    def brief(self, number: int) -> tuple[bytes, int]:
        """The name of a link, and the address of one that is hard (else 0): no targets are needed for it."""
        return self._names[number], self._numbers[number] if self._kinds[number] == _HARD else 0

    def __len__(self) -> int:
        return len(self._kinds)

    @overload
    def __getitem__(self, index: int) -> Link: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Link]: ...
    def __getitem__(self, index: int | slice) -> Link | Sequence[Link]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        name, kind, number = self._names[index], self._kinds[index], self._numbers[index]
        if kind == _HARD:
            return Link(name, "hard", number)
        if kind == _OTHER:
            return Link(name, "other")
        return Link(name, _KINDS[kind], None, self._targets[number], self._targets[number + 1])

    def __iter__(self) -> Iterator[Link]:
        return map(self.__getitem__, range(len(self)))


_KINDS: tuple[LinkClass, ...] = ("hard", "soft", "external", "other")
_HARD, _SOFT, _EXTERNAL, _OTHER = range(4)


@dataclass(frozen=True)
class Found:
    """Where a path led: through which links, to which object or link."""

    path: bytes  # as asked for, absolute
    parent: h5g.GroupID
    link: Link | None  # None: the root group
    object: Objects | None  # None: a link that is not followed, or leads nowhere


def kind_of(found: Objects) -> Literal["group", "dataset", "datatype"]:
    """What an open object is."""
    if isinstance(found, h5g.GroupID):
        return "group"
    return "dataset" if isinstance(found, h5py.h5d.DatasetID) else "datatype"


def address_of(found: Objects) -> int:
    """Address of the header of an open object, relative to the superblock.

    Not by `h5o.get_info`: that adds up the size of the object's indexes, and reads all of them to do so.
    """
    low, high = h5g.get_objinfo(found).objno
    return int(low) | int(high) << 32


def count_links(group: h5g.GroupID) -> int:
    """Number of links of a group."""
    return int(group.get_num_objs())


def list_links(
    group: h5g.GroupID, limit: int = 0, by_name: bool = False, first: int = 0, targets: bool = True
) -> Links:
    """`limit` links (0: all) from the `first` on, in h5py's order: of creation where tracked, else by name.

    `by_name`: all of them, by name in any case. `targets`: also where links lead that are not hard.
    """
    found = Links()
    if by_name or (not limit and not first and count_links(group) >= MANY and not tracks_creation(group)):
        group.links.iterate(_visitor(found.add), info=True, order=h5py.h5.ITER_NATIVE)
        found.sort()
    else:
        _iterate(group, limit, found.add, first)
    if targets:
        found.read_targets(group)
    return found


def list_hard_links(group: h5g.GroupID, limit: int = 0) -> tuple[Links, int]:
    """The hard ones among the first `limit` links (0: all), and how many links were looked at.

    The others are not read: where they lead takes a look-up for each.
    """
    found = Links()

    def take(name: bytes, kind: LinkClass, address: int | None) -> None:
        if kind == "hard":
            found.add(name, kind, address)

    return found, _iterate(group, limit, take)


def _iterate(
    group: h5g.GroupID, limit: int, take: Callable[[bytes, LinkClass, int | None], None], first: int = 0
) -> int:
    """Give name, kind and address of links to `take`, from the `first` on; how many were looked at."""
    looked = 0

    def counted(name: bytes, kind: LinkClass, address: int | None) -> bool:
        nonlocal looked
        if looked >= first:
            take(name, kind, address)
        looked += 1
        return bool(limit) and looked == first + limit

    order = h5py.h5.INDEX_CRT_ORDER if tracks_creation(group) else h5py.h5.INDEX_NAME
    group.links.iterate(_visitor(counted), info=True, idx_type=order)
    return looked


def _visitor(take: Callable[[bytes, LinkClass, int | None], bool | None]) -> Callable[..., bool | None]:
    def visit(name: bytes, info: h5l.LinkInfo) -> bool | None:
        # h5py reuses `info` for the next link: it is read here or never
        kind = "other" if misleading(name) else CLASSES.get(info.type, "other")
        return take(name, kind, int(info.u) if kind == "hard" else None) or None

    return visit


def tracks_creation(group: h5g.GroupID) -> bool | None:
    """Whether a group tracks the order in which its links were made; None where damage hides just that."""
    try:
        return bool(group.get_create_plist().get_link_creation_order() & h5p.CRT_ORDER_TRACKED)
    except (RuntimeError, ValueError):
        return None


def _link(group: h5g.GroupID, name: bytes, kind: LinkClass, address: int | None) -> Link:
    if kind == "soft":
        return Link(name, kind, target=group.links.get_val(name))
    if kind == "external":
        file, path = group.links.get_val(name)
        return Link(name, kind, target=path, target_file=file)
    return Link(name, kind, address)


def misleading(name: bytes) -> bool:
    """Whether HDF5 takes a link's name for a path, which leads elsewhere: through an external link, perhaps.

    No library writes such a name. To ask for it by name is the only way to its object.
    """
    return b"/" in name or name in (b"", b".")


def get_link(group: h5g.GroupID, name: bytes) -> Link | None:
    """One link by name, or None."""
    if misleading(name) or not group.links.exists(name):
        return None
    info = group.links.get_info(name)
    kind = CLASSES.get(info.type, "other")
    return _link(group, name, kind, int(info.u) if kind == "hard" else None)


def open_link(group: h5g.GroupID, link: Link) -> Objects:
    """The object of a hard link. No other class of link is ever opened."""
    return h5o.open(group, link.name)


def resolve(root: h5g.GroupID, path: bytes, ahead: Callable[[int, int], None] = lambda *_: None) -> Found:
    """Walk a path link by link. Soft links are followed inside the file, external ones never.

    `ahead` gets the address of each object before it is opened, and how many levels remain (at last 0).
    Raises `NotFoundError` where a part is missing, `RefusedError` where the path goes on through a link
    that is not followed.
    """
    parts = parts_of(path)
    here: Objects = root
    parent, link = root, None
    ahead(address_of(root), len(parts))
    for position, name in enumerate(parts):
        where = b"/" + b"/".join(parts[: position + 1])
        parent = as_group(here, where)
        link = get_link(parent, name) or get_link(parent, unescaped(name))
        if link is None:
            raise not_there(parent, where, path if position + 1 < len(parts) else b"")
        if link.address is not None:
            ahead(link.address, len(parts) - position - 1)
        target = _target(root, parent, link)
        if target is None:
            if position + 1 < len(parts):
                raise stopped(where, link)
            return Found(path, parent, link, None)
        here = target
    return Found(path, parent, link, here)


def not_there(parent: h5g.GroupID, where: bytes, asked: bytes = b"") -> NotFoundError:
    """The error for a path whose last part is not in its group, with the name that may have been meant.
    `asked`: the path that was asked for, where it goes on."""
    folder, _, name = where.rpartition(b"/")
    cause = f"no {text_of(where)} in the file" + (f" (asked: {text_of(asked)})" if asked else "")
    names: list[str] = []
    try:
        _iterate(parent, MOST_NAMES, lambda other, *_: names.append(text_of(other)))
    except (OSError, RuntimeError, ValueError, KeyError):
        names = []  # of a damaged group
    meant = nearest(text_of(name), names)
    if meant is not None:
        return NotFoundError(cause, hint=f"did you mean {text_of(folder)}/{meant}?")
    return NotFoundError(cause, hint=shown_by(text_of(folder) or "/"))


def _target(root: h5g.GroupID, group: h5g.GroupID, link: Link) -> Objects | None:
    """The object that a link leads to inside this file, or None."""
    if link.link_class == "hard":
        return open_link(group, link)
    if link.link_class == "soft":
        return _follow(root, group, link, [MOST_SOFT_LINKS])
    return None


def _follow(root: h5g.GroupID, group: h5g.GroupID, link: Link, hops: list[int]) -> Objects | None:
    hops[0] -= 1
    here: Objects | None = root if link.target.startswith(b"/") else group
    for name in parts_of(link.target):
        if hops[0] < 0 or not isinstance(here, h5g.GroupID):
            return None
        step = get_link(here, name)
        if step is None or step.link_class in ("external", "other"):
            return None
        here = open_link(here, step) if step.link_class == "hard" else _follow(root, here, step, hops)
    return here


def parts_of(path: bytes) -> list[bytes]:
    """The names of a path."""
    return [part for part in path.split(b"/") if part not in (b"", b".")]


def as_group(here: Objects, where: bytes) -> h5g.GroupID:
    """What a path goes on from to `where`. Raises `NotFoundError` where it is no group."""
    if not isinstance(here, h5g.GroupID):
        parent = text_of(where.rpartition(b"/")[0])
        raise NotFoundError(f"no {text_of(where)} in the file: {parent} is not a group")
    return here


def stopped(path: bytes, link: Link) -> NotFoundError | RefusedError:
    """Why a path ends at a link that is not followed, or that leads nowhere."""
    if link.link_class == "soft":
        return LeadsNowhereError(f"the soft link {text_of(path)} leads nowhere ({text_of(link.target)})")
    return _refuse(path, link)


def _refuse(path: bytes, link: Link) -> RefusedError:
    if link.link_class == "external":
        target = f"{text_of(link.target_file)}:{text_of(link.target)}"
        cause = f"{text_of(path)} is an external link to {target}, which is not followed"
        return RefusedError(cause, hint="tree, meta, preview and get follow it with --follow")
    return RefusedError(f"{text_of(path)} is a user-defined link, which is never followed")
