"""Objects below a place whose first and last bytes are kept: where a listing has just told who they are, they
are not asked for again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from h5s3.cache import Cache
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.location import Location
from h5s3.storage.objects import Found, Objects
from h5s3.storage.trace import Trace

LONGEST = 1 << 20  # bytes of a piece that is kept
MOST_READ = 64 << 20  # bytes of what is read of them that are kept: who exports a table leaves it to others


class KeptObjects(Objects):
    """What was listed below a place is looked for in the cache, under its ETag and size."""

    def __init__(
        self,
        store: Store,
        place: Location,
        trace: Trace,
        cache: Cache,
        outside: bool = False,
        known: Mapping[str, ObjectInfo] | None = None,
    ) -> None:
        super().__init__(store, place, trace, outside)
        self._cache, self._counts = cache, trace
        self.known.update(known or {})
        self._room = MOST_READ

    def look(self, paths: Sequence[str], length: int) -> list[Found | None]:
        """As `Objects` does."""
        wanted = [(path, (0, length)) for path in paths]
        return self._kept(wanted, lambda missing: super(KeptObjects, self).look(missing, length))

    def tails(self, files: Sequence[tuple[str, int]], length: int) -> list[Found | None]:
        """As `Objects` does."""
        sizes = dict(files)
        wanted = [(path, (max(0, size - length), size)) for path, size in files]

        def ask(missing: Sequence[str]) -> list[Found | None]:
            return super(KeptObjects, self).tails([(path, sizes[path]) for path in missing], length)

        return self._kept(wanted, ask)

    def read(self, wanted: Sequence[tuple[ObjectInfo, Range]]) -> list[bytes]:
        """As `Objects` does."""
        keys = [
            _key(info, part) if info.identity and part[1] - part[0] <= LONGEST else ""
            for info, part in wanted
        ]
        held = self._cache.get_many(key for key in keys if key)
        self._counts.hits += len(held)
        missing = [one for one, key in zip(wanted, keys, strict=True) if key not in held]
        fetched = iter(super().read(missing) if missing else ())
        found = [held[key] if key in held else next(fetched) for key in keys]
        new = {key: data for key, data in zip(keys, found, strict=True) if key and key not in held}
        self._room -= sum(map(len, new.values()))
        if self._room > 0:
            self._cache.set_many(new, "block")
        return found

    def _kept(
        self, wanted: Sequence[tuple[str, Range]], ask: Callable[[Sequence[str]], list[Found | None]]
    ) -> list[Found | None]:
        keys: dict[str, str] = {}
        for path, part in wanted:
            info = self.known.get(path)
            if info is not None and part[1] - part[0] <= LONGEST and part[0] < info.size:
                keys[path] = _key(info, part)
        held = self._cache.get_many(keys.values()) if keys else {}
        self._counts.hits += len(held)
        found: dict[str, Found | None] = {
            path: (self.known[path], held[key]) for path, key in keys.items() if key in held
        }
        missing = [path for path, _ in wanted if path not in found]
        fetched = dict(zip(missing, ask(missing) if missing else (), strict=True))
        parts = dict(wanted)
        new = {
            _key(one[0], parts[path]): one[1]
            for path, one in fetched.items()
            if one is not None and path in keys and one[0].identity and len(one[1]) <= LONGEST
        }
        self._cache.set_many(new, "block")
        return [found[path] if path in found else fetched[path] for path, _ in wanted]


def _key(info: ObjectInfo, part: Range) -> str:
    """Of bytes of an object: of its ETag, not its version, which listings do not tell."""
    start, stop = part[0], min(part[1], info.size)
    return f"piece:{replace(info, version_id=None).identity}:{start}-{stop}"
