"""The state of the persistent cache."""

from __future__ import annotations

from typing import Any

from h5s3.cache import Cache
from h5s3.cache.directory import written
from h5s3.errors import H5s3Error
from h5s3.records import CacheClear, CacheInfo, CachePath, CacheVerify
from h5s3.settings import cache_directory, cache_limit


def cache_info() -> CacheInfo:
    """Where the cache is and what it holds."""
    cache = Cache()
    try:
        counts: dict[str, Any] = cache.info()
        return CacheInfo(
            path=written(cache.directory),
            exists=cache.directory.exists(),
            limit=cache_limit(),
            problem=cache.problem,
            **counts,
        )
    finally:
        cache.close()


def cache_path() -> CachePath:
    """Where the cache is, or would be."""
    return CachePath(path=written(cache_directory()))


def clear_cache() -> CacheClear:
    """Forget everything; how many entries that were. Raises `H5s3Error` where the cache cannot be used."""
    cache = Cache()
    try:
        removed = cache.clear()
        if cache.problem:
            raise H5s3Error(f"the cache {cache.problem}", location=written(cache.directory))
        return CacheClear(path=written(cache.directory), entries=removed)
    finally:
        cache.close()


def verify_cache(*, mend: bool = True) -> CacheVerify:
    """Read all of the cache and mend what is damaged. Raises `H5s3Error` where it cannot be read just now."""
    from h5s3.cache.verify import Audit

    return Audit(cache_directory(), mend=mend).run()
