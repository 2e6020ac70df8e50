"""What may follow a text that is being typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True)
class Fitting:
    """What may follow a text: whole texts, and how each is called. `complete`: there are no others."""

    texts: Sequence[str]
    names: Sequence[str]
    complete: bool = True


NOTHING = Fitting((), ())
Completer = Callable[[str, Callable[[Fitting], object]], object]


def of_names(names: Sequence[str]) -> Completer:
    """Completes one of a few names."""

    def complete(text: str, take: Callable[[Fitting], object]) -> None:
        found = [name for name in names if name.startswith(text) and name != text]
        take(Fitting(found, found))

    return complete


def of_suffixes(suffixes: Sequence[str]) -> Completer:
    """Gives the name of a file another ending."""

    def complete(text: str, take: Callable[[Fitting], object]) -> None:
        stem = text[: -len(PurePath(text).suffix)] if PurePath(text).suffix else text
        others = [suffix for suffix in suffixes if stem + suffix != text]
        take(Fitting([stem + suffix for suffix in others], others) if stem and " --" not in text else NOTHING)

    return complete
