"""Ways to a place that is named: along rows that are opened one after the other; typed, with completion."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress

from h5s3.browse.lanes import Lanes, Question
from h5s3.browse.places.fitting import NOTHING, Fitting
from h5s3.browse.places.items import Item, starting
from h5s3.browse.places.naming import folders_of, is_relative, names_near, ways_of
from h5s3.errors import H5s3Error, NotFoundError, UsageError
from h5s3.explore.completion.asked import below, children
from h5s3.explore.completion.remembered import Names
from h5s3.explore.ls import arriving
from h5s3.explore.questions import Question as Listed
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest, absolute
from h5s3.records import UNSET
from h5s3.storage.location import Location

MOST_PAGES = 20  # of one level that are fetched on the way
MOST_FITTING = 500  # places that are shown while one is typed


def leads_to(item: Item, goal: Item) -> bool:
    """Whether the goal is the item, or somewhere below it."""
    if item.key == goal.key:
        return True
    here, there = item.location, goal.location
    if item.inside:
        return here == there and goal.inside and _within(item.path, goal.path)
    if here.kind != there.kind:
        return False
    if here.kind == "s3":
        return not here.bucket or (here.bucket == there.bucket and there.key.startswith(here.key))
    if here.kind == "local":
        return _within(os.path.abspath(here.key), os.path.abspath(there.key))
    return False


def name_towards(item: Item, goal: Item) -> str:
    """What the item directly below one is called that leads to a goal."""
    if item.inside:
        rest = goal.path[len(item.path.rstrip("/")) + 1 :]
    elif item.location.kind == "local":
        rest = os.path.relpath(os.path.abspath(goal.location.key), os.path.abspath(item.location.key))
    elif item.location.bucket:
        rest = goal.location.key[len(item.location.key) :]
    else:
        rest = goal.location.bucket
    return rest.partition("/")[0]


def _within(above: str, path: str) -> bool:
    return path == above or path.startswith(above.rstrip("/") + "/")


FILE = re.compile(r"(.*?\.(?:h5|hdf5?|he5|nc4?|cdf|nxs|h5ad|mat|zarr|parquet))(/.*)", re.IGNORECASE)


def places_in(text: str, item: Item) -> tuple[str | None, str | None]:
    """A location and a path that were typed: `/path` in the file of the item, or LOCATION, or both: with a
    blank between, or as the trail shows them, where the file is that of the item or its name is one of files.
    """
    text = text.strip()
    here = item.location.display
    if item.inside and text.startswith(here + "/"):
        return here, text[len(here) :]
    if item.inside and text.startswith("/"):
        return None, text
    place, blank, path = text.partition(" /")
    if not blank and (both := FILE.fullmatch(place)) and both[2] != "/" and not FILE.fullmatch(both[2] + "/"):
        return both[1], both[2]
    return place or None, "/" + path if blank else None


def item_named(session: Session, text: str, item: Item) -> Item:
    """The item that a text means. Raises what the storage and the file raise, and `NotFoundError`."""
    place, path = places_in(text, item)
    if _may_be_beside(place, item):
        try:
            return found_item(session, place, path, item)
        except (NotFoundError, UsageError) as error:
            cause = f"{error.cause}, and none beside it"
        with suppress(NotFoundError, UsageError):
            beside = folders_of(item)[0] + text.strip().lstrip("/")
            return found_item(session, *places_in(beside, item), item)
        raise NotFoundError(cause)
    if place is None or not is_relative(text.strip(), item):
        return found_item(session, place, path, item)
    for one, inside in ways_of(text.strip(), place, path, item):
        with suppress(NotFoundError, UsageError):
            return found_item(session, one, inside, item)
    raise NotFoundError(f"no {text.strip()} here, and none beside it")


def _may_be_beside(place: str | None, item: Item) -> bool:
    """Whether a path, typed at the row of a file, may also be what stands beside the file."""
    return place is None and item.kind == "file" and item.location.kind == "s3"


def found_item(session: Session, place: str | None, path: str | None, item: Item) -> Item:
    """The item of a location and a path. Raises what the storage and the file raise."""
    start = starting(session, session.location(place)) if place else None
    if start is not None and start.location.kind == "s3" and start.kind in ("bucket", "prefix"):
        listed = next(iter(arriving(session, start.location, Listed(limit=1)).pages), ())
        if not listed and start.kind == "prefix":
            raise NotFoundError(f"nothing is below {start.location.display}")
    if path is None:
        assert start is not None
        return start
    location = start.location if start is not None else item.location
    if absolute(path) == "/":
        return Item("file", location.name, location)
    found = tree(session, location, TreeRequest(path, limit=1))
    named = found.path.rpartition("/")[2]
    node = None if found.node is UNSET else found.node
    return Item("node", named, location, absolute(path), node=node)


class Places:
    """What may follow a place that is being typed, asked for elsewhere; the last answers are kept."""

    def __init__(self, lanes: Lanes, item: Item) -> None:
        self._lanes, self._item = lanes, item
        self._kept: dict[tuple[str, str | None], Names] = {}

    def __call__(self, text: str, take: Callable[[Fitting], object]) -> None:
        """Give `take` what begins with a text."""
        place, path = places_in(text, self._item)
        key: tuple[str, str | None] = (place or "", None)
        if path is not None and not _may_be_beside(place, self._item):
            above, _, begun = path.rpartition("/")
            key = (place or "", above or "/")
        elif place and "://" in place:
            begun = place.partition("://")[2]
        else:
            begun = text.strip()
            key = ("near", begun.rpartition("/")[0])
        if not begun and key[0] == "near":
            take(NOTHING)
            return
        if key in self._kept:
            take(_fitting(text, begun, self._kept[key]))
            return

        def done(names: Names) -> None:
            self._kept[key] = names
            take(_fitting(text, begun, names))

        def work(session: Session) -> Names:
            if key[0] == "near":
                return names_near(session, begun, self._item)
            return self._names(session, place, key[1])

        def failed(error: H5s3Error) -> None:
            take(NOTHING)

        self._lanes.ask(Question("complete", "names", work, done, failed))

    def _names(self, session: Session, place: str | None, above: str | None) -> Names:
        if above is not None:
            location = session.location(place) if place else self._item.location
            return children(session, location, above)
        location = session.location(place or "s3://")
        if location.kind != "s3" or place is None:
            return Names([])
        if not place.partition("://")[2].count("/"):
            return below(session, Location("s3", "")) or Names([])
        found = below(session, location) or Names([])
        return Names([f"{location.bucket}/{name}" for name in found.names], found.complete)


def _fitting(text: str, begun: str, names: Names) -> Fitting:
    """The texts that go on so, each with the last part of its name."""
    found = [name for name in names.names if name.startswith(begun) and name != begun][:MOST_FITTING]
    last = [name.rstrip("/").rpartition("/")[2] + "/" * name.endswith("/") for name in found]
    texts = [text[: len(text) - len(begun)] + name for name in found]
    return Fitting(texts, last, names.complete and len(found) < MOST_FITTING)
