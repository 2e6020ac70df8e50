"""A single bright pixel is seen in the plot of a plane."""

from __future__ import annotations

import numpy as np
import pytest

from h5s3.render.plots.resample import with_peaks


@pytest.mark.parametrize(
    ("size", "place"), [(256, (150, 38)), (256, (0, 0)), (256, (255, 255)), (60, (7, 59))]
)
def test_a_bright_pixel_is_seen(size: int, place: tuple[int, int]) -> None:
    plane = np.zeros((size, size))
    plane[place] = 1.0
    for rows, columns in ((17, 77), (34, 70), (5, 5), (300, 300)):
        found = with_peaks(plane, rows, columns)
        assert found.shape == (rows, columns) and found.max() == 1.0
        assert (found == 1).sum() == 1 or rows > size or columns > size


def test_a_value_far_beyond_the_limits_is_seen_among_noise() -> None:
    plane = np.random.default_rng(3).uniform(0, 1, (256, 256))
    plane[100, 100] = 9.0
    found = with_peaks(plane, 20, 20)
    assert found.max() == 1.0 and (found > 0.9).sum() == 1


def test_means_are_kept_where_nothing_stands_out() -> None:
    plane = np.add.outer(np.linspace(0, 0.5, 200), np.linspace(0, 0.5, 200))
    assert np.abs(with_peaks(plane, 20, 20) - plane.reshape(20, 10, 20, 10).mean(axis=(1, 3))).max() < 1e-9
