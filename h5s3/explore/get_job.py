"""What `get` is to write: the values of an array as one format has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from h5s3.errors import UsageError

if TYPE_CHECKING:
    from h5s3.export.base import Job
    from h5s3.export.file_types import FileType
    from h5s3.formats.decoded import Form


def as_written(job: Job, kind: FileType, *, coords: bool) -> Job:
    """The job for a format: with columns of coordinates where they are wished.

    Raises `UsageError` where the format has no place for that.
    """
    from h5s3.export.file_types import WITH_COORDINATES
    from h5s3.formats.axis_columns import axis_columns

    if not coords:
        return job
    if kind not in WITH_COORDINATES:
        raise UsageError(
            f"{kind} holds one array, without coordinates",
            hint="--coords is for csv, json and parquet",
        )
    own = job.dtype.names if job.dtype is not None and job.dtype.names else (job.label,)
    _, found = job.array.coordinates()
    axes = tuple(axis_columns(found, job.selection, form_of(kind), own if kind != "json" else ()))
    return replace(job, axes=axes, rows=kind != "json")


def form_of(kind: FileType) -> Form:
    """How a format holds dates and gaps."""
    if kind in ("csv", "json"):
        return "text"
    return "stamps" if kind == "parquet" else "numpy"
