"""What Zarr reads by references equals what h5py reads from the file, of generated files and of others'."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from h5s3.errors import H5s3Error
from tests.support import ROOT
from tests.support.reference.references import differences, written

CORPUS = ROOT.parent / "shared" / "corpus"
DAMAGED = {"broken_chunks": ["short"]}  # libhdf5 fills up what is short, Zarr does not
SOME = 10  # one file of so many


@pytest.mark.parametrize("every", [SOME, pytest.param(1, marks=pytest.mark.slow)])
def test_values_of_generated_files(every: int, files: dict[str, Path], tmp_path: Path) -> None:
    compared = 0
    for name, path in list(files.items())[::every]:
        written(path, tmp_path / "refs.json")
        number, different = differences(path, tmp_path / "refs.json")
        assert [one.partition(":")[0] for one in different] == DAMAGED.get(name, []), f"{name}: {different}"
        compared += number
    assert compared > 300 // every


@pytest.mark.slow
@pytest.mark.skipif(
    not (CORPUS / "index.csv").exists(), reason="there is no ../shared/corpus on this machine"
)
def test_values_of_files_that_others_wrote(tmp_path: Path) -> None:
    with (CORPUS / "index.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["path"].startswith("files/")]
    compared, failed = 0, []
    for row in rows:
        path = CORPUS / row["path"]
        if row["opens_with_h5py"] != "yes" or not path.exists() or row["crash_or_hang"]:
            continue
        try:
            written(path, tmp_path / "refs.json")
            number, different = differences(path, tmp_path / "refs.json")
        except (H5s3Error, OSError, ValueError) as error:
            failed.append(f"{row['path']}: {type(error).__name__} {error}")
            continue
        compared += number
        failed += [f"{row['path']}: {one}" for one in different]
    assert not failed, "\n".join(failed)
    assert compared > 4000
