"""A cache that is written and not read: for what it holds of a file that turned out damaged."""

from __future__ import annotations

from h5s3.cache.cache import Cache


class Anew(Cache):
    """Has nothing of what the cache behind it has, and overwrites that."""

    def __init__(self, behind: Cache) -> None:
        super().__init__(behind.directory, enabled=False)
        self._behind = behind

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        """Store all in the cache behind."""
        self._behind.set_many(items, tag)
