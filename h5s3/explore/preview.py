"""What is in a dataset: statistics, a table, a plot and a profile of a bounded sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h5s3.errors import UsageError
from h5s3.explore.session import Session, shown_key
from h5s3.records import Preview
from h5s3.settings import MIB
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.reader.datasets import Facts
    from h5s3.reader.opening import OpenFile

LARGEST_PLOT = 512  # points along one axis
MAX_BYTES = 16 * MIB


def preview(
    session: Session,
    location: Location,
    path: str,
    *,
    selection: str | None = None,
    display_dims: tuple[int, int] | None = None,
    fixed: dict[int, int] | None = None,
    max_size: int = 256,
) -> Preview:
    """A look at the dataset at `path` (or at a part of it) within `max_bytes` of stored bytes.

    The last two dimensions are drawn, or `display_dims`; the others stand at their middle, or at `fixed`.
    Raises `UsageError` for what is not a dataset or a selection that does not fit, `RefusedError` for values
    that are unsafe or too large to read.
    """
    if not 1 <= max_size <= LARGEST_PLOT:
        raise UsageError(f"--max-size is between 1 and {LARGEST_PLOT}")
    max_bytes = session.settings.max_bytes or MAX_BYTES
    options: dict[str, Any] = {
        "path": path,
        "selection": selection,
        "display": display_dims,
        "fixed": sorted((fixed or {}).items()),
        "max_size": max_size,
        "max_bytes": max_bytes,
    }
    return session.answer(Preview, location, options, lambda file: _look(file, options))


def _look(file: OpenFile, options: dict[str, Any]) -> Preview:
    from h5s3.explore.looks import look
    from h5s3.reader.datasets import read_facts
    from h5s3.reader.links import kind_of
    from h5s3.reader.names import raw_path, text_of

    raw = raw_path(options["path"])
    found = file.find(raw).object
    kind = "link" if found is None else kind_of(found)
    if kind != "dataset":
        raise UsageError(f"{text_of(raw)} is a {kind}, not a dataset", hint="try: h5s3 tree")
    facts = read_facts(found)
    document = _document(file, text_of(raw), facts)
    if facts.size == 0:
        document.notes.append("no values" if facts.shape is not None else "a null dataspace: no values")
        return document
    look(document, file, found, facts, options)
    return document


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
