"""What is in a dataset: statistics, a table, a plot and a profile of a bounded sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h5s3.errors import UsageError
from h5s3.explore.preview.color_limits import limited
from h5s3.explore.session import Session, shown_key
from h5s3.records import Preview
from h5s3.sizes import MIB
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.formats.hdf5.objects.datasets import Facts
    from h5s3.formats.hdf5.objects.file import OpenFile
    from h5s3.formats.hdf5.objects.links import Found

LARGEST_PLOT = 512  # points along one axis
MAX_BYTES = 16 * MIB
PARTS = ("abs", "real", "imag", "phase")  # of complex numbers


def preview(
    session: Session,
    location: Location,
    path: str = "/",
    *,
    selection: str | None = None,
    display_dims: tuple[int, int] | None = None,
    fixed: dict[int, int] | None = None,
    max_size: int = 256,
    raw: bool = False,
    column: str | None = None,
    part: str = "abs",
    log: bool = False,
    vmin: float | None = None,
    vmax: float | None = None,
) -> Preview:
    """A look at the dataset at `path` (or at a part of it) within `max_bytes` of stored bytes.

    Of a NeXus group its default plot. The last two dimensions are drawn, or `display_dims`; the others stand
    at their middle, or at `fixed`. Values are decoded by the CF conventions, unless `raw`. `column`: the
    field of a compound to draw; `part` of complex numbers: abs, real, imag or phase. `log`, `vmin` and `vmax`
    say how to draw. Raises `UsageError` for what is not a dataset or a selection that does not fit,
    `RefusedError` for values that are unsafe or too large to read.
    """
    if not 1 <= max_size <= LARGEST_PLOT:
        raise UsageError(f"--max-size is between 1 and {LARGEST_PLOT}")
    if part not in PARTS:
        raise UsageError(f"--part is one of {', '.join(PARTS)}")
    max_bytes = MAX_BYTES if session.settings.max_bytes is None else session.settings.max_bytes
    options: dict[str, Any] = {
        "path": path,
        "selection": selection,
        "display": display_dims,
        "fixed": sorted((fixed or {}).items()),
        "max_size": max_size,
        "max_bytes": max_bytes,
        "raw": raw,
        "column": column,
        "part": part,
    }
    found = session.answer(Preview, location, options, lambda file: _look(file, options))
    return limited(found, log, vmin, vmax)


def _look(file: OpenFile, options: dict[str, Any]) -> Preview:
    from h5s3.explore.preview.dispatch import look
    from h5s3.formats.hdf5.objects.datasets import read_facts
    from h5s3.formats.hdf5.objects.names import raw_path, text_of

    found, group = _dataset(file, raw_path(options["path"]))
    facts = read_facts(found.object)
    document = _document(file, text_of(found.path), facts)
    if group is not None:
        document.group = group
    if facts.size == 0:
        document.notes.append("no values" if facts.shape is not None else "a null dataspace: no values")
        return document
    look(document, file, found, facts, options)
    return document


def _dataset(file: OpenFile, raw: bytes) -> tuple[Found, str | None]:
    """The dataset at a path; of a group that has a NeXus default plot its signal, and what the group is."""
    from h5s3.formats.hdf5.conventions.nexus import default_plot
    from h5s3.formats.hdf5.objects.links import kind_of, stopped
    from h5s3.formats.hdf5.objects.names import text_of

    found = file.find(raw)
    kind = "link" if found.object is None else kind_of(found.object)
    if kind == "group":
        plot = default_plot(file, found)
        if plot is not None and plot.object is not None and kind_of(plot.object) == "dataset":
            return plot, text_of(raw)
    if found.object is None and found.link is not None:
        raise stopped(raw, found.link)
    if kind != "dataset":
        raise UsageError(f"{text_of(raw)} is a {kind}, not a dataset", hint="try: h5s3 tree")
    return found, None


def _document(file: OpenFile, path: str, facts: Facts) -> Preview:
    location = file.info.location
    return Preview(
        location=location.display,
        key=shown_key(location),
        etag=file.info.etag,
        path=path,
        dtype=facts.dtype,
        shape=None if facts.shape is None else list(facts.shape),
        ndim=facts.ndim,
        preview_type="empty",
        selection="()",
        notes=[],
    )
