"""How a dataset becomes a preview: which way of showing it suits its values."""

from __future__ import annotations

from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.explore.preview.context import PreviewJob, count_of, selected
from h5s3.explore.preview.images import draw_picture, is_shown_as_picture
from h5s3.explore.preview.overviews import drawn_from_overview
from h5s3.explore.preview.plot_data import draw
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.preview.statistics import Reading
from h5s3.explore.preview.table import list_values
from h5s3.formats.base import Array, Coordinate
from h5s3.formats.cf import Coding
from h5s3.formats.dtypes import FieldPath, enum_names, fields_of, in_field
from h5s3.formats.names import field_text
from h5s3.formats.sampling import Sampler
from h5s3.formats.selection import text_of_selection
from h5s3.records import UNSET, Preview

MOST_IN_CELL = 4096  # elements of one value in the table; of texts 16 times as many bytes


def fill(document: Preview, array: Array, asked: PreviewRequest) -> None:
    """Fill a preview: numbers are drawn, everything else is listed."""
    selection, dtype = selected(array, asked), array.readable
    document.selection = text_of_selection(selection)
    if not count_of(selection):
        document.notes.append("the selection holds no values")
        return
    if dtype is None:
        document.notes.append(f"values of type {array.facts.dtype} cannot be read here")
        return
    if array.dtype is None and (unread := _unread(array, dtype)):
        document.notes.append(f"fields that cannot be read here: {', '.join(unread)}")
    field = field_drawn(dtype, asked.column, array.index)
    numbers = in_field(dtype, field or ())
    document.inner_fields = _inner_fields(dtype) or UNSET
    if asked.part != "abs" and numbers.kind != "c":
        raise UsageError(f"--part {asked.part}: the values are not complex numbers")
    coding = array.coding(raw=asked.raw)
    _describe(document, coding)
    plain = field is None and _is_numeric(numbers) and numbers.kind in "iuf" and not enum_names(numbers)
    line = Reading(numbers, coding, None, asked.part)
    if plain and drawn_from_overview(document, array, selection, line, asked.max_size):
        return
    sampler, converter = Sampler(array, asked.max_bytes), array.converter(MOST_IN_CELL)
    job = PreviewJob(document, array, asked, dtype, selection, coding, sampler, converter, asked.rows)
    if sampler.never_written:
        document.notes.append("never written: every value is the fill value")
    picture = array.picture()
    if picture is not None and is_shown_as_picture(job, picture):
        draw_picture(job, picture)
    elif _is_numeric(numbers) and any(axis.keep for axis in selection):
        draw(
            job,
            Reading(numbers, Coding() if field is not None else coding, field, asked.part),
            _coordinates(document, array),
        )
    else:
        list_values(job)
    if converter.cut:
        document.notes.append(f"of long values the first {MOST_IN_CELL} elements are shown")


def _is_numeric(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "iufcb" and dtype.subdtype is None


def _inner_fields(dtype: np.dtype[Any]) -> list[str]:
    """The fields of numbers of compounds that are fields."""
    found = fields_of(dtype).items()
    return [text for text, path in found if len(path) > 1 and _is_numeric(in_field(dtype, path))]


def field_drawn(dtype: np.dtype[Any], wanted: str | None, index: int) -> FieldPath | None:
    """The field of a compound that is drawn: as wished, also of a compound in it, else the first one of its
    own numbers.

    Of a table with columns that name its rows (`index` of them) rather one after those.
    """
    names = fields_of(dtype)
    numeric = {text: path for text, path in names.items() if _is_numeric(in_field(dtype, path))}
    if wanted is None:
        own = [path for path in numeric.values() if len(path) == 1]
        behind = (path for path in own if path[0] not in (dtype.names or ())[:index])
        return next(behind, next(iter(own), None))
    if not names:
        raise UsageError(f"--column {wanted}: the values have no fields")
    if wanted not in numeric:
        why = "holds no plain numbers" if wanted in names else "is not there"
        shown = ", ".join(list(numeric)[:20]) or "none"
        raise UsageError(f"--column: a field {wanted} {why}", hint=f"fields of numbers: {shown}")
    return numeric[wanted]


def _unread(array: Array, dtype: np.dtype[Any]) -> list[str]:
    read = {field_text(name) for name in dtype.names or ()}
    return [member.name for member in array.facts.type.members or [] if member.name not in read]


def _coordinates(document: Preview, array: Array) -> list[Coordinate]:
    title, found = array.coordinates()
    if document.title is UNSET and title:
        document.title = title
    return found


def _describe(document: Preview, coding: Coding) -> None:
    record = coding.record()
    if record is not None:
        document.coding = record
    if coding.units:
        document.units = coding.units
    if coding.title:
        document.title = coding.title
