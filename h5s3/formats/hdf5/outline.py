"""Everything below a path but its data, for `diff`: what is said of each object, and digests of attributes.

Groups are walked by name, so that of an object with several names the same one comes first in any file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import h5py
from h5py import h5d

from h5s3.errors import H5s3Error, RefusedError
from h5s3.formats.hdf5.fetch.waves import OF_THE_FILE, gather
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.attributes import attribute_names, count_attributes
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.datatypes import describe
from h5s3.formats.hdf5.objects.definitions import Definitions, Outlined
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import (
    Link,
    address_of,
    count_links,
    kind_of,
    list_links,
    misleading,
    open_link,
)
from h5s3.formats.hdf5.objects.reference_names import name_targets
from h5s3.formats.hdf5.walk import DEEPEST, MOST_LINKS, MOST_TEXT, Group, Listing, Step, Walk, unreadable
from h5s3.formats.names import b64_of, raw_path, text_of
from h5s3.formats.requests import OutlineRequest
from h5s3.records import UNSET, Outline, OutlinedObject
from h5s3.sizes import MIB

FEW = 64  # attributes of an object that are read with its header
MOST = 256 * MIB  # bytes of an outline, as JSON
EACH, EACH_ATTRIBUTE = 400, 250  # bytes of an object and of an attribute, beside their texts


def read_outline(file: OpenFile, asked: OutlineRequest) -> Outline:
    """What is below a path. Raises `NotFoundError`, and `RefusedError` where it is more than can be held."""
    raw = raw_path(asked.path)
    found = file.find(raw)
    walked = _Walk(file, raw)
    if found.object is None:
        assert found.link is not None
        walked.objects.append(_of_link(found.link, "/"))
    else:
        walked.top(found.object)
    others = name_targets(file, found)
    return Outline(
        location=file.info.location.display,
        key=file.info.location.shown_key,
        etag=file.info.etag,
        format="hdf5",
        objects=walked.named(others),
        types=walked.definitions.types,
    )


@dataclass
class _Described:
    """An object, what of it waits for the names of others, and how many links a group has."""

    object: OutlinedObject
    waiting: list[Outlined] = field(default_factory=list)
    type_at: int | None = None  # address of the named type that a dataset is of
    links: int = 0
    many: bool = False  # attributes, which are read on their own


class _Walk(Walk[OutlinedObject, _Described]):
    at_once = 10_000

    def __init__(self, file: OpenFile, base: bytes) -> None:
        super().__init__(file, levels=DEEPEST, links=MOST_LINKS, text=MOST_TEXT)
        self.objects: list[OutlinedObject] = []
        self.definitions = Definitions(file.h5.id)
        self._base = base.rstrip(b"/")
        self._left = MOST
        self._waiting: list[_Described] = []
        self._many: list[tuple[OutlinedObject, Any]] = []
        self._counts: dict[str, int] = {}

    def top(self, found: Any) -> None:
        """The object that was asked for, and all below it."""
        address = address_of(found)
        self.met.first(address, self._base or b"/")
        self.file.prefetch_objects([address], walk(DEEPEST))
        described = self._ask(partial(self._describe, found, "/"))
        if isinstance(described, Exception):
            raise described
        described.object.address = address
        self._keep(described, found)
        if kind_of(found) == "group":
            self.descend(described.object, self._base or b"/", found)
        self.wave_ended()
        if self.cut is not None:
            raise _too_much()

    def named(self, others: Any) -> list[OutlinedObject]:
        """The objects, what they point to by its path. `others`: names of what was not walked."""

        def name(address: int) -> str:
            path = self.met.where(address)
            return others(address) if path is None else self._shown(path, dot=bool(self._base))

        for described in self._waiting:
            if described.type_at is not None and described.object.dataset is not UNSET:
                described.object.dataset.type_name = name(described.type_at)
            for one in described.waiting:
                one.name(name)
        return self.objects

    # ------------------------------------------------------------------------------------------ the walk

    def links_of(self, group: Group[OutlinedObject]) -> Listing:
        opened = group.open()
        links = list_links(opened, by_name=True)
        return Listing(opened, len(links), len(links), links)

    def describe(self, step: Step[OutlinedObject]) -> _Described:
        path = self._shown(step.path)
        if step.link.link_class != "hard":
            return _Described(_of_link(step.link, path))
        described = self._describe(open_link(step.group, step.link), path)
        described.object.address = step.link.address if step.link.address is not None else UNSET
        return described

    def meet(self, step: Step[OutlinedObject], answer: _Described | Exception) -> OutlinedObject | None:
        path = self._shown(step.path)
        if isinstance(answer, Exception):
            answer = _Described(OutlinedObject(path=path, kind="unresolved", reason=plain_reason(answer)))
        answer.object.path_b64 = b64_of(step.path)
        if step.link.address is not None:
            first = self.met.first(step.link.address, step.path)
            if first is not step.path:
                alias = OutlinedObject(
                    path=path, kind=answer.object.kind, alias_of=self._shown(first),
                    path_b64=answer.object.path_b64, address=step.link.address,
                )  # fmt: skip
                self._keep(_Described(alias), None)
                return None
        found = open_link(step.group, step.link) if answer.many else None
        self._keep(answer, found)
        self._counts[path] = answer.links
        return answer.object if answer.object.kind == "group" else None

    def _ask(self, call: Callable[[], Any]) -> Any:
        """The answer of a call, or why there is none."""
        (found,) = gather(self.file.blocks, [call], lambda _, error: error)
        return found

    def _keep(self, described: _Described, found: Any) -> None:
        one = described.object
        self.objects.append(one)
        self._left -= EACH + 2 * len(one.path)
        self._left -= sum(EACH_ATTRIBUTE + 2 * len(each.name) for each in one.attributes)
        if described.many:
            self._many.append((one, found))
        if described.waiting or described.type_at is not None:
            self._waiting.append(described)
        if self._left < 0:
            raise _too_much()

    def expected(self, group: Group[OutlinedObject]) -> int:
        return self._counts.pop(group.owner.path, 0)

    def unlisted(self, group: Group[OutlinedObject], error: Exception) -> None:
        if group.link is None:
            raise unreadable(group.path, error)
        group.owner.reason = f"its links cannot be read: {plain_reason(error)}"

    def wave_ended(self) -> None:
        """Read the attributes of objects that have many: each is a question of its own."""
        many, self._many = self._many, []
        for one, found in many:
            names = self._ask(partial(attribute_names, found))
            if isinstance(names, Exception):
                one.reason = _unlisted(names)
                continue
            self._left -= sum(EACH_ATTRIBUTE + 2 * len(name) for name in names)
            if self._left < 0:
                raise _too_much()
            calls = [partial(self.definitions.attribute, found, name) for name in names]
            read: list[Any] = gather(self.file.blocks, calls, lambda _, error: error)
            self._take(one, names, read)

    def _take(self, one: OutlinedObject, names: Sequence[bytes], read: Sequence[Any]) -> None:
        waiting = []
        for name, found in zip(names, read, strict=True):
            made = self.definitions.unread(name, found) if isinstance(found, Exception) else found
            one.attributes.append(made.value)
            if made.pointed:
                waiting.append(made)
        if waiting:
            self._waiting.append(_Described(one, waiting))

    # ---------------------------------------------------------------------------------------- questions

    def _describe(self, found: Any, path: str) -> _Described:
        one = OutlinedObject(path=path, kind=kind_of(found), attributes=[])
        described = _Described(one)
        if isinstance(found, h5d.DatasetID):
            one.dataset = self.definitions.dataset(found, read_facts(found))
            described.type_at = self.definitions.type_at(found)
        elif isinstance(found, h5py.h5g.GroupID):
            described.links = count_links(found)
        else:
            one.datatype = self.definitions.number(describe(found))
        try:
            with self.file.blocks.misses_first():
                self._attributes(described, found)
        except (*FAILURES, *OF_THE_FILE) as error:
            if not isinstance(error, H5s3Error):
                self.file.blocks.raise_if_confused(error)
            one.reason = _unlisted(error)
        return described

    def _attributes(self, described: _Described, found: Any) -> None:
        count = count_attributes(found)
        described.many = count > FEW
        if not count or described.many:
            return
        for name in attribute_names(found):
            made = self.definitions.attribute(found, name)
            described.object.attributes.append(made.value)
            if made.pointed:
                described.waiting.append(made)

    def _shown(self, path: bytes, dot: bool = False) -> str:
        """A path as it is told: from the object that was asked for. `dot`: so that one sees it."""
        inside = path.removeprefix(self._base) or b"/"
        return ("." if dot else "") + text_of(inside)


def _of_link(link: Link, path: str) -> OutlinedObject:
    if link.link_class == "soft":
        return OutlinedObject(path=path, kind="soft_link", target=text_of(link.target))
    if link.link_class == "external":
        target = f"{text_of(link.target_file)}:{text_of(link.target)}"
        return OutlinedObject(path=path, kind="external_link", target=target)
    kind_of_link = "its name is a path" if misleading(link.name) else "a user-defined link"
    return OutlinedObject(path=path, kind="unresolved", target=kind_of_link)


def _unlisted(error: Exception) -> str:
    return f"its attributes cannot be read: {plain_reason(error)}"


def _too_much() -> RefusedError:
    return RefusedError("it has more objects than can be held", hint="give the path of a group in it")
