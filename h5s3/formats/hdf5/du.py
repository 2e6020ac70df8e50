"""Stored and logical bytes: a walk that counts every object once, the chunk indexes in shared rounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

from h5s3.errors import DamagedError, H5s3Error, UsageError
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import (
    Found,
    Link,
    address_of,
    count_links,
    kind_of,
    list_hard_links,
    open_link,
)
from h5s3.formats.hdf5.tree import DEEPEST, MOST_TEXT
from h5s3.formats.hdf5.usage_sums import Shown, Sum, document_of, settle_chunks, settle_dataset
from h5s3.formats.names import join, raw_path, text_of
from h5s3.formats.requests import UsageRequest
from h5s3.records import DiskUsage
from h5s3.sizes import MIB

MOST_LINKS = 1_000_000  # of one walk
SLICE = 20_000  # objects that are open at a time, and share rounds
PENDING = 4_000  # chunked datasets whose indexes share rounds
MOST_ROWS = 2_000_000  # chunks whose places are remembered for this command
Kind = Literal["group", "dataset", "datatype"]


class _Open(NamedTuple):
    """A group whose links are wanted: behind `link`, or `parent` itself where there is none."""

    owner: Sum  # what its objects count for: itself, or the nearest group above it that is shown
    path: bytes
    parent: Any  # h5g.GroupID
    link: Link | None


class _Link(NamedTuple):
    """A hard link to an object that was not met before."""

    owner: Sum
    path: bytes
    group: Any  # h5g.GroupID
    link: Link


@dataclass
class _Met:
    """An object: a dataset with its header and, where no index must be read for it, its stored bytes."""

    kind: Kind | None = None
    object: Any = None
    facts: Facts | None = None
    stored: int = 0
    failure: Exception | None = None


@dataclass
class _Listed:
    """The links of a group, or why there are none."""

    group: Any = None
    total: int = 0
    links: list[Link] = field(default_factory=list)  # the hard ones
    looked: int = 0  # links that were looked at
    failure: Exception | None = None


@dataclass
class Walked:
    """What a walk found: the sum of it all, and those of the objects to be shown."""

    top: Sum
    shown: list[Sum]
    cut: list[str]  # where the walk stopped before the end


def read_usage(file: OpenFile, asked: UsageRequest) -> DiskUsage:
    """What the groups and datasets below a path take. Raises `NotFoundError`, `UsageError` for a link."""
    walked = Walk(file, asked.depth).run(asked.path)
    return document_of(file, walked.top, walked.shown, walked.cut, asked)


class Walk:
    """Breadth first, so that an object counts where its path is shortest."""

    def __init__(self, file: OpenFile, depth: int) -> None:
        self._file = file
        self._depth = depth or DEEPEST
        self._left, self._text = MOST_LINKS, MOST_TEXT
        self._seen: dict[int, bytes] = {}
        self._kinds: dict[int, Kind] = {}
        self._aliases: list[tuple[Sum, int, bytes | None]] = []  # where, of which object, path if shown
        self._shown: list[Sum] = []
        self._pending: list[tuple[Sum, Any, Facts]] = []
        self._cut: list[str] = []

    def run(self, path: str) -> Walked:
        """The sums below a path."""
        raw = raw_path(path)
        found = self._file.find(raw)
        kind = None if found.object is None else kind_of(found.object)
        if kind is None or kind == "datatype":
            what = kind or "link that is not followed"
            raise UsageError(f"{text_of(raw)} is a {what}: it holds no data", hint="try: h5s3 tree")
        top, address = Sum(raw, kind), address_of(found.object)
        self._seen[address], self._kinds[address] = raw, kind
        if kind == "group":
            self._descend(_Open(top, raw, found.object, None))
        else:
            self._dataset_alone(top, found)
        self._flush()
        self._name_aliases()
        return Walked(top, self._shown, self._cut)

    def _dataset_alone(self, top: Sum, found: Found) -> None:
        self._shown.append(top)
        self._settle(top, _met(found.object, read_facts(found.object)))

    def _descend(self, top: _Open) -> None:
        self._file.prefetch_objects([address_of(top.parent)], walk(DEEPEST))
        level, depth = [top], 0
        while level and self._left > 0 and depth < DEEPEST:
            level, depth = self._below(level, depth == 0), depth + 1
        if level and not self._cut:
            self._stop(f"{DEEPEST} levels" if self._left > 0 else f"{MOST_LINKS:,} links")

    def _stop(self, where: str) -> None:
        self._left = 0
        self._cut[:] = [f"stopped after {where}: what lies beyond is not counted"]

    def _below(self, groups: list[_Open], first: bool) -> list[_Open]:
        """Account for the objects of these groups; the groups among them are the next level."""
        wanted: list[_Link] = []
        for opened, found in zip(groups, self._list(groups), strict=True):
            if found.failure is not None:
                self._unlisted(opened, found.failure, first)
            wanted += self._new(opened, found.group, found.links[: self._left])
            if self._text <= 0:
                break
            if found.looked < found.total or found.looked > self._left:
                self._stop(f"{MOST_LINKS:,} links")
            else:
                self._left -= found.looked
        below: list[_Open] = []
        for start in range(0, len(wanted), SLICE):
            below += self._meet(wanted[start : start + SLICE])
        return below

    def _list(self, groups: list[_Open]) -> list[_Listed]:
        calls = [partial(self._links, opened) for opened in groups]
        return gather(self._file.blocks, calls, lambda _, error: _Listed(failure=error))

    def _links(self, opened: _Open) -> _Listed:
        group = open_link(opened.parent, opened.link) if opened.link else opened.parent
        return _Listed(group, count_links(group), *list_hard_links(group, self._left))

    def _unlisted(self, opened: _Open, failure: Exception, first: bool) -> None:
        if first:
            if isinstance(failure, H5s3Error):
                raise failure
            raise DamagedError(f"the links of {text_of(opened.path)} cannot be read: {plain_reason(failure)}")
        opened.owner.count(unknown=1)
        if opened.owner.path == opened.path:
            opened.owner.note = f"its links cannot be read: {plain_reason(failure)}"

    def _new(self, opened: _Open, group: Any, links: list[Link]) -> list[_Link]:
        """The hard links of a group that lead to what was not met before; the others are aliases."""
        wanted = []
        for link in links:
            if link.address is None:
                continue
            path = join(opened.path, link.name)
            self._text -= len(path)
            if self._text <= 0:
                self._stop(f"{MOST_TEXT // MIB} MiB of paths")
                break
            if link.address in self._seen:
                self._aliases.append((opened.owner, link.address, path if self._is_shown(opened) else None))
                continue
            self._seen[link.address] = path
            wanted.append(_Link(opened.owner, path, group, link))
        return wanted

    def _meet(self, links: list[_Link]) -> list[_Open]:
        self._file.prefetch_objects(item.link.address for item in links if item.link.address is not None)
        calls = [partial(_open, item) for item in links]
        below = []
        answers = gather(self._file.blocks, calls, lambda _, error: _Met(failure=error))
        for item, met in zip(links, answers, strict=True):
            kind = met.kind
            if kind is not None and item.link.address is not None:
                self._kinds[item.link.address] = kind
            if kind == "datatype":
                continue
            shown = self._shown_as(item, kind or "unresolved")
            if kind == "group":
                below.append(_Open(shown or item.owner, item.path, item.group, item.link))
            else:
                self._settle(shown or item.owner, met, item.path)
        if len(self._pending) >= PENDING:
            self._flush()
        return below

    def _is_shown(self, opened: _Open) -> bool:
        """Whether what a group holds is shown: the group is, and not on the last level that is."""
        return opened.owner.path == opened.path and opened.owner.level < self._depth

    def _shown_as(self, item: _Link, kind: Shown) -> Sum | None:
        """The sum of an object that is shown by itself."""
        parent = item.path.rpartition(b"/")[0] or b"/"
        if item.owner.path != parent or item.owner.level >= self._depth:
            return None
        found = Sum(item.path, kind, item.owner)
        self._shown.append(found)
        return found

    def _settle(self, owner: Sum, met: _Met, path: bytes | None = None) -> None:
        alone = path is None or owner.path == path
        if met.facts is None:
            owner.count(unknown=1)
            if alone and met.failure is not None:
                owner.note = f"cannot be opened: {plain_reason(met.failure)}"
        elif met.facts.layout == "chunked" and met.facts.shape is not None:
            self._pending.append((owner, met.object, met.facts))
        else:
            settle_dataset(owner, met.facts, met.stored)

    def _flush(self) -> None:
        """Read the chunk indexes that are waited for, in shared rounds."""
        settle_chunks(self._file, self._pending)
        self._pending.clear()
        self._file.blocks.indexes.bound(MOST_ROWS)

    def _name_aliases(self) -> None:
        """Count the hard links that were left out, now that it is known what they lead to."""
        for owner, address, path in self._aliases:
            kind = self._kinds.get(address, "datatype")
            if kind == "datatype":
                continue
            owner.count(aliases=1)
            if path is not None:
                self._shown.append(Sum(path, kind, owner, self._seen[address]))


def _open(item: _Link) -> _Met:
    """What a link leads to. A pure question: it may be asked again after a miss."""
    found = open_link(item.group, item.link)
    kind = kind_of(found)
    if kind != "dataset":
        return _Met(kind)  # not kept open: its turn comes with its level
    return _met(found, read_facts(found))


def _met(dataset: Any, facts: Facts) -> _Met:
    """A dataset. libhdf5 would open the sources of a virtual one to add up their sizes: never let it."""
    here = facts.layout in ("contiguous", "compact") and facts.shape is not None
    return _Met("dataset", dataset, facts, int(dataset.get_storage_size()) if here else 0)
