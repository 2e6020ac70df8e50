"""Values in the cells of a table on a screen, and under its cursor."""

from __future__ import annotations

from h5s3.render.screen.cells import exact_text


def test_numbers_in_a_value_have_all_their_digits() -> None:
    assert exact_text([11.3463498245, -0.1]) == "[11.3463498245, -0.1]"
    assert exact_text([0.10000000149011612], digits="float32") == "[0.1]"
    assert exact_text({"x": 1 / 3, "y": [None, 2]}) == "{x: 0.3333333333333333, y: [null, 2]}"
    assert len(exact_text([1 / 3] * 1000)) <= 300
