"""The walk over everything below a group, for all who need one: breadth first, links before objects.

The objects of a level share their rounds. Whatever fails is an answer like any other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from h5s3.errors import DamagedError, H5s3Error
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import COUNT, Goal
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import Link, Links, open_link
from h5s3.formats.hdf5.objects.packed import Met
from h5s3.formats.names import join, text_of
from h5s3.sizes import MIB

DEEPEST = 200  # levels of one walk; JSON nests as deep
MOST_LINKS = 1_000_000  # of one walk
MOST_TEXT = 128 * MIB  # bytes of the paths, names and targets of one walk
LISTED = 100_000  # links of groups that are listed in the same rounds, before one more is
Owner = TypeVar("Owner")
Answer = TypeVar("Answer")


class Cut(Enum):
    """Which bound ended a walk."""

    LINKS = "links"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Group(Generic[Owner]):
    """A group whose links are wanted: behind `link`, or `parent` itself where there is none."""

    owner: Owner  # what its children belong to
    path: bytes
    parent: Any  # h5g.GroupID
    link: Link | None = None

    def open(self) -> Any:
        """The group itself."""
        return open_link(self.parent, self.link) if self.link else self.parent


@dataclass(frozen=True, slots=True)
class Listing:
    """The links of a group, or why there are none."""

    group: Any = None  # h5g.GroupID
    total: int = 0  # links that the group has
    seen: int = 0  # links that were looked at
    links: Links = field(default_factory=Links)  # those among them that are wanted
    failure: Exception | None = None


class Step(NamedTuple, Generic[Owner]):
    """A link of a group."""

    owner: Owner  # of the group
    path: bytes
    group: Any  # h5g.GroupID
    link: Link


class Walk(ABC, Generic[Owner, Answer]):
    """A walk with its bounds.

    `links_of` and `describe` are pure questions: each may be asked again after a miss. `at_once`: groups or
    links of one wave, which are open at a time. `goal`: what of each object is wanted.
    """

    at_once = MOST_LINKS
    goal: Goal = COUNT

    def __init__(self, file: OpenFile, *, levels: int, links: int, text: int) -> None:
        self.file = file
        self.met = Met()
        self.cut: Cut | None = None
        self.depth = 0  # levels that were walked
        self.links_left = links
        self._levels, self.text_left = levels, text

    @abstractmethod
    def links_of(self, group: Group[Owner]) -> Listing:
        """The links of a group."""

    @abstractmethod
    def describe(self, step: Step[Owner]) -> Answer:
        """What a link leads to."""

    @abstractmethod
    def meet(self, step: Step[Owner], answer: Answer | Exception) -> Owner | None:
        """Take an answer, or why there is none; for a group that is walked, the owner of its children."""

    def wants(self, step: Step[Owner]) -> bool:
        """Whether a link is described."""
        return True

    @abstractmethod
    def unlisted(self, group: Group[Owner], error: Exception) -> None:
        """Take why the links of a group cannot be read."""

    def expected(self, group: Group[Owner]) -> int:
        """How many links a group is likely to have, as far as that is known."""
        return 0

    def before_listing(self, groups: Sequence[Group[Owner]]) -> None:
        """The links of these groups are read next."""

    def ahead(self, addresses: Sequence[int]) -> None:
        """Have these objects here, which are described next."""
        self.file.prefetch_objects(addresses, self.goal)

    def listed(self, group: Group[Owner], listing: Listing, taken: int) -> None:
        """Take what is known of a group before its children are met: so many of its links are taken."""

    def leave(self, group: Group[Owner], listing: Listing) -> None:
        """Take what is known of a group once its children were met."""

    def wave_ended(self) -> None:
        """The answers of a wave were taken."""

    def stopped(self) -> bool:
        """Whether the walk ends at once. Asked between waves."""
        return False

    def share(self, other: Walk[Any, Any]) -> None:
        """Have the bounds of another walk, of which this one is a part."""
        self.links_left, self.text_left = other.links_left, other.text_left

    def descend(self, owner: Owner, path: bytes, group: Any) -> Sequence[Group[Owner]]:
        """Walk what is below a group; the groups whose links were left out, all of one level."""
        level: Sequence[Group[Owner]] = [Group(owner, path, group)]
        while level and self.depth < self._levels and self.cut is None and not self.stopped():
            level = list(self._below(level))
            self.depth += 1
            if level and self.links_left <= 0:
                self.cut = self.cut or Cut.LINKS
        return level

    def _below(self, groups: Sequence[Group[Owner]]) -> Iterator[Group[Owner]]:
        """Meet the children of these groups; the groups among them."""
        for some in self._together(groups):
            self.before_listing(some)
            calls = [partial(self.links_of, group) for group in some]
            listings = gather(self.file.blocks, calls, lambda _, error: Listing(failure=error))
            taken = [self._admit(*pair) for pair in zip(some, listings, strict=True)]
            steps = filter(self.wants, self._steps(some, listings, taken))
            while not self.stopped():
                few = list(islice(steps, self.at_once))
                if not few:
                    break
                yield from self._meet(few)
                self.wave_ended()
            else:
                return
            for group, listing in zip(some, listings, strict=True):
                self.leave(group, listing)

    def _together(self, groups: Iterable[Group[Owner]]) -> Iterator[Sequence[Group[Owner]]]:
        """Groups whose links are listed in the same rounds."""
        some: list[Group[Owner]] = []
        links = 0
        for group in groups:
            some.append(group)
            links += self.expected(group)
            if len(some) >= self.at_once or links >= LISTED:
                yield some
                some, links = [], 0
        if some:
            yield some

    def _admit(self, group: Group[Owner], listing: Listing) -> int:
        """How many links of a group the bounds leave room for."""
        taken = 0
        if self.cut is None:
            if listing.failure is not None:
                self.unlisted(group, listing.failure)
            self.links_left -= listing.seen - len(listing.links)
            taken = self._room(group, listing.links)
        self.listed(group, listing, taken)
        return taken

    def _room(self, group: Group[Owner], links: Links) -> int:
        each = len(join(group.path, b""))
        text = each * len(links) + links.names + links.text
        if len(links) <= self.links_left and text < self.text_left:
            self.links_left -= len(links)
            self.text_left -= text
            return len(links)
        for number, link in enumerate(links):
            self.links_left -= 1
            self.text_left -= each + 2 * len(link.name) + len(link.target) + len(link.target_file)
            if self.links_left < 0 or self.text_left <= 0:
                self.cut = Cut.LINKS if self.links_left < 0 else Cut.TEXT
                return number
        return len(links)

    def _steps(
        self, groups: Sequence[Group[Owner]], listings: Sequence[Listing], taken: Sequence[int]
    ) -> Iterator[Step[Owner]]:
        for group, listing, count in zip(groups, listings, taken, strict=True):
            for link in islice(listing.links, count):
                yield Step(group.owner, join(group.path, link.name), listing.group, link)

    def _meet(self, steps: Sequence[Step[Owner]]) -> Iterator[Group[Owner]]:
        addresses = [step.link.address for step in steps if step.link.address is not None]
        self.ahead(addresses)
        calls = [partial(self.describe, step) for step in steps]
        answers: list[Answer | Exception] = gather(self.file.blocks, calls, lambda _, error: error)
        for step, answer in zip(steps, answers, strict=True):
            owner = self.meet(step, answer)
            if owner is not None:
                yield Group(owner, step.path, step.group, step.link)


def unreadable(path: bytes, error: Exception) -> H5s3Error:
    """What to raise where the links of the very group that was asked for cannot be read."""
    if isinstance(error, H5s3Error):
        return error
    return DamagedError(f"the links of {text_of(path)} cannot be read: {plain_reason(error)}")
