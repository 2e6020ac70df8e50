"""Files of others that name further files, read by following them: what h5py reads of the same paths."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import H5s3Error
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.formats.requests import MetaRequest
from h5s3.formats.selection import whole
from h5s3.settings import Settings
from tests.support.reference.corpus import ROOT

CORPUS = ROOT.parent / "shared" / "corpus"
MOST = 40  # paths of a file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CORPUS / "index.csv").exists(), reason="there is no ../shared/corpus on this machine"
    ),
]


def leading() -> Iterator[Path]:
    """The files that name others, and open."""
    with (CORPUS / "index.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            about = (row["features"] + row["path"]).lower()
            named = any(word in about for word in ("external", "vds", "virtual"))
            if named and row["opens_with_h5py"] == "yes" and not row["crash_or_hang"]:
                yield CORPUS / row["path"]


def paths(group: Any, path: str = "", deep: int = 6) -> Iterator[str]:
    """External links, virtual datasets and those with raw files."""
    for name in group if deep else ():
        here = f"{path}/{name}"
        try:
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                yield here
                continue
            found = group[name]
        except (TypeError, KeyError, OSError, RuntimeError):
            continue
        if isinstance(found, h5py.Group):
            yield from paths(found, here, deep - 1)
        elif isinstance(found, h5py.Dataset) and (found.is_virtual or found.external):
            yield here


def by_h5py(h5: h5py.File, path: str) -> Any:
    try:
        found = h5[path]
        return found[...] if isinstance(found, h5py.Dataset) else "no dataset"
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        return error


def ask(contents: Contents, path: str) -> Any:
    if contents.meta(MetaRequest(path)).kind != "dataset":
        return "no dataset"
    array = contents.values(path)
    array.refuse()
    return array.read(whole(array.facts.shape or ()))


def test_values_are_those_of_h5py(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    for path in leading():
        monkeypatch.chdir(path.parent)
        with h5py.File(path) as h5, Session(Settings(follow=True)) as session:
            for inside in list(paths(h5))[:MOST]:
                expected = by_h5py(h5, inside)
                try:
                    found = session.read(session.location(path), partial(ask, path=inside))
                except H5s3Error as error:
                    found = error
                where = f"{path.name} {inside}: {expected!r} {found!r}"
                if isinstance(expected, np.ndarray):
                    assert isinstance(found, np.ndarray) and found.shape == expected.shape, where
                    assert expected.dtype.hasobject or found.tobytes() == expected.tobytes(), where
                else:
                    assert isinstance(found, H5s3Error if isinstance(expected, Exception) else str), where
                compared += 1
    assert compared > 50
