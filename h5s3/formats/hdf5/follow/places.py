"""Paths that go on in other files: links are followed by us, step by step, each in the file that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from h5py import h5g

from h5s3.errors import H5s3Error, NotFoundError, RefusedError
from h5s3.formats.hdf5.metadata.node import search
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import (
    MOST_SOFT_LINKS,
    Found,
    LeadsNowhereError,
    Link,
    address_of,
    as_group,
    get_link,
    not_there,
    open_link,
    parts_of,
)
from h5s3.formats.names import text_of, unescaped
from h5s3.records import UNSET, Followed, UnsetType

MOST_EXTERNAL_LINKS = 16  # followed for one path, as HDF5 does
FOLLOWED = "an external link leads to"  # in what is said of a file


@dataclass(frozen=True)
class Place:
    """Where a path led: to an object of this file, which may be another one than was asked about.

    `found`: its path there. `link`: the last one of the path that was asked for.
    """

    file: OpenFile
    found: Found
    link: Link | None
    elsewhere: bool = False

    @property
    def followed(self) -> Followed | UnsetType:
        """The other file, as records name it."""
        return followed(self.file, self.found.path) if self.elsewhere else UNSET


def followed(file: OpenFile, path: bytes) -> Followed:
    """A file and a path in it, as records name them."""
    location = file.info.location
    return Followed(
        location=location.display, key=location.shown_key, etag=file.info.etag, path=text_of(path)
    )


@contextmanager
def reading(place: Place) -> Iterator[None]:
    """Within this, what goes wrong in another file than was asked about says in which."""
    if not place.elsewhere:
        yield
        return
    try:
        with place.file.files.using(place.file), place.file.asked():
            yield
    except H5s3Error as error:
        where = f"{place.file.info.location.display}:{text_of(place.found.path)}"
        raise _because(error, f"{where}, which {FOLLOWED}") from None


def find(file: OpenFile, path: bytes) -> Place:
    """Walk to a path; on through external links where the question follows them.

    Raises what `OpenFile.find` raises, and for a link that cannot be followed `NotFoundError` or
    `RefusedError` with the file that it names, or what kept that from being read.
    """
    if file.files is None:
        found = file.find(path)
        return Place(file, found, found.link)
    walk = _Walk(file)
    try:
        here = walk.to(_Step(file, file.root, b"/"), path)
    except H5s3Error as error:
        raise (_because(error, walk.through) if walk.through else error) from None
    found = Found(here.path, here.parent, here.link, here.object)
    return Place(here.file, found, walk.last, here.file is not file)


def target(file: OpenFile, link: Link) -> Place:
    """Where an external link leads. Raises as `find` does."""
    here = _Walk(file).external(file, link)
    return Place(here.file, Found(here.path, here.parent, here.link, here.object), link, True)


@dataclass(frozen=True)
class _Step:
    """An object on the way, its path in its own file, and the hard link that led to it."""

    file: OpenFile
    object: Any
    path: bytes
    parent: Any = None
    link: Link | None = None


class _Walk:
    def __init__(self, file: OpenFile) -> None:
        self.last: Link | None = None  # of the path that was asked for
        self.through = ""  # the external link that was followed last, in words
        self._soft, self._external = MOST_SOFT_LINKS, MOST_EXTERNAL_LINKS

    def to(self, start: _Step, path: bytes, asked: bool = True) -> _Step:
        """From an object on along a path. `asked`: of the user, not of a link."""
        here, parts = start, parts_of(path)
        here.file.prefetch_objects([address_of(here.object)], search(len(parts)))
        for position, name in enumerate(parts):
            where = here.path.rstrip(b"/") + b"/" + name
            group = as_group(here.object, where)
            link = get_link(group, name) or (get_link(group, unescaped(name)) if asked else None)
            if link is None:
                raise not_there(group, where, path if asked and position + 1 < len(parts) else b"")
            if asked:
                self.last = link
            here = self._through(here, group, where, link, len(parts) - position - 1)
        if here.parent is None:
            here = _Step(here.file, here.object, here.path, here.file.root)
        return here

    def _through(self, here: _Step, group: h5g.GroupID, where: bytes, link: Link, left: int) -> _Step:
        if link.link_class == "hard":
            if link.address is not None:
                here.file.prefetch_objects([link.address], search(left))
            return _Step(here.file, open_link(group, link), where, group, link)
        if link.link_class == "soft":
            return self._along(here, group, where, link)
        if link.link_class == "external":
            leads = f"{text_of(link.target_file)}:{text_of(link.target)}"
            self.through = f"{text_of(where)} is an external link to {leads}"
            return self.external(here.file, link)
        raise RefusedError(f"{text_of(where)} is a user-defined link, which is never followed")

    def _along(self, here: _Step, group: h5g.GroupID, where: bytes, link: Link) -> _Step:
        self._soft -= 1
        nowhere = f"the soft link {text_of(where)} leads nowhere ({text_of(link.target)})"
        if self._soft < 0:
            raise LeadsNowhereError(nowhere)
        from_root = link.target.startswith(b"/")
        start = _Step(here.file, here.file.root, b"/") if from_root else _Step(here.file, group, here.path)
        try:
            return self.to(start, link.target, asked=False)
        except NotFoundError as error:
            raise LeadsNowhereError(f"{nowhere}: {error.cause}") from None

    def external(self, file: OpenFile, link: Link) -> _Step:
        """The object in another file."""
        self._external -= 1
        if self._external < 0:
            raise RefusedError(f"more than {MOST_EXTERNAL_LINKS} links, one after another")
        other: OpenFile = file.files.sibling(file, link.target_file)
        return self.to(_Step(other, other.root, b"/"), link.target, asked=False)


def _because(error: H5s3Error, says: str) -> H5s3Error:
    """The same error with the link that led to it."""
    hint = "" if "{location}" in error.hint else error.hint  # that of the file that is asked about
    return type(error)(f"{says}: {error.cause}", hint=hint)
