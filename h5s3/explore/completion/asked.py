"""Names that the storage is asked for: by one LIST, or by opening a file once."""

from __future__ import annotations

from h5s3.explore.completion.remembered import FIRST_PAGE, LISTING, MOST, Names
from h5s3.explore.globs import glob_of
from h5s3.explore.meta import meta
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import UNSET, GroupNode, Listing, to_json
from h5s3.storage.base import FirstPage
from h5s3.storage.location import Location


def below(session: Session, location: Location) -> Names | None:
    """The keys that begin with the key of a location, up to the next `/`: the first page of them.

    It is remembered; a whole one so that `ls` finds it. Raises what the storage raises.
    """
    store = session.store(location)
    if not isinstance(store, FirstPage):
        return None
    entries, more = store.first_page(location)
    listing = Listing(location=location.display, entries=list(entries), truncated=more)
    if entries or glob_of(location) is None:
        question = FIRST_PAGE if more else LISTING
        session.catalog.remember_listing(location, question, to_json(listing))
    return Names([entry.key + "/" * (entry.type == "bucket") for entry in entries], not more)


def children(session: Session, location: Location, path: str) -> Names:
    """The names in a group of a file. Raises what opening it raises."""
    found = tree(session, location, TreeRequest(path, limit=MOST))
    named = [node for node in found.children if node.name_b64 is UNSET]
    names = [node.name + "/" * isinstance(node, GroupNode) for node in named]
    return Names(names, not found.children_truncated)


def attributes(session: Session, location: Location, path: str) -> Names:
    """The names of the attributes of an object of a file. Raises what opening it raises."""
    found = meta(session, location, MetaRequest(path))
    if found.attributes_truncated is True:
        found = meta(session, location, MetaRequest(path, all_attributes=True))
    return Names([one.name for one in found.attributes if one.name_b64 is UNSET])
