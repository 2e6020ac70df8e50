"""Changes of a file, each with what `diff` is to say of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Found = set[tuple[str, ...]]


def make(file: h5py.File) -> None:
    """What the changes need, in a group of its own."""
    group = file.require_group("known")
    data = group.create_dataset(
        "data", data=np.arange(24.0).reshape(4, 6), chunks=(2, 3), maxshape=(None, 6), compression="gzip",
        fillvalue=1.0,
    )  # fmt: skip
    data.attrs["units"], data.attrs["points"] = "K", group.ref
    group["plain"] = np.arange(5)
    group["below/x"] = np.arange(3)


def make_file(path: Path) -> None:
    """A file with that alone."""
    with h5py.File(path, "w") as file:
        make(file)
        file["known"].attrs["n"] = 1


def anew(file: h5py.File, values: Any = None, **changed: Any) -> None:
    """The dataset defined another way."""
    old = file["known/data"]
    kept = dict(old.attrs)
    options = {"chunks": (2, 3), "maxshape": (None, 6), "compression": "gzip", "fillvalue": 1.0} | changed
    values = old[()] if values is None else values
    del file["known/data"]
    new = file["known"].create_dataset("data", data=values, **options)
    for name, value in kept.items():
        new.attrs[name] = value


DATA = "/known/data"
MUTATIONS: dict[str, tuple[Callable[[h5py.File], Any], Found]] = {
    "a group more": (lambda f: f.create_group("known/new"), {("+", "/known/new")}),
    "a dataset more": (lambda f: f.__setitem__("known/new", 5), {("+", "/known/new")}),
    "a dataset's name": (
        lambda f: f.move("known/plain", "known/new"),
        {("renamed", "/known/plain", "/known/new")},
    ),
    "a dataset's place": (lambda f: f.move(DATA, "known/below/d"), {("renamed", DATA, "/known/below/d")}),
    "a group's name": (
        lambda f: f.move("known/below", "known/zz"),
        {("renamed", "/known/below", "/known/zz")},
    ),
    "a dataset less": (lambda f: f.__delitem__("known/plain"), {("-", "/known/plain")}),
    "a group less": (
        lambda f: f.__delitem__("known/below"),
        {("-", "/known/below"), ("-", "/known/below/x")},
    ),
    "an alias more": (lambda f: f.__setitem__("known/zz", f["known/data"]), {("+", "/known/zz")}),
    "a soft link more": (lambda f: f.__setitem__("known/zz", h5py.SoftLink("a")), {("+", "/known/zz")}),
    "an attribute's value": (lambda f: f[DATA].attrs.modify("units", "C"), {("~", DATA, "@units", "value")}),
    "an attribute's type": (
        lambda f: f[DATA].attrs.create("units", np.bytes_("K")),
        {("~", DATA, "@units", "dtype")},
    ),
    "an attribute's shape": (
        lambda f: f[DATA].attrs.create("units", ["K"], dtype=h5py.string_dtype()),
        {("~", DATA, "@units", "shape")},
    ),
    "an attribute less": (lambda f: f[DATA].attrs.__delitem__("units"), {("-", DATA, "@units")}),
    "an attribute more": (lambda f: f[DATA].attrs.__setitem__("a", 1), {("+", DATA, "@a")}),
    "a reference": (
        lambda f: f[DATA].attrs.__setitem__("points", f["known/below"].ref),
        {("~", DATA, "@points", "value")},
    ),
    "shape": (lambda f: f[DATA].resize((9, 6)), {("~", DATA, "shape")}),
    "maxshape": (lambda f: anew(f, maxshape=(8, 6)), {("~", DATA, "maxshape")}),
    "dtype": (lambda f: anew(f, dtype="<f4"), {("~", DATA, "dtype")}),
    "chunks": (lambda f: anew(f, chunks=(1, 6)), {("~", DATA, "chunks")}),
    "a filter more": (lambda f: anew(f, shuffle=True), {("~", DATA, "filters")}),
    "a filter's option": (lambda f: anew(f, compression_opts=9), {("~", DATA, "filters")}),
    "no filter": (lambda f: anew(f, compression=None), {("~", DATA, "filters")}),
    "fill value": (lambda f: anew(f, fillvalue=2.0), {("~", DATA, "fill_value")}),
    "a fill value that is NaN": (lambda f: anew(f, fillvalue=np.nan), {("~", DATA, "fill_value")}),
    "layout": (
        lambda f: anew(f, chunks=None, maxshape=None, compression=None),
        {("~", DATA, name) for name in ("layout", "chunks", "filters", "maxshape")},
    ),
}  # fmt: skip
