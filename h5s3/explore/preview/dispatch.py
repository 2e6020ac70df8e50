"""How a dataset becomes a preview: which way of showing it suits its values."""

from __future__ import annotations

from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.explore.preview.context import Look, count_of, selected
from h5s3.explore.preview.images import draw_picture, is_shown_as_picture
from h5s3.explore.preview.plot_data import draw
from h5s3.explore.preview.statistics import Reading
from h5s3.explore.preview.table import list_values
from h5s3.formats.hdf5.conventions.cf import Coding, read_coding
from h5s3.formats.hdf5.conventions.coordinates import Coordinate, read_coordinates
from h5s3.formats.hdf5.conventions.images import as_picture
from h5s3.formats.hdf5.conventions.nexus import is_signal, signal_axes, title_of
from h5s3.formats.hdf5.data.sample import Sampler
from h5s3.formats.hdf5.objects.datasets import Facts
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found
from h5s3.formats.hdf5.objects.names import text_of
from h5s3.formats.hdf5.objects.reference_names import name_targets
from h5s3.formats.hdf5.objects.values import Converter, memory_dtype, readable_dtype
from h5s3.formats.selection import text_of_selection
from h5s3.records import UNSET, Preview

MOST_IN_CELL = 4096  # elements of one value in the table; of texts 16 times as many bytes


def look(document: Preview, file: OpenFile, found: Found, facts: Facts, options: dict[str, Any]) -> None:
    """Fill a preview: numbers are drawn, everything else is listed."""
    dataset: Any = found.object
    selection = selected(facts, options)
    document.selection = text_of_selection(selection)
    dtype = readable_dtype(dataset.get_type())
    if not count_of(selection):
        document.notes.append("the selection holds no values")
        return
    if dtype is None:
        document.notes.append(f"values of type {facts.dtype} cannot be read here")
        return
    if memory_dtype(dataset.get_type()) is None and (unread := _unread(facts, dtype)):
        document.notes.append(f"fields that cannot be read here: {', '.join(unread)}")
    field = _field(dtype, options["column"])
    numbers = dtype[field] if field is not None else dtype
    if options["part"] != "abs" and numbers.kind != "c":
        raise UsageError(f"--part {options['part']}: the values are not complex numbers")
    coding = read_coding(file, dataset, dtype, raw=options["raw"])
    _describe(document, coding)
    sampler = Sampler(file, dataset, facts, options["max_bytes"])
    converter = Converter(file.h5.id, name_targets(file, found), most=MOST_IN_CELL)
    made = Look(document, file, dataset, facts, options, dtype, selection, coding, sampler, converter)
    if sampler.never_written:
        document.notes.append("never written: every value is the fill value")
    picture = as_picture(file, dataset, facts.shape or (), dtype)
    if picture is not None and is_shown_as_picture(made, picture):
        draw_picture(made, picture)
    elif _is_numeric(numbers) and any(axis.keep for axis in selection):
        reading = Reading(numbers, Coding() if field is not None else coding, field, options["part"])
        draw(made, reading, _coordinates(document, file, found, facts))
    else:
        list_values(made)
    if converter.cut:
        document.notes.append(f"of long values the first {MOST_IN_CELL} elements are shown")


def _is_numeric(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "iufcb" and dtype.subdtype is None


def _field(dtype: np.dtype[Any], wanted: str | None) -> str | None:
    """The field of a compound that is drawn: as wished, else the first one of numbers."""
    names = {text_of(name.encode("utf-8", "surrogateescape")): name for name in dtype.names or ()}
    numeric = {text: name for text, name in names.items() if _is_numeric(dtype[name])}
    if wanted is None:
        return next(iter(numeric.values()), None)
    if not names:
        raise UsageError(f"--column {wanted}: the values have no fields")
    if wanted not in numeric:
        why = "holds no plain numbers" if wanted in names else "is not there"
        shown = ", ".join(list(numeric)[:20]) or "none"
        raise UsageError(f"--column: a field {wanted} {why}", hint=f"fields of numbers: {shown}")
    return numeric[wanted]


def _unread(facts: Facts, dtype: np.dtype[Any]) -> list[str]:
    read = {text_of(name.encode("utf-8", "surrogateescape")) for name in dtype.names or ()}
    return [member.name for member in facts.type.members or [] if member.name not in read]


def _coordinates(document: Preview, file: OpenFile, found: Found, facts: Facts) -> list[Coordinate]:
    """By dimension scales; where there are none, by the NeXus group that shows this dataset."""
    shape = facts.shape or ()
    scales = read_coordinates(file, found.object, shape)
    if any(item.label or item.dataset is not None for item in scales) or not is_signal(file, found):
        return scales
    if document.title is UNSET and (title := title_of(file, found.parent)):
        document.title = title
    return signal_axes(file, found, shape)


def _describe(document: Preview, coding: Coding) -> None:
    record = coding.record()
    if record is not None:
        document.coding = record
    if coding.units:
        document.units = coding.units
    if coding.title:
        document.title = coding.title
