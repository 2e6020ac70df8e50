"""What is drawn of values that are thinned has the peaks between them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import h5s3
from h5s3.explore.preview.peaks import line_with_peaks, plane_with_peaks

NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32) | st.just(float("nan")), min_size=2, max_size=300)


@settings(max_examples=200, deadline=None)
@given(NUMBERS, st.integers(2, 40), st.integers(1, 100))
def test_a_line_covers_every_value(numbers: list[float], every: int, block: int) -> None:
    values = np.array(numbers)
    count = -(-len(values) // every)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("h5s3.explore.preview.peaks.BLOCK", block)
        found = line_with_peaks(values, every, lambda some: some)
    assert len(found) == count
    pairs = count // 2
    for pair in range(pairs):
        end = len(values) if pair + 1 == pairs else (pair + 1) * 2 * every
        part = values[pair * 2 * every : end]
        drawn = found[2 * pair : 2 * pair + 2]
        if np.isnan(part).all():
            assert np.isnan(drawn).all()
        else:
            assert (drawn.min(), drawn.max()) == (np.nanmin(part), np.nanmax(part))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(20, 60),
    st.integers(20, 60),
    st.integers(1, 7),
    st.integers(1, 7),
    st.integers(0),
    st.booleans(),
)
def test_a_lone_peak_is_drawn(
    rows: int, columns: int, down: int, across: int, place: int, deep: bool
) -> None:
    plane = np.random.default_rng(rows).normal(100, 1, (rows, columns))
    at = divmod(place % (rows * columns), columns)
    plane[at] = -1e6 if deep else 1e6
    drawn = plane[::down, ::across]
    found = plane_with_peaks(drawn, plane, (down, across), lambda some: some)
    assert found.shape == drawn.shape
    assert found[at[0] // down, at[1] // across] == plane[at]
    assert np.isin(found, plane).all()


def test_noise_alone_is_drawn_as_it_is() -> None:
    plane = np.random.default_rng(1).normal(0, 1, (400, 400))
    drawn = plane[::8, ::8]
    found = plane_with_peaks(drawn, plane, (8, 8), lambda some: some)
    assert (found == drawn).mean() > 0.99


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Planes of zeros and of noise, each with one bright pixel; one in chunks, and a large one."""
    path = tmp_path_factory.mktemp("hot") / "hot.h5"
    zeros = np.zeros((512, 512), "u2")
    noise = np.random.default_rng(2).normal(100, 5, (512, 512))
    large = np.zeros((3000, 3000), "u2")
    for plane in (zeros, noise, large):
        plane[301, 77] = 60_000
    with h5py.File(path, "w") as file:
        file["zeros"], file["noise"], file["large"] = zeros, noise, large
        file.create_dataset("chunked", data=zeros, chunks=(64, 64), compression="gzip")
    return path


@pytest.mark.parametrize("name", ["zeros", "noise", "chunked", "large"])
def test_one_bright_pixel_is_in_the_data(hot: Path, name: str) -> None:
    found = h5s3.preview(hot, f"/{name}", max_bytes=64 << 20)
    assert found.plot and found.plot.downsampled and found.plot.peaks is True
    assert max(max(row) for row in found.plot.data) == 60_000  # type: ignore[type-var]
    assert not [note for note in found.notes if "peaks" in note]


def test_what_was_left_out_is_said_where_not_all_was_read(hot: Path) -> None:
    found = h5s3.preview(hot, "/large", max_bytes=4 << 20)
    assert found.plot and found.plot.downsampled and not found.plot.peaks
    assert [note for note in found.notes if note.endswith("; peaks between are not seen")]
