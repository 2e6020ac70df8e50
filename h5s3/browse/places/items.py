"""What stands in the tree: places in the storage, and below files the objects inside them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

from h5s3.errors import DamagedError, NotFoundError
from h5s3.explore.ls import arriving
from h5s3.explore.questions import Question
from h5s3.explore.session import Session
from h5s3.records import DatasetNode, Entry, GroupNode, TreeNode, kind_of
from h5s3.storage.location import Location, parse_location

Kind = Literal["account", "bucket", "prefix", "file", "node"]


@dataclass(frozen=True, eq=False)
class Item:
    """A place in the storage (`entry` says what was listed of it), or an object inside a file (`node`)."""

    kind: Kind
    name: str
    location: Location
    path: str = "/"  # inside the file
    entry: Entry | None = None
    node: TreeNode | None = None
    known: bool = True  # of a member of a large group for a while the name alone is

    @property
    def inside(self) -> bool:
        """Whether it is a file, or in one: it can be looked at."""
        return self.kind in ("file", "node")

    @property
    def opens(self) -> bool:
        """Whether something may be below it."""
        if self.node is None:
            return True
        return isinstance(self.node, GroupNode) and self.node.num_children > 0

    @property
    def is_array(self) -> bool:
        """Whether it has values of its own; of a file that is not known."""
        return isinstance(self.node, DatasetNode)

    @property
    def word(self) -> str:
        """What it is: `bucket`, `dataset`, `soft link` …"""
        return self.kind if self.node is None else kind_of(self.node).replace("_", " ")

    @property
    def key(self) -> tuple[Location, str]:
        """Where it is."""
        return self.location, self.path if self.inside else ""

    def named(self, node: TreeNode) -> Item:
        """A child of this file or group."""
        return Item("node", node.name, self.location, node.path, node=node)


def of_entry(parent: Location, entry: Entry) -> Item:
    """The item of what was listed at a location."""
    uri = entry.uri if isinstance(entry.uri, str) else entry.key
    name = entry.key.rstrip("/").rpartition("/")[2] or entry.key
    if parent.kind == "s3":
        place = Location("s3", entry.key, parent.bucket) if parent.bucket else Location("s3", "", entry.key)
    else:
        place = Location("local", uri) if parent.kind == "local" else parse_location(uri)
    if entry.type == "bucket":
        return Item("bucket", name, place, entry=entry)
    store = isinstance(entry.format, str)
    return Item("prefix" if entry.type == "prefix" and not store else "file", name, place, entry=entry)


def starting(session: Session, location: Location) -> Item:
    """What a location is: buckets, a bucket, a prefix or a file. Raises what the storage raises."""
    if location.kind == "s3" and not location.bucket:
        return Item("account", "s3://", location)
    if location.kind == "s3" and not location.key:
        return Item("bucket", location.bucket, location)
    folder = location.key.endswith("/") or (location.kind == "local" and os.path.isdir(location.key))
    try:
        session.resolve(location)
    except (NotFoundError, DamagedError):
        below = location if location.key.endswith("/") else location.below
        if not folder and not next(iter(arriving(session, below, Question(limit=1)).pages), ()):
            raise
        return Item("prefix", location.name, below)
    return Item("file", location.name, location)


def parent_of(item: Item) -> Item | None:
    """What holds the item; None for all buckets, and what has no place above it."""
    place = item.location
    if item.kind == "node" and item.path.strip("/"):
        above = item.path.rstrip("/").rpartition("/")[0]
        if not above:
            return Item("file", place.name, place)
        return Item("node", above.rpartition("/")[2], place, above)
    if place.kind == "s3":
        if not place.bucket:
            return None
        if not place.key:
            return Item("account", "s3://", replace(place, bucket=""))
        above = place.key.rstrip("/").rpartition("/")[0]
        found = replace(place, key=above + "/" if above else "", version_id=None)
        return Item("prefix" if above else "bucket", found.name if above else place.bucket, found)
    if place.kind == "local":
        above = os.path.dirname(os.path.abspath(place.key))
        return Item("prefix", os.path.basename(above) or above, Location("local", above)) if above else None
    return None
