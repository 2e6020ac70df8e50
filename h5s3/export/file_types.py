"""Which format is meant, and whether it can hold a type exactly."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np

from h5s3.errors import RefusedError, UsageError
from h5s3.export.base import Job, Maker
from h5s3.formats.base import has_references, inner
from h5s3.records import TypeInfo

FileType = Literal["npy", "npz", "csv", "json", "parquet", "h5"]
WITH_COORDINATES = ("csv", "json", "parquet")
FORMATS: tuple[FileType, ...] = get_args(FileType)
SUFFIXES: dict[str, FileType] = {name: name for name in FORMATS} | {"hdf5": "h5"}
WRITERS = {
    "npy": ("npy", "NpyWriter"),
    "npz": ("npy", "NpzWriter"),
    "csv": ("csv", "CsvWriter"),
    "json": ("json", "JsonWriter"),
    "parquet": ("parquet", "ParquetWriter"),
    "h5": ("h5", "H5Writer"),
}


def format_of(text: str) -> FileType:
    """A format by its name. Raises `UsageError`."""
    if text.lower() not in SUFFIXES:
        raise UsageError(f"no format {text!r}", hint="one of " + ", ".join(FORMATS))
    return SUFFIXES[text.lower()]


def maker(name: FileType) -> Maker:
    """What begins a file of a format; loaded when it is needed."""
    module, kind = WRITERS[name]
    found: Maker = getattr(import_module(f"h5s3.export.{module}"), kind)
    return found


def check(name: FileType, job: Job) -> None:
    """Raises `RefusedError` where the format cannot hold the values, naming those that can."""
    why = _WHY_NOT[name](job)
    if why:
        able = [other for other in FORMATS if not _WHY_NOT[other](job)]
        hint = "use --format " + " or ".join([", ".join(able[:-1]), able[-1]] if able[1:] else able)
        raise RefusedError(f"{name} cannot hold {why}", hint=hint if able else "no format here can")


def fits_csv(job: Job) -> bool:
    """Whether the values are a table of no more than two dimensions."""
    return not _why_not_csv(job)


def _classes(info: TypeInfo) -> set[str]:
    """What is in a type that a format may not know."""
    return {info.class_}.union(*map(_classes, inner(info)))


def _no_dtype(job: Job) -> str:
    return "" if job.dtype is not None else f"values of type {job.facts.dtype}, which NumPy has no type for"


def _why_not_numpy(job: Job) -> str:
    if job.dtype is None or not job.dtype.hasobject:
        return _no_dtype(job)
    if has_references(job.facts.type):
        return "references"
    what = "sequences" if "vlen" in _classes(job.facts.type) else "strings"
    return f"{what} of variable length"


def _why_not_h5(job: Job) -> str:
    if has_references(job.facts.type):
        return "references: what they point to stays behind"
    if _has_lists_of_arrays(job.facts.type):
        return "sequences of arrays, which h5py cannot write"
    return _no_dtype(job) if job.facts.type_has_pointers else ""


def _has_lists_of_arrays(info: TypeInfo) -> bool:
    arrays = info.class_ == "vlen" and any(base.class_ == "array" for base in inner(info))
    return arrays or any(map(_has_lists_of_arrays, inner(info)))


def _why_not_json(job: Job) -> str:
    return _no_dtype(job) or ("floats of 80 or 128 bits" if _has_long_floats(job.element) else "")


def _why_not_csv(job: Job) -> str:
    if job.dtype is None:
        return _no_dtype(job)
    most = 1 if job.element.names else 2
    if len(job.shape) > most:
        what = "compounds" if job.element.names else "values"
        return f"{what} of {len(job.shape)} dimensions (choose some with --slice, or add --coords)"
    if job.element.names is None:
        return _why_not_csv_scalar(job.element)
    for name in job.element.names:
        field: np.dtype[Any] = job.element.fields[name][0]  # type: ignore[index]
        if field.names or field.subdtype:
            return "compounds with compounds or arrays in them"
        if why := _why_not_csv_scalar(field):
            return why
    return ""


def _why_not_csv_scalar(dtype: np.dtype[Any]) -> str:
    return "opaque values" if dtype.kind == "V" else _references_or_sequences(dtype)


def _references_or_sequences(dtype: np.dtype[Any]) -> str:
    import h5py

    if dtype.kind != "O" or h5py.check_string_dtype(dtype) is not None:
        return ""
    return "references" if h5py.check_ref_dtype(dtype) else "sequences of variable length"


def _why_not_parquet(job: Job) -> str:
    if job.dtype is None:
        return _no_dtype(job)
    if 0 in job.shape[1:]:
        return "rows without values"
    return next(filter(None, map(_why_not_parquet_scalar, _leaves(job.element))), "")


def _why_not_parquet_scalar(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "c":
        return "complex numbers"
    if dtype.kind in "mM" and np.datetime_data(dtype)[0] not in ("D", "s", "ms", "us", "ns"):
        return "NumPy's dates"
    if dtype.kind == "f" and dtype.itemsize > 8:
        return "floats of 80 or 128 bits"
    return _references_or_sequences(dtype)


def _leaves(dtype: np.dtype[Any]) -> list[np.dtype[Any]]:
    if dtype.subdtype is not None:
        return _leaves(dtype.subdtype[0])
    if dtype.names is None or dtype.fields is None:
        return [dtype]
    return [leaf for name in dtype.names for leaf in _leaves(dtype.fields[name][0])]


def _has_long_floats(dtype: np.dtype[Any]) -> bool:
    import h5py

    for leaf in _leaves(dtype):
        base = h5py.check_vlen_dtype(leaf)
        if base is not None and _has_long_floats(np.dtype(base)):
            return True
        if leaf.itemsize > {"f": 8, "c": 16}.get(leaf.kind, leaf.itemsize):
            return True
    return False


_WHY_NOT: dict[str, Callable[[Job], str]] = {
    "npy": _why_not_numpy,
    "npz": _why_not_numpy,
    "csv": _why_not_csv,
    "json": _why_not_json,
    "parquet": _why_not_parquet,
    "h5": _why_not_h5,
}
