"""The section `convention` of a tree: which view a file gets, and why it gets none."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from h5s3.errors import UsageError
from h5s3.formats.hdf5.conventions.detect import conventions
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, kind_of
from h5s3.formats.hdf5.views.anndata import VIEW as ANNDATA
from h5s3.formats.hdf5.views.keras import VIEW as KERAS
from h5s3.formats.hdf5.views.matlab import VIEW as MATLAB
from h5s3.formats.hdf5.views.netcdf import VIEW as NETCDF
from h5s3.formats.hdf5.views.nexus import VIEW as NEXUS
from h5s3.formats.hdf5.views.nwb import VIEW as NWB
from h5s3.formats.hdf5.views.pytables import PANDAS_VIEW as PANDAS
from h5s3.formats.hdf5.views.pytables import VIEW as PYTABLES
from h5s3.formats.hdf5.views.survey import Survey
from h5s3.formats.hdf5.views.view import Asked, View
from h5s3.formats.names import raw_path, text_of
from h5s3.formats.requests import TreeRequest
from h5s3.records import Convention

VIEWS = (  # with the names that `conventions` has; of those that a file follows, the first that fits is shown
    ("NWB", NWB),
    ("AnnData", ANNDATA),
    ("Keras", KERAS),
    ("MATLAB 7.3", MATLAB),
    ("NeXus", NEXUS),
    ("PyTables", PANDAS),
    ("PyTables", PYTABLES),
    ("NetCDF-4", NETCDF),
    ("CF", NETCDF),
)


def read_view(file: OpenFile, found: Found, asked: TreeRequest) -> Convention | None:
    """What a path holds by the convention that was asked for, or by the one that the file follows.

    Raises `UsageError` where that convention was asked for by name, and the file does not follow it.
    """
    if asked.view == "plain" or found.object is None or kind_of(found.object) != "group":
        return None
    if asked.view != "auto":
        return _read(_view(asked.view), file, found, asked)
    names = conventions(file)
    for view in dict.fromkeys(view for name, view in VIEWS if name in names):
        convention = _read(view, file, found, asked)
        if convention is not None:
            return convention
    return None


def not_so(file: OpenFile, found: Found, asked: TreeRequest) -> UsageError:
    """The error for a view that does not fit."""
    view, path = _view(asked.view), text_of(raw_path(asked.path))
    if found.object is None or kind_of(found.object) != "group":
        kind = "link" if found.object is None else kind_of(found.object)
        cause = f"{path} cannot be shown as {view.name}: it is a {kind}, not a group"
        return UsageError(cause, hint=f"try: h5s3 meta {{location}} {quote(path)}")
    names = conventions(file)
    what = " and ".join(names) if names else "HDF5 of no convention known here"
    fits = [other.word for name, other in VIEWS if name in names and other is not view]
    return UsageError(
        f"{'the file' if path == '/' else path} cannot be shown as {view.name}: the file is {what}",
        hint=f"try: h5s3 tree {{location}} --view {fits[0] if fits else 'plain'}",
    )


def _view(word: str) -> View:
    return next(view for _, view in VIEWS if view.word == word)


def _read(view: View, file: OpenFile, found: Found, asked: TreeRequest) -> Convention | None:
    plan, path = view.plan(asked.view_levels), raw_path(asked.path)
    root = None
    if plan.from_root:
        names = [text_of(name) for name in path.split(b"/") if name]
        survey = Survey(file, replace(plan, levels=plan.levels + len(names)), asked.limit)
        root = survey.top(b"/", file.root)
        top = root.group(*names)
    if root is None or top is None:
        root, survey = None, Survey(file, plan, asked.limit)
        top = survey.top(path, found.object)
    return view.read(Asked(file, found, top, asked.limit, root, survey.notes))
