"""Whether the objects that references point into are still what they were."""

from __future__ import annotations

from contextlib import closing

from h5s3.errors import DamagedError, NotFoundError
from h5s3.explore.refs.places import read_references
from h5s3.explore.session import Session
from h5s3.records import RefsCheck, RefsSource, StaleSource
from h5s3.storage.base import ObjectInfo
from h5s3.storage.http.parallel import Batch

MOST_SOURCES = 100_000


def check_references(session: Session, output: str) -> RefsCheck:
    """Ask for size and ETag of every object that references point into; all in one round.

    Raises `NotFoundError` where there are no references, `DamagedError` for what h5s3 did not write, and what
    the storage raises but for an object that is not there.
    """
    sources = _sources(session, output)
    places = [session.location(source.location) for source in sources]
    stores = {place.store: session.store(place) for place in places}

    def head(number: int) -> ObjectInfo | None:
        place = places[number]
        try:
            return stores[place.store].head(place)
        except NotFoundError:
            return None

    with closing(Batch(session.trace)) as batch:
        answers = batch.run(head, range(len(places)))
    found = [(source, _difference(source, answers[number])) for number, source in enumerate(sources)]
    stale = [StaleSource(location=source.location, reason=reason) for source, reason in found if reason]
    return RefsCheck(output=output, num_sources=len(sources), fresh=not stale, stale=stale)


def _sources(session: Session, output: str) -> list[RefsSource]:
    from h5s3.export.references.kerchunk_json import read_sources

    data = read_references(session, output)
    try:
        sources = read_sources(data)
    except DamagedError as error:
        raise error.at(output) from None
    if len(sources) > MOST_SOURCES:
        raise DamagedError(f"it names more than {MOST_SOURCES:,} objects", location=output)
    return sources


def _difference(source: RefsSource, now: ObjectInfo | None) -> str:
    """In what an object differs from what it was; empty where it is the same, as far as can be told."""
    if now is None:
        return "it is not there any more"
    if now.size != source.size:
        return f"its size is {now.size:,} bytes and was {source.size:,}"
    if source.etag and now.etag:
        return "" if source.etag == now.etag else "its ETag is another one"
    same = source.last_modified == now.last_modified
    return "" if same else f"it was written at {now.last_modified}"
