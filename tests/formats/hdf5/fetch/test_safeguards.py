"""Limits while values are decoded, which all threads of a process share."""

from __future__ import annotations

import resource

from h5s3.formats.hdf5.fetch.safeguards import decoding
from h5s3.sizes import GIB


def limit() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_DATA)


def test_two_that_overlap_leave_the_limit_as_it_was() -> None:
    before = limit()
    one, other = decoding(GIB), decoding(GIB)
    one.__enter__()
    first = limit()
    other.__enter__()
    assert first != before and limit()[0] == first[0] + GIB
    one.__exit__(None, None, None)
    assert limit() != before
    other.__exit__(None, None, None)
    assert limit() == before
