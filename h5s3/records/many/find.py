"""What `find` returns."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from h5s3.records.base import Document, Record
from h5s3.records.tree import (
    DatasetNode,
    DatatypeNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    TreeNode,
    UnresolvedNode,
)

# Each kind of node with the file that it is in: a Struct has but one base with fields.


class FoundGroup(GroupNode, tag="group", kw_only=True):
    """A group that matches, and its file."""

    location: str
    key: str
    etag: str | None


class FoundDataset(DatasetNode, tag="dataset", kw_only=True):
    """A dataset that matches, and its file."""

    location: str
    key: str
    etag: str | None


class FoundDatatype(DatatypeNode, tag="datatype", kw_only=True):
    """A named datatype that matches, and its file."""

    location: str
    key: str
    etag: str | None


class FoundSoftLink(SoftLinkNode, tag="soft_link", kw_only=True):
    """A soft link that matches, and its file."""

    location: str
    key: str
    etag: str | None


class FoundExternalLink(ExternalLinkNode, tag="external_link", kw_only=True):
    """An external link that matches, and its file."""

    location: str
    key: str
    etag: str | None


class FoundUnresolved(UnresolvedNode, tag="unresolved", kw_only=True):
    """What matches and could not be opened, and its file."""

    location: str
    key: str
    etag: str | None


class NamedNode(Record, kw_only=True, gc=False):
    """An object or a link, as far as names tell. `cut`: not all of the group's children were looked at."""

    kind: str
    name: str
    path: str
    cut: bool = False


class FoundName(NamedNode, kw_only=True, gc=False):
    """One that matches, and its file."""

    location: str
    key: str
    etag: str | None


class Names(Document, kw_only=True):
    """The names in a file: what the cache keeps of it."""

    nodes: list[NamedNode]


Match = FoundGroup | FoundDataset | FoundDatatype | FoundSoftLink | FoundExternalLink | FoundUnresolved
_KINDS: dict[type, type] = {kind.__base__: kind for kind in Match.__args__}


def match(node: TreeNode, location: str, key: str, etag: str | None) -> Match:
    """A node, without its children, as a match in a file."""
    fields = {name: getattr(node, name) for name in node.__struct_fields__ if name != "children"}
    return cast(Match, _KINDS[type(node)](**fields, location=location, key=key, etag=etag))


class FoundFile(Record, kw_only=True):
    """A file that has matches, or lacks what was asked for."""

    location: str
    key: str
    etag: str | None
    num_matches: int


class Searched(Record, kw_only=True):
    """How many files were looked into. `cached`: without reading them; `other`: objects with other names."""

    searched: int = 0
    cached: int = 0
    failed: int = 0
    other: int = 0


class FileFailure(Record, kw_only=True):
    """A file that could not be looked into, and why."""

    location: str
    error: str
    exit_code: int


class Find(Document, kw_only=True):
    """What was found in many files."""

    schema: Literal["h5s3/find/1"] = "h5s3/find/1"
    locations: list[str]
    matches: list[Match]
    num_matches: int = 0
    files: Searched
    files_found: list[FoundFile] | msgspec.UnsetType = msgspec.UNSET  # where files alone were asked for
    failures: list[FileFailure]


class Presence(Document, kw_only=True):
    """Whether a file has a path: what the cache keeps of it."""

    present: bool
