"""One object in full."""

from __future__ import annotations

from h5s3.explore.session import Session
from h5s3.formats.requests import MetaRequest
from h5s3.records import Meta
from h5s3.storage.location import Location


def meta(session: Session, location: Location, asked: MetaRequest | None = None) -> Meta:
    """Everything about one object. Raises `NotFoundError`, and what opening the file raises."""
    asked = asked or MetaRequest()
    return session.answer(Meta, location, asked, lambda contents: contents.meta(asked))
