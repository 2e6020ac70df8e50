"""Stored and logical bytes: a walk that counts every object once, the chunk indexes in shared rounds."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from h5s3.errors import UsageError
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import address_of, count_links, kind_of, list_hard_links, open_link
from h5s3.formats.hdf5.tree_details import stored_without_index
from h5s3.formats.hdf5.usage_sums import Shown, Sum, document_of, settle_chunks, settle_dataset
from h5s3.formats.hdf5.walk import (
    DEEPEST,
    MOST_LINKS,
    MOST_TEXT,
    Cut,
    Group,
    Listing,
    Step,
    Walk,
    unreadable,
)
from h5s3.formats.names import raw_path, shown_by, text_of
from h5s3.formats.requests import UsageRequest
from h5s3.records import DiskUsage
from h5s3.sizes import MIB

PENDING = 4_000  # chunked datasets whose indexes share rounds
MOST_CHUNKS = 2_000_000  # whose places are remembered for this command
Kind = Literal["group", "dataset", "datatype"]


class _Dataset(NamedTuple):
    """A dataset and, where no index must be read for it, its stored bytes."""

    id: Any
    facts: Facts
    stored: int


_Answer = _Dataset | Kind


def read_usage(file: OpenFile, asked: UsageRequest) -> DiskUsage:
    """What the groups and datasets below a path take. Raises `NotFoundError`, `UsageError` for a link."""
    usage = _Usage(file, asked.depth)
    top = usage.count(raw_path(asked.path))
    return document_of(file, top, usage.shown, usage.notes(), asked)


class _Usage(Walk[Sum, _Answer]):
    """Breadth first, so that an object counts where its path is shortest.

    The owner of a group is what its objects count for: itself, or the nearest group above it that is shown.
    """

    at_once = 20_000

    def __init__(self, file: OpenFile, depth: int) -> None:
        super().__init__(file, levels=DEEPEST, links=MOST_LINKS, text=MOST_TEXT)
        self.shown: list[Sum] = []
        self._depth = depth or DEEPEST
        self._too_deep = False
        self._kinds: dict[int, Kind] = {}
        self._aliases: list[tuple[Sum, int, bytes | None]] = []  # where, of which object, path if shown
        self._pending: list[tuple[Sum, Any, Facts]] = []

    def count(self, path: bytes) -> Sum:
        """The sum of everything below a path."""
        found = self.file.find(path).object
        kind = None if found is None else kind_of(found)
        if kind is None or kind == "datatype":
            what = kind or "link that is not followed"
            raise UsageError(f"{text_of(path)} is a {what}: it holds no data", hint=shown_by(text_of(path)))
        top, address = Sum(path, kind), address_of(found)
        self.met.first(address, path)
        self._kinds[address] = kind
        if kind == "group":
            self.file.prefetch_objects([address], walk(DEEPEST))
            self._too_deep = bool(self.descend(top, path, found))
        else:
            self.shown.append(top)
            self._settle(top, _dataset(found))
        self._read_indexes()
        self._name_aliases()
        return top

    def notes(self) -> list[str]:
        """Where the walk stopped before the end."""
        where = {
            Cut.LINKS: f"{MOST_LINKS:,} links",
            Cut.TEXT: f"{MOST_TEXT // MIB} MiB of paths",
            None: f"{DEEPEST} levels",
        }
        stopped = self.cut or self._too_deep
        return [f"stopped after {where[self.cut]}: what lies beyond is not counted"] if stopped else []

    def links_of(self, group: Group[Sum]) -> Listing:
        opened = group.open()
        total = count_links(opened)
        links, looked = list_hard_links(opened, max(1, self.links_left))
        return Listing(opened, total, looked, links)

    def wants(self, step: Step[Sum]) -> bool:
        """Whether an object was not met before; other links to it are aliases."""
        address = step.link.address or 0
        if self.met.first(address, step.path) is step.path:
            return True
        self._aliases.append((step.owner, address, step.path if self._is_shown(step) else None))
        return False

    def describe(self, step: Step[Sum]) -> _Answer:
        found = open_link(step.group, step.link)
        kind = kind_of(found)
        return _dataset(found) if kind == "dataset" else kind  # a group is opened when its turn comes

    def meet(self, step: Step[Sum], answer: _Answer | Exception) -> Sum | None:
        if isinstance(answer, Exception):
            shown = self._show(step, "unresolved")
            (shown or step.owner).count(unknown=1)
            if shown:
                shown.note = f"cannot be opened: {plain_reason(answer)}"
            return None
        kind: Kind = "dataset" if isinstance(answer, _Dataset) else answer
        self._kinds[step.link.address or 0] = kind
        if kind == "datatype":
            return None
        owner = self._show(step, kind) or step.owner
        if isinstance(answer, _Dataset):
            self._settle(owner, answer)
            return None
        return owner

    def unlisted(self, group: Group[Sum], error: Exception) -> None:
        if group.link is None:
            raise unreadable(group.path, error)
        group.owner.count(unknown=1)
        if group.owner.path == group.path:
            group.owner.note = f"its links cannot be read: {plain_reason(error)}"

    def leave(self, group: Group[Sum], listing: Listing) -> None:
        if listing.seen < listing.total:
            self.cut = self.cut or Cut.LINKS

    def wave_ended(self) -> None:
        if len(self._pending) >= PENDING:
            self._read_indexes()

    def _is_shown(self, step: Step[Sum]) -> bool:
        """Whether what a link leads to is shown: its group is, and not on the last level that is."""
        parent = step.path.rpartition(b"/")[0] or b"/"
        return step.owner.path == parent and step.owner.level < self._depth

    def _show(self, step: Step[Sum], kind: Shown) -> Sum | None:
        """The sum of an object that is shown by itself."""
        if not self._is_shown(step):
            return None
        self.shown.append(Sum(step.path, kind, step.owner))
        return self.shown[-1]

    def _settle(self, owner: Sum, dataset: _Dataset) -> None:
        facts = dataset.facts
        if facts.layout == "chunked" and facts.shape is not None:
            self._pending.append((owner, dataset.id, facts))
        else:
            settle_dataset(owner, facts, dataset.stored)

    def _read_indexes(self) -> None:
        """Count the chunked datasets that wait for it, their indexes read in shared rounds."""
        settle_chunks(self.file, self._pending)
        self._pending.clear()
        self.file.blocks.indexes.bound(MOST_CHUNKS)

    def _name_aliases(self) -> None:
        """Count the hard links that were left out, now that it is known what they lead to."""
        for owner, address, path in self._aliases:
            kind = self._kinds.get(address, "datatype")
            if kind == "datatype":
                continue
            owner.count(aliases=1)
            if path is not None:
                self.shown.append(Sum(path, kind, owner, self.met.first(address, path)))


def _dataset(dataset: Any) -> _Dataset:
    facts = read_facts(dataset)
    return _Dataset(dataset, facts, stored_without_index(dataset, facts) or 0)
