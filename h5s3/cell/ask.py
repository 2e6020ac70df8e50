"""A question about the contents of an object, asked in whatever process this is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from h5s3.formats.base import AskAgainError, Contents, Format, Source

T = TypeVar("T")


def ask(chosen: Format, source: Source, question: Callable[[Contents], T]) -> T:
    """The answer to a question about the contents of a source."""
    try:
        with chosen.open(source) as contents:
            return question(contents)
    except AskAgainError:
        with chosen.open(source) as contents:
            return question(contents)
