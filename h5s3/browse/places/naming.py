"""What a name means that was typed without its place: what stands below the cursor, or beside it."""

from __future__ import annotations

import os

from h5s3.browse.places.items import Item
from h5s3.errors import H5s3Error
from h5s3.explore.completion.asked import below, children
from h5s3.explore.completion.remembered import Names
from h5s3.explore.session import Session
from h5s3.records import DatasetNode

Way = tuple[str | None, str | None]  # a location and a path in a file, each where it was meant


def is_relative(text: str, item: Item) -> bool:
    """Whether a text names something from where the cursor is: no location and no path in the file."""
    if "://" in text or not text:
        return False
    return not text.startswith("/") or not (item.inside or item.location.kind == "local")


def groups_of(item: Item) -> list[str]:
    """The groups in which a name may stand: the one under the cursor, and the one that holds it."""
    if not item.inside:
        return []
    above = item.path.rstrip("/").rpartition("/")[0] or "/"
    found = [above] if isinstance(item.node, DatasetNode) else [item.path, above]
    return list(dict.fromkeys(found))


def folders_of(item: Item) -> list[str]:
    """The places in the storage in which a name may stand, with what goes before the name."""
    place = item.location
    if place.kind == "local":
        here = os.path.abspath(place.key)
        found = [os.path.dirname(here)] if item.inside else [here, os.path.dirname(here)]
        return [os.path.join(folder, "") for folder in found]
    if place.kind != "s3":
        return []
    if not place.bucket:
        return ["s3://"]
    keys = [place.key.rpartition("/")[0]] if item.inside else [place.key.rstrip("/")]
    keys += [keys[0].rpartition("/")[0]] if not item.inside and keys[0] else []
    return [f"s3://{place.bucket}/{key}/" if key else f"s3://{place.bucket}/" for key in keys]


def ways_of(text: str, place: str, path: str | None, item: Item) -> list[Way]:
    """What a text may mean, the likeliest first: `place` and `path` are its parts."""
    inside = [(None, f"{group.rstrip('/')}/{text}") for group in groups_of(item)] if path is None else []
    beside: list[Way] = [(folder + place.lstrip("/"), path) for folder in folders_of(item)]
    return [*inside, *beside, (place, path)]


def names_near(session: Session, text: str, item: Item) -> Names:
    """The names that a text may go on to, from where the cursor is, each with what it begins with."""
    head = text.lstrip("/").rpartition("/")[0]
    start = text[: len(text) - len(text.lstrip("/"))]
    head += "/" if head else ""
    names: list[str] = []
    complete = True
    for group in groups_of(item)[:1]:
        try:
            found = children(session, item.location, f"{group.rstrip('/')}/{head}".rstrip("/") or "/")
        except H5s3Error:
            continue
        names += [start + head + name for name in found.names]
        complete = complete and found.complete
    for folder in folders_of(item)[:1]:
        location = session.location(folder + head)
        listed = below(session, location) if location.kind == "s3" else None
        skipped = len(session.location(folder).key)
        names += [start + name[skipped:] for name in listed.names] if listed is not None else []
        complete = complete and (listed is None or listed.complete)
    return Names(list(dict.fromkeys(names)), complete)
