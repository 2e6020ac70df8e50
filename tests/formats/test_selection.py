"""Selections pick what NumPy's indexing picks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from h5s3.errors import UsageError
from h5s3.formats.selection import Axis, Selection, parse_selection, text_of_selection, whole

SHAPES = st.lists(st.integers(0, 6), max_size=4).map(tuple)
BOUNDS = st.one_of(st.none(), st.integers(-9, 9))
PARTS = st.one_of(
    st.integers(-6, 5),
    st.builds(slice, BOUNDS, BOUNDS, st.one_of(st.none(), st.integers(1, 4))),
)
AXES = st.builds(Axis, st.integers(0, 20), st.integers(1, 7), st.integers(0, 30))
SPACE = st.sampled_from(["", " ", "  "])


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """An array of which every element has its own value."""
    return np.arange(int(np.prod(shape))).reshape(shape)


def written(part: Any) -> str:
    """An index as a user writes it."""
    if part is Ellipsis:
        return "..."
    if not isinstance(part, slice):
        return str(part)
    texts = ["" if bound is None else str(bound) for bound in (part.start, part.stop)]
    return ":".join(texts + ([] if part.step is None else [str(part.step)]))


def picked(array: np.ndarray, selection: Selection) -> np.ndarray:
    """What a selection picks, the way h5py is asked for it: slices only, then single indices dropped."""
    values = array[tuple(axis.as_slice for axis in selection)]
    return values[tuple(slice(None) if axis.keep else 0 for axis in selection)]


def indices(axis: Axis) -> list[int]:
    """The indices of an axis, one by one."""
    return [axis.start + position * axis.step for position in range(axis.count)]


def or_error(function: Any) -> Any:
    """What the function returns, or that it raised."""
    try:
        return function()
    except (UsageError, IndexError):
        return "an error"


@given(SHAPES, st.lists(PARTS, max_size=5), st.integers(-1, 4), SPACE, st.booleans())
def test_indexing_equals_numpy(
    shape: tuple[int, ...], parts: list[Any], at: int, space: str, brackets: bool
) -> None:
    if 0 <= at <= len(parts):
        parts.insert(at, Ellipsis)
    array = numbered(shape)
    text = f"{space},{space}".join(written(part) for part in parts)
    wanted = or_error(lambda: array[tuple(parts)])
    found = or_error(lambda: parse_selection(f"[{text}]" if brackets else text, shape))
    if isinstance(wanted, str) or isinstance(found, str):
        assert (found, wanted) == ("an error", "an error")
        return
    assert picked(array, found).tolist() == wanted.tolist()
    assert [axis.count for axis in found if axis.keep] == list(wanted.shape)
    again = parse_selection(text_of_selection(found), shape)
    assert picked(array, again).tolist() == wanted.tolist()
    assert [axis.keep for axis in again] == [axis.keep for axis in found]


@pytest.mark.parametrize("text", ["", "[]", "()", "...", ":", "[:]", " : , ", ":,:", "[..., :]", "0:4:1,0:5"])
def test_spellings_of_everything(text: str) -> None:
    assert parse_selection(text, (4, 5)) == whole((4, 5))


@pytest.mark.parametrize("text", ["", "()", "[]", "...", "[...]"])
def test_spellings_of_a_scalar(text: str) -> None:
    assert parse_selection(text, ()) == ()
    assert text_of_selection(()) == "()"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("4", "index 4 is outside"),
        ("-5", "index -5 is outside"),
        ("0,0,0", "names 3 dimensions"),
        ("...,0,...", "twice"),
        (",0", "empty"),
        ("::0", "steps are positive"),
        ("::-1", "steps are positive"),
        ("1:2:3:4", "not an index or a slice"),
        ("a", "not an index or a slice"),
        ("1.5", "not an index or a slice"),
        ("0x1", "not an index or a slice"),
        ("1_0", "not an index or a slice"),
        ("１", "not an index or a slice"),
        ("1 2", "not an index or a slice"),
        ("[0", "not an index or a slice"),
        ("0]", "not an index or a slice"),
        ("9" * 30, "is outside"),
        ("9" * 50, "not an index or a slice"),
        ("__import__('os')", "not an index or a slice"),
        ("True", "not an index or a slice"),
    ],
)
def test_errors_show_the_shape(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        parse_selection(text, (4, 5))
    assert "the shape (4, 5)" in str(caught.value) and repr(text) in str(caught.value)


@pytest.mark.parametrize(("shape", "shown"), [((), "()"), ((7,), "(7,)"), ((1, 2, 3), "(1, 2, 3)")])
def test_errors_show_shapes_as_numpy_does(shape: tuple[int, ...], shown: str) -> None:
    with pytest.raises(UsageError, match="names 4 dimensions") as caught:
        parse_selection("0,0,0,0", shape)
    assert f"the shape {shown}:" in str(caught.value)


@given(AXES, st.integers(0, 250), st.integers(0, 250))
def test_within_is_the_part_between(axis: Axis, low: int, high: int) -> None:
    part, first = axis.within(low, max(low, high))
    wanted = [index for index in indices(axis) if low <= index < high]
    assert indices(part) == wanted
    assert (part.keep, part.step) == (axis.keep, axis.step)
    assert not wanted or indices(axis)[first : first + part.count] == wanted


@given(AXES, st.integers(1, 60))
def test_pieces_of_an_axis_make_the_whole(axis: Axis, size: int) -> None:
    parts = [axis.within(low, low + size) for low in range(0, axis.stop, size)]
    assert [index for part, _ in parts for index in indices(part)] == indices(axis)
    assert [first for part, first in parts if part.count] == [
        sum(part.count for part, _ in parts[:number]) for number, (part, _) in enumerate(parts) if part.count
    ]


@given(AXES, st.integers(1, 40))
def test_thinned_is_every_nth(axis: Axis, most: int) -> None:
    thin = axis.thinned(most)
    every = thin.step // axis.step
    assert indices(thin) == indices(axis)[::every]
    assert thin.count <= most
    assert every == 1 or -(-axis.count // (every - 1)) > most


@given(AXES.filter(lambda axis: axis.count > 0), st.data())
def test_at_is_one_index(axis: Axis, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, axis.count - 1))
    one = axis.at(position)
    assert indices(one) == [indices(axis)[position]] and not one.keep
    assert range(axis.start, axis.stop, axis.step)[position] == one.start
