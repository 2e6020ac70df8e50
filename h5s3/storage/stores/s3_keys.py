"""Keys as numbers: where in a listing the keys would be that come so many pages later.

A key is read as digits, one for each character, in the alphabet of what is seen at that place: behind `scan0`
stand digits, in a hash those of base 16. In such numbers the keys of many listings lie evenly enough to guess
ahead. A wrong guess costs time, never an answer.
"""

from __future__ import annotations

import string
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest

SAMPLES = 16  # keys of a page that are looked at
FINER = 8  # characters beyond the first that differs, which count
LONGEST = 1024  # characters of a key
MOST_SYMBOLS = 256  # that are told apart at one place
AFTER_SLASH = chr(ord("/") + 1)  # in its place: behind all keys of a common prefix, and before what follows
CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)


class KeySpace:
    """What stands where in the keys of a listing below a prefix, folded at the slashes behind it or not."""

    def __init__(self, prefix: str, folded: bool = False) -> None:
        self._prefix = prefix
        self._folded = folded
        self._seen: list[set[str]] = []  # by place, behind the prefix; "" where keys end

    def learn(self, keys: Sequence[str]) -> None:
        """Look at some keys of a page."""
        start = len(self._prefix)
        step = max(1, len(keys) // SAMPLES)
        for key in (*keys[::step], *keys[-1:]):
            rest = key[start : start + LONGEST]
            while len(self._seen) <= len(rest):
                self._seen.append(set())
            for place, char in zip_longest(self._seen, (*rest, "")):
                if char is None:
                    break
                if len(place) < MOST_SYMBOLS:
                    place.add(char)

    def beyond(self, first: str, last: str, start: str, times: float) -> str | None:
        """What lies so many times as far behind `start` as `last` behind `first`; None where nothing can."""
        alphabets = self._alphabets(first, last)
        one, two, begin = (_number(self._rest(key), alphabets) for key in (first, last, start))
        number = begin + int((two - one) * times)
        text = _text(number, alphabets) if number > begin else None
        if text is not None and self._folded and "/" in text:
            text = text[: text.index("/")] + AFTER_SLASH
        return None if text is None else self._prefix + text

    def distance(self, first: str, last: str, start: str, stop: str) -> float:
        """From `start` to `stop`, as a multiple of what lies between `first` and `last`."""
        alphabets = self._alphabets(first, last)
        one, two, begin, end = (_number(self._rest(key), alphabets) for key in (first, last, start, stop))
        return (end - begin) / (two - one) if two > one else 0.0

    def _rest(self, key: str) -> str:
        return key[len(self._prefix) :]

    def _alphabets(self, first: str, last: str) -> list[tuple[str, ...]]:
        """Of as many places as it takes to tell the two apart, and some more."""
        one, two = self._rest(first), self._rest(last)
        differs = next((at for at, (a, b) in enumerate(zip_longest(one, two)) if a != b), 0)
        return [_alphabet(frozenset(seen)) for seen in self._seen[: differs + FINER]]


@lru_cache(maxsize=4096)
def _alphabet(seen: frozenset[str]) -> tuple[str, ...]:
    """What may stand at a place where these were seen: all digits for one, all letters, those of base 16."""
    symbols = set(seen)
    for kind in CLASSES:
        found = seen.intersection(kind)
        hexadecimal = found <= set("abcdefABCDEF") and not seen.isdisjoint(string.digits)
        if found:
            symbols.update(kind[:6] if hexadecimal and kind != string.digits else kind)
    return tuple(sorted(symbols))


def _number(text: str, alphabets: Sequence[tuple[str, ...]]) -> int:
    number = 0
    for at, alphabet in enumerate(alphabets):
        char = text[at : at + 1]
        rank = bisect_left(alphabet, char)
        number = number * len(alphabet) + min(rank, len(alphabet) - 1)
    return number


def _text(number: int, alphabets: Sequence[tuple[str, ...]]) -> str | None:
    """The text that stands for a number; None for one that is too large."""
    symbols = []
    for alphabet in reversed(alphabets):
        number, rank = divmod(number, len(alphabet))
        symbols.append(alphabet[rank])
    if number:
        return None
    symbols.reverse()
    end = symbols.index("") if "" in symbols else len(symbols)
    return "".join(symbols[:end])
