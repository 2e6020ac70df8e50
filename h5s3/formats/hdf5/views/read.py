"""The section `convention` of a tree: which view a file gets, and why it gets none."""

from __future__ import annotations

from h5s3.errors import UsageError
from h5s3.formats.hdf5.conventions.detect import conventions
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, kind_of
from h5s3.formats.hdf5.views.netcdf import VIEW as NETCDF
from h5s3.formats.hdf5.views.nexus import VIEW as NEXUS
from h5s3.formats.hdf5.views.survey import Survey
from h5s3.formats.hdf5.views.view import Asked, View
from h5s3.formats.names import raw_path, text_of
from h5s3.formats.requests import TreeRequest
from h5s3.records import Convention

VIEWS = {  # by the names of `conventions`; of those that a file follows, the first one is shown
    "NeXus": NEXUS,
    "NetCDF-4": NETCDF,
}


def read_view(file: OpenFile, found: Found, asked: TreeRequest) -> Convention | None:
    """What a path holds by the convention that was asked for, or by the one that the file follows.

    Raises `UsageError` where that convention was asked for by name, and the file does not follow it.
    """
    if asked.view == "plain" or found.object is None or kind_of(found.object) != "group":
        return None
    if asked.view != "auto":
        return _read(_view(asked.view), file, found, asked)
    names = conventions(file)
    for name, view in VIEWS.items():
        if name in names:
            convention = _read(view, file, found, asked)
            if convention is not None:
                return convention
    return None


def not_so(file: OpenFile, asked: TreeRequest) -> UsageError:
    """The error for a view that does not fit."""
    view, names = _view(asked.view), conventions(file)
    what = " and ".join(names) if names else "HDF5 of no convention known here"
    path = text_of(raw_path(asked.path))
    where = "the file" if path == "/" else path
    others = [other.word for name, other in VIEWS.items() if name in names and other is not view]
    hint = f"try: h5s3 tree {{location}} --view {others[0] if others else 'plain'}"
    return UsageError(f"{where} cannot be shown as {view.name}: the file is {what}", hint=hint)


def _view(word: str) -> View:
    wanted = "pytables" if word == "pandas" else word
    return next(view for view in VIEWS.values() if view.word == wanted)


def _read(view: View, file: OpenFile, found: Found, asked: TreeRequest) -> Convention | None:
    plan = view.plan(asked.view_levels)
    survey = Survey(file, plan, asked.limit)
    top = survey.top(raw_path(asked.path), found.object)
    here = Asked(file, found, top, asked.limit, plan.levels)
    if survey.cut is not None:
        here.notes.append("the file has more objects than are looked at for a view")
    return view.read(here)
