"""The state of the persistent cache."""

from __future__ import annotations

from typing import Any

from h5s3.cache import Cache
from h5s3.errors import H5s3Error
from h5s3.records import CacheInfo
from h5s3.settings import cache_limit


def cache_info() -> CacheInfo:
    """Where the cache is and what it holds."""
    cache = Cache()
    try:
        counts: dict[str, Any] = cache.info()
        return CacheInfo(
            path=str(cache.directory),
            exists=cache.directory.exists(),
            limit=cache_limit(),
            problem=cache.problem,
            **counts,
        )
    finally:
        cache.close()


def clear_cache() -> int:
    """Forget everything; how many entries that were. Raises `H5s3Error` where the cache cannot be used."""
    cache = Cache()
    try:
        removed = cache.clear()
        if cache.problem:
            raise H5s3Error(f"the cache {cache.problem}", location=str(cache.directory))
        return removed
    finally:
        cache.close()
