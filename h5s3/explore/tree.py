"""What is below a path, one level or more."""

from __future__ import annotations

from h5s3.explore.session import Session
from h5s3.formats.requests import TreeRequest
from h5s3.records import Tree
from h5s3.storage.location import Location


def tree(session: Session, location: Location, asked: TreeRequest | None = None) -> Tree:
    """The tree below a path. Raises `NotFoundError`, and what opening the file raises."""
    asked = asked or TreeRequest()
    return session.answer(Tree, location, asked, lambda contents: contents.tree(asked))
