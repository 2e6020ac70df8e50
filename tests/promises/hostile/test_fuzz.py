"""Damaged files: every command ends in an answer or in one sentence, and what it shows is what h5py shows.

For the long runs `H5S3_FUZZ_SEED` and `H5S3_FUZZ_COUNT` choose other cases, and in the folder that
`H5S3_FUZZ_KEEP` names stay the files of those that crashed, hung or went wrong.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from tests.support.hostile.fuzzing import ROOT, Case, run_cases
from tests.support.hostile.mutate import damaged, lookup3, summed_regions

SEED = 7
LONG = int(os.environ.get("H5S3_FUZZ_SEED", "1"))  # read here: tests see no such variables
COUNT = os.environ.get("H5S3_FUZZ_COUNT")
FEW, MANY, OTHERS = 8, 2000, 500
CORPUS = ROOT.parent / "shared" / "corpus" / "files"


def check(seed: int, cases: list[Case], capsys: pytest.CaptureFixture[str]) -> None:
    """Say how they ended; none ended badly."""
    ends = Counter(f"{command} {code}" for case in cases for command, code in case["ends"])
    crashes, hangs = (sum(len(case[what]) for case in cases) for what in ("crashes", "hangs"))
    agreed = sum(case["agreed"] for case in cases)
    with capsys.disabled():
        print(f"\nfuzz: seed {seed}, {len(cases)} cases, {crashes} crashes and {hangs} hangs guarded,")
        print(f"  {agreed} objects as h5py has them; ends: {dict(sorted(ends.items()))}")
    assert agreed and ends["tree 0"] and ends["tree 6"]
    assert {
        case["number"]: [case["base"], case["done"], case["wrong"]] for case in cases if case["wrong"]
    } == {}


def test_a_few_damaged_files(capsys: pytest.CaptureFixture[str]) -> None:
    check(SEED, run_cases(SEED, FEW), capsys)


def chosen(count: int) -> tuple[int, int]:
    """Seed and number of the cases of a long run."""
    return LONG, int(COUNT or count)


@pytest.mark.slow
def test_many_damaged_files(capsys: pytest.CaptureFixture[str]) -> None:
    seed, count = chosen(MANY)
    check(seed, run_cases(seed, count, workers=2), capsys)


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason="there is no ../shared/corpus on this machine")
def test_damaged_files_that_others_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    seed, count = chosen(OTHERS)
    check(seed, run_cases(seed, count, CORPUS, workers=2), capsys)


def test_damage_is_the_same_for_the_same_seed() -> None:
    base = random.Random(0).randbytes(3000)
    one, two, other = (damaged(base, base, random.Random(seed)) for seed in ("1:5", "1:5", "2:5"))
    assert one == two != other and one.data != base


@pytest.mark.parametrize(
    ("data", "checksum"),
    [(b"Four score and seven years ago", 0x17770551), (b"", 0xDEADBEEF)],
)
def test_checksum_is_that_of_its_author(data: bytes, checksum: int) -> None:
    """The values that Bob Jenkins gives in the comments of lookup3.c."""
    assert lookup3(data) == checksum


def test_checksums_are_found_where_they_are() -> None:
    covered = b"OHDR" + bytes(range(60))
    assert summed_regions(b"." * 100 + covered + lookup3(covered).to_bytes(4, "little") + b"....") == [
        (100, 164)
    ]
