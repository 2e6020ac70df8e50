"""Which part of an array coordinates choose, as indices."""

from __future__ import annotations

from functools import partial

from h5s3.errors import UsageError
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.formats.columns.labels import select_labels
from h5s3.formats.selection import text_of_selection, whole
from h5s3.formats.tables.rows.protocol import Tabular
from h5s3.storage.location import Location


def selection_of(session: Session, location: Location, path: str, labels: str) -> str:
    """What labels (`time=2024-07-07,lat=40:50`) choose of the array at a path, in NumPy's syntax.

    Raises `UsageError` where the array has no such coordinates, `NotFoundError` where none is what is wanted.
    """
    return session.read(location, partial(_selection, path=path, labels=labels), str)


def _selection(contents: Contents, path: str, labels: str) -> str:
    if isinstance(contents, Tabular) and not contents.is_array(path):
        raise UsageError("rows of a table have no coordinates", hint="choose them by their numbers")
    array = contents.shown(path)
    array.refuse()
    return text_of_selection(select_labels(labels, array, whole(array.facts.shape or ())))
