"""Files of a log, fetched together as far as they fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from h5s3.errors import DamagedError
from h5s3.formats.tables.place import Place
from h5s3.sizes import MIB

PORTION, FILES = 256 * MIB, 1000  # bytes and files that are fetched at once


class Fetched:
    """Files that are asked for one after another: those before are forgotten."""

    def __init__(self, place: Place, names: Sequence[str], sizes: Mapping[str, int]) -> None:
        self._place = place
        self._portions = list(_portions(list(dict.fromkeys(names)), sizes))
        self._asked: Sequence[str] = ()
        self._here: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        """A file of those that were named. Raises `DamagedError` where it is not there."""
        if name not in self._asked:
            self._asked = next(portion for portion in self._portions if name in portion)
            self._here = {}
            self._here = self._place.documents(self._asked)
        if name not in self._here:
            raise DamagedError(f"{name} is not there")
        return self._here[name]


def _portions(names: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Names in order, as many together as are small enough."""
    portion: list[str] = []
    left = PORTION
    for name in names:
        size = sizes.get(name, 0)
        if portion and (size > left or len(portion) >= FILES):
            yield portion
            portion, left = [], PORTION
        portion.append(name)
        left -= size
    if portion:
        yield portion
