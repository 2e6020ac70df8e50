"""The map of the chunks of a dataset."""

from __future__ import annotations

from typing import Any

from h5s3.records import Meta, StoredChunk
from h5s3.render.plots.chunk_map import MOST_CELLS, chunk_lines, stored_sizes


def described(shape: list[int], chunks: list[int], stored: dict[tuple[int, ...], int], **more: Any) -> Meta:
    """A dataset with these chunks: stored bytes by coordinates."""
    index = [
        StoredChunk(coordinates=list(place), offset=4096 + number * 100, size=size, filter_mask=0)
        for number, (place, size) in enumerate(stored.items())
    ]
    return Meta(
        location="x", key="x", etag=None, path="/x", name="x", kind="dataset", attributes=[],
        num_attributes=0, shape=shape, chunks=chunks, chunk_index=index, **more,
    )  # fmt: skip


def test_two_dimensions() -> None:
    found = stored_sizes(described([5, 6], [2, 3], {(0, 0): 10, (4, 3): 30}))
    assert found == [[10, None], [None, None], [None, 30]]


def test_the_mean_over_other_dimensions() -> None:
    found = stored_sizes(described([3, 2, 2], [1, 1, 2], {(0, 0, 0): 10, (2, 0, 0): 20, (1, 1, 0): 7}))
    assert found == [[15], [7]]


def test_one_dimension_is_broken_into_rows() -> None:
    found = stored_sizes(described([400], [1], {(0,): 1, (399,): 2}))
    assert found[0][0] == 1 and len(found) * len(found[0]) >= 400
    assert sum(value is not None for row in found for value in row) == 2
    assert stored_sizes(described([3], [1], {(2,): 5})) == [[None, None, 5]]


def test_a_large_grid_has_no_more_cells_than_can_be_drawn() -> None:
    found = stored_sizes(described([10**9, 10**9], [1, 1], {(0, 0): 1, (10**9 - 1, 10**9 - 1): 3}))
    assert (len(found), len(found[0])) == (MOST_CELLS, MOST_CELLS)
    assert (found[0][0], found[-1][-1]) == (1, 3)


def test_lines() -> None:
    meta = described([10], [1], {(number,): 5 for number in range(8)}, chunk_index_truncated=True)
    texts = ["".join(text for text, _ in line) for line in chunk_lines(meta, 80)]
    assert len(texts) == 8 and texts[-2:] == [
        "  … 3 more (--jsonl shows all)",
        "  there are more chunks than were looked up",
    ]
