"""One object in full."""

from __future__ import annotations

from operator import methodcaller

from h5s3.errors import RefusedError, UsageError
from h5s3.explore.session import Session
from h5s3.formats.requests import MetaRequest
from h5s3.records import UNSET, Meta, StoredChunk
from h5s3.storage.location import Location

MOST_CHUNKS = 100_000  # of one document
MOST_STREAMED = 2_000_000  # a line each


def meta(session: Session, location: Location, asked: MetaRequest | None = None) -> Meta:
    """Everything about one object. Raises `NotFoundError`, and what opening the file raises."""
    asked = asked or MetaRequest()
    found = session.answer(Meta, location, asked, methodcaller("meta", asked))
    if (asked.history or asked.files is not None) and found.table is UNSET:
        cause = "--history and --files are about tables, and this is none"
        raise UsageError(cause, location=location.display)
    return found


def chunks_of(session: Session, location: Location, asked: MetaRequest) -> list[StoredChunk]:
    """Where each chunk of a dataset is stored. Not remembered: there may be many.

    Raises `RefusedError` where there are more than were asked for, and what `meta` raises.
    """
    found = session.read(location, methodcaller("meta", asked), Meta)
    if found.chunk_index_truncated is True:
        raise RefusedError(f"{found.path} has more than {asked.chunks:,} chunks", location=location.display)
    return found.chunk_index if isinstance(found.chunk_index, list) else []
