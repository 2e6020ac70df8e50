"""Joining byte ranges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from h5s3.formats.hdf5.layout.inventory import join_table
from h5s3.storage.ranges import join_ranges

RANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 20)).map(lambda r: (r[0], r[0] + r[1])))


def covered(ranges: list[tuple[int, int]]) -> list[int]:
    return [number for start, stop in ranges for number in range(start, stop)]


@given(indices=st.sets(st.integers(0, 200), min_size=1), gap=st.integers(0, 4), largest=st.integers(1, 10))
def test_blocks_are_joined_over_gaps_up_to_the_largest_request(
    indices: set[int], gap: int, largest: int
) -> None:
    runs = join_ranges(((i, i + 1) for i in indices), gap, largest)
    found = covered(runs)
    assert indices <= set(found) and found == sorted(set(found))
    assert all(low in indices and high - 1 in indices and high - low <= largest for low, high in runs)
    for (low, high), (after, end) in pairwise(runs):
        assert after - high > gap or end - low > largest or after - low >= largest
    assert sum(index not in indices for index in found) <= gap * (len(indices) - 1)


@given(ranges=RANGES)
def test_without_a_gap_just_the_bytes_asked_for_each_once(ranges: list[tuple[int, int]]) -> None:
    joined = join_ranges(ranges)
    assert covered(joined) == sorted(set(covered(ranges)))
    assert all(stop < after for (_, stop), (after, _) in pairwise(joined))
    assert join_table(np.array(ranges, dtype="i8").reshape(-1, 2)).tolist() == [list(r) for r in joined]


def test_a_range_longer_than_the_largest_request_stays_whole() -> None:
    ranges = [(9, 30), (0, 2), (2, 4), (6, 9)]
    assert join_ranges(ranges) == [(0, 4), (6, 30)]
    assert join_ranges(ranges, gap=2) == [(0, 30)]
    assert join_ranges(ranges, gap=2, largest=9) == [(0, 9), (9, 30)]
