"""Against `h5diff` of the HDF Group: where it finds a difference, so do we, and the other way round.

We differ on purpose where it does not look: at chunks, filters, fill values, layouts, limits of dimensions,
and the width and order of numbers; types and shapes that differ are "not comparable" to it, with exit code 0.
A reference is to a path for us, and to it like any other to an object of the same kind.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest

from h5s3.explore.diff.diff import DiffRequest, diff
from h5s3.explore.session import Session
from h5s3.records import Diff
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support import ROOT
from tests.support.reference.mutations import DATA, MUTATIONS, make_file

needs_h5diff = pytest.mark.skipif(
    shutil.which("h5diff") is None, reason="h5diff is not installed (hdf5-tools)"
)
CORPUS = ROOT.parent / "shared/corpus/files/HDFGroup-hdf5/tools/test/h5diff/testfiles"
NOT_LOOKED_AT = {"chunks", "filters", "fill_value", "layout", "maxshape", "dtype", "shape", "hard_link"}
pytestmark = [pytest.mark.slow, needs_h5diff]


def by_h5diff(a: Path, b: Path) -> bool:
    """Whether it finds differences."""
    done = subprocess.run(["h5diff", "-q", a, b], capture_output=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 1


def compared(a: Path, b: Path) -> Diff:
    with Session(Settings(no_cache=True)) as session:
        places = (Location("local", str(a)), Location("local", str(b)))
        return diff(session, *places, DiffRequest(data=True))


def both_see(found: Diff) -> bool:
    """Whether something differs that both look at."""
    seen = any(one.field not in NOT_LOOKED_AT for one in found.changed)
    return bool(found.added or found.removed or found.renamed) or seen


@pytest.mark.parametrize("name", [*MUTATIONS, "an element"])
def test_changes(name: str, tmp_path: Path) -> None:
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    make_file(a)
    shutil.copy(a, b)
    assert not by_h5diff(a, b) and compared(a, b).identical
    with h5py.File(b, "a") as file:
        if name == "an element":
            file[DATA][2, 2] = 0
        else:
            MUTATIONS[name][0](file)
    found = compared(a, b)
    assert not found.identical
    assert both_see(found) == by_h5diff(a, b) or name == "a reference"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="there is no ../shared/corpus on this machine")
def test_its_own_files() -> None:
    files = sorted(CORPUS.glob("*.h5"))
    pairs = [(a, b) for a, b in itertools.combinations(files, 2) if a.stem[:9] == b.stem[:9]]
    assert len(pairs) > 50
    for a, b in pairs:
        found = compared(a, b)
        assert both_see(found) == by_h5diff(a, b), (a.name, b.name)
