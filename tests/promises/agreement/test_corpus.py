"""Files that others wrote: the valid ones hold what plain h5py counts in them, the bad ones end plainly."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.reference.corpus import ROOT, Result, look_at_all

CORPUS = ROOT.parent / "shared" / "corpus"
SOME = 6  # one file of so many
SECONDS = 20  # for all questions about one file
DAMAGED, REFUSED = "6", "8"  # exit codes

pytestmark = pytest.mark.skipif(
    not (CORPUS / "index.csv").exists(), reason="there is no ../shared/corpus on this machine"
)


@pytest.fixture(scope="module")
def index() -> dict[Path, dict[str, Any]]:
    """What plain h5py saw in each file."""
    with (CORPUS / "index.csv").open(newline="") as stream:
        rows = {CORPUS / row["path"]: row for row in csv.DictReader(stream)}
    return {path: row for path, row in rows.items() if path.exists()}


@pytest.fixture(scope="module", params=[SOME, pytest.param(1, marks=pytest.mark.slow)])
def results(index: dict[Path, dict[str, Any]], request: pytest.FixtureRequest) -> dict[Path, Result]:
    """How each file went: each of them in the slow run, some of them otherwise."""
    return look_at_all(list(index)[:: request.param], SECONDS)


def part(results: dict[Path, Result], folder: str) -> dict[str, Result]:
    """The results of one folder, by short path."""
    root = CORPUS / folder
    return {str(path.relative_to(root)): found for path, found in results.items() if root in path.parents}


def test_valid_files_hold_what_h5py_counts(
    index: dict[Path, dict[str, Any]], results: dict[Path, Result], capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"group": "n_groups", "dataset": "n_datasets", "datatype": "n_named_types"}
    found, wanted = {}, {}
    for name, result in part(results, "files").items():
        row = index[CORPUS / "files" / name]
        if row["opens_with_h5py"] == "yes":
            wanted[name] = {"outcome": "record"} | {kind: int(row[n]) for kind, n in columns.items()}
        else:
            wanted[name] = {"outcome": "error", "exit_code": int(DAMAGED)}
        found[name] = {key: result.get(key) for key in wanted[name]}
    agree = sum(found[name] == wanted[name] for name in wanted)
    with capsys.disabled():
        print(f"\n{agree} of {len(wanted)} valid files of the corpus hold what h5py counts")
    assert found == wanted


def test_every_object_of_a_valid_file_is_described(results: dict[Path, Result]) -> None:
    for name, result in part(results, "files").items():
        assert result["outcome"] in ("record", "error") and not result["wrong"], name
        assert "meta_errors" not in result, name
        assert result.get("preview_errors", {}).keys() <= {DAMAGED, REFUSED}, name


def test_statistics_of_valid_files_equal_those_of_what_h5py_reads(
    results: dict[Path, Result], capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison itself is the workers': what differs stands among `wrong`."""
    compared = sum(result.get("compared", 0) for result in part(results, "files").values())
    with capsys.disabled():
        print(f"\nstatistics of {compared} datasets of the corpus equal those of what h5py reads")
    assert compared > 1000 / SOME


def test_bad_files_end_in_a_record_or_an_error(
    results: dict[Path, Result], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = part(results, "bad")
    outcomes = Counter(result["outcome"] for result in bad.values())
    lost = {name: result for name, result in bad.items() if result["outcome"] in ("crash", "hang")}
    with capsys.disabled():
        print(f"\nbad files of the corpus: {dict(outcomes)}")
        for name, result in lost.items():
            print(f"  {name}: {result}")
    assert outcomes["error"] and outcomes["record"]
    for name, result in bad.items():
        assert not result.get("wrong"), name
        if result["outcome"] == "error":
            assert result["exit_code"] == int(DAMAGED), name


def test_bad_files_neither_crash_nor_hang(results: dict[Path, Result]) -> None:
    assert [
        name for name, result in part(results, "bad").items() if result["outcome"] in ("crash", "hang")
    ] == []
