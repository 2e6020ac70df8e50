"""The state of the persistent cache."""

from __future__ import annotations

from contextlib import closing

from h5s3.cache import Cache
from h5s3.cache.directory import encodable
from h5s3.errors import H5s3Error
from h5s3.records import CacheClear, CacheInfo, CachePath, CacheVerify
from h5s3.settings import cache_directory, cache_limit


def cache_info() -> CacheInfo:
    """Where the cache is and what it holds."""
    with closing(Cache()) as cache:
        counts = cache.info()
        return CacheInfo(
            path=encodable(cache.directory),
            exists=cache.directory.exists(),
            limit=cache_limit(),
            problem=cache.problem,
            **counts,  # type: ignore[arg-type] # the other fields, by name
        )


def cache_path() -> CachePath:
    """Where the cache is, or would be."""
    return CachePath(path=encodable(cache_directory()))


def clear_cache() -> CacheClear:
    """Forget everything; how many entries that were. Raises `H5s3Error` where the cache cannot be used."""
    with closing(Cache()) as cache:
        removed = cache.clear()
        if cache.problem:
            raise H5s3Error(f"the cache {cache.problem}", location=encodable(cache.directory))
        return CacheClear(path=encodable(cache.directory), entries=removed)


def verify_cache(*, mend: bool = True) -> CacheVerify:
    """Read all of the cache and mend what is damaged. Raises `H5s3Error` where it cannot be read just now."""
    from h5s3.cache.verify import verify

    return verify(cache_directory(), mend=mend)
