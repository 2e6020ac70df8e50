"""What is in a dataset: statistics, a table, a plot and a profile of a bounded sample."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from h5s3.explore.preview.color_limits import limited
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.formats.base import Array, Contents
from h5s3.formats.tables.rows.protocol import Tabular
from h5s3.records import Preview
from h5s3.storage.location import Location


def preview(session: Session, location: Location, asked: PreviewRequest | None = None) -> Preview:
    """A look at the array at a path; of a NeXus group at its default plot.

    Raises `UsageError` for what is not an array or a selection that does not fit, `RefusedError` for values
    that are unsafe or too large to read.
    """
    asked = asked or PreviewRequest()
    if session.settings.max_bytes is not None:
        asked = replace(asked, max_bytes=session.settings.max_bytes)
    found = session.answer(Preview, location, asked, partial(_preview, asked=asked))
    return limited(found, asked.log, asked.vmin, asked.vmax)


def _preview(contents: Contents, asked: PreviewRequest) -> Preview:
    from h5s3.explore.preview.dispatch import fill

    if isinstance(contents, Tabular) and not contents.is_array(asked.path):
        from h5s3.explore.preview.rows import preview_rows

        return preview_rows(contents, asked)
    array = contents.shown(asked.path)
    document = _document(array)
    if array.facts.layout == "virtual":
        array.refuse()  # also where what it is made of is not looked at: it seems to be empty then
    if array.facts.size == 0:
        null = array.facts.shape is None
        document.notes.append("a null dataspace: no values" if null else "no values")
    else:
        fill(document, array, asked)
        document.notes += array.notes
    return document


def _document(array: Array) -> Preview:
    facts = array.facts
    document = Preview(
        location="",  # which who asked knows
        key="",
        etag=array.etag,
        path=array.path,
        dtype=facts.dtype,
        shape=None if facts.shape is None else list(facts.shape),
        ndim=facts.ndim,
        preview_type="empty",
        selection="()",
        followed=array.followed,
        notes=[],
    )
    if array.group is not None and not array.table:
        document.group = array.group
    if array.left_out:
        document.notes.append("columns left out: " + ", ".join(array.left_out))
    return document
