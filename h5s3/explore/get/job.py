"""What `get` is to write: the values of an array as one format has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from h5s3.errors import UsageError

if TYPE_CHECKING:
    from h5s3.export.base import Job
    from h5s3.export.file_types import FileType
    from h5s3.formats.cf import Coding
    from h5s3.formats.decoded import Form


def as_written(job: Job, kind: FileType, *, coords: bool, decode: bool) -> Job:
    """The job for a format: values decoded, and with columns of coordinates, where that is wished.

    Raises `UsageError` where the format has no place for that.
    """
    from h5s3.export.file_types import WITH_COORDINATES

    group = job.array.group
    if group is not None and kind not in WITH_COORDINATES:
        hint = "use csv, json or parquet" + (
            "" if job.array.table else f", or name the dataset {job.array.path}"
        )
        raise UsageError(f"{group} is a table of several columns, and {kind} holds one array", hint=hint)
    job = replace(job, coding=_coding(job), gaps=job.array.table)
    if decode:
        job = _decoded(job, kind)
    with_axes = (coords or group is not None) and not job.array.table
    return _with_coordinates(job, kind) if with_axes else job


def _coding(job: Job) -> Coding | None:
    """What the stored numbers mean, if that is something else than themselves."""
    if job.array.dtype is None:
        return None
    coding = job.array.coding()
    return coding if coding.record() is not None else None


def _decoded(job: Job, kind: FileType) -> Job:
    from h5s3.formats.decoded import decoder

    if kind == "h5":
        raise UsageError(
            "h5 keeps stored values, with the attributes that say what they mean",
            hint="--decode is for npy, npz, csv, json and parquet",
        )
    if job.coding is None or job.array.dtype is None:
        return job
    return replace(job, decode=decoder(job.coding, job.array.dtype, form_of(kind)))


def _with_coordinates(job: Job, kind: FileType) -> Job:
    from h5s3.export.file_types import WITH_COORDINATES
    from h5s3.formats.columns.axes import axis_columns

    if kind not in WITH_COORDINATES:
        raise UsageError(
            f"{kind} holds one array, without coordinates", hint="--coords is for csv, json and parquet"
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
