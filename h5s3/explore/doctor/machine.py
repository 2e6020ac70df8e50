"""What is found on this machine: the cache, the libraries, the filters."""

from __future__ import annotations

import os
import platform
import shutil
import ssl
import stat
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from h5s3 import __version__
from h5s3.cache import VERSION, Cache
from h5s3.errors import H5s3Error
from h5s3.records import Finding
from h5s3.settings import cache_directory, cache_limit
from h5s3.sizes import MIB, binary_text
from h5s3.storage.doctor.findings import failure, ok, shown_path, unknown, warning

PACKAGES = ("boto3", "botocore", "s3fs", "urllib3")
LITTLE_ROOM = 256 * MIB


def examine_machine(cache: Cache, plugins: bool = True) -> list[Finding]:
    """The findings that no server has a part in. `plugins`: whether HDF5_PLUGIN_PATH counts."""
    return [_cache(cache), _versions(), *_filters(plugins), _walls()]


def _cache(cache: Cache) -> Finding:
    try:
        directory, limit = cache_directory(), cache_limit()
    except H5s3Error as error:
        return failure("cache", f"H5S3_CACHE_SIZE: {error.cause}", error.hint, error.exit_code)
    shown = shown_path(directory)
    if not cache.enabled:
        return ok("cache", f"{shown}, switched off by --no-cache")
    if not directory.exists():
        return _to_be_made(directory, shown)
    found = cache.info()
    if cache.problem:
        remedy = "h5s3 works without it, but slower: h5s3 cache clear, or name another (H5S3_CACHE_DIR)"
        return warning("cache", f"{shown} {cache.problem}; {_ownership(directory)}", remedy)
    free = shutil.disk_usage(directory).free
    held = f"{found['entries']:,} entries, {binary_text(found['bytes'])} of {binary_text(limit)}"
    detail = f"{shown}: {_ownership(directory / VERSION)}; {held}; disk free: {binary_text(free)}"
    if not os.access(directory / VERSION, os.W_OK | os.X_OK):
        remedy = "chmod 700 it, or name another (H5S3_CACHE_DIR)"
        return warning("cache", f"{detail}; it cannot be written to", remedy)
    if free < LITTLE_ROOM:
        return warning("cache", detail, "make room, or name a directory on another disk (H5S3_CACHE_DIR)")
    return ok("cache", detail)


def _to_be_made(directory: Path, shown: str) -> Finding:
    above = next((folder for folder in directory.parents if folder.exists()), directory)
    if os.access(above, os.W_OK | os.X_OK):
        return ok("cache", f"{shown}: not there yet; the first command makes it")
    remedy = "name a directory that can be written to (H5S3_CACHE_DIR)"
    return warning("cache", f"{shown} is not there and cannot be made", remedy)


def _ownership(directory: Path) -> str:
    try:
        status = directory.lstat()
    except OSError as error:
        return f"cannot be looked at ({type(error).__name__})"
    mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return f"{'yours' if mine else f'of user {status.st_uid}'}, mode {stat.S_IMODE(status.st_mode):04o}"


def _walls() -> Finding:
    """What the kernel keeps the process from that reads files."""
    from h5s3.cell.host import Cell
    from h5s3.cell.locks import WALLS

    try:
        walls = Cell().walls()
    except (H5s3Error, OSError) as error:
        return warning("walls", f"the process that reads files does not start: {error}", "H5S3_CELL=0")
    missing = [name for name in WALLS if name not in walls]
    if not missing:
        return ok("walls", "the process that reads files is kept from all else: " + ", ".join(walls))
    stand = f"; there are: {', '.join(walls)}" if walls else ""
    remedy = "read files that you do not trust on Linux 6.12 or newer"
    detail = f"around the process that reads files there is none for: {', '.join(missing)}{stand}"
    return unknown("walls", detail, remedy)


def _versions() -> Finding:
    names = {"h5s3": __version__, "Python": platform.python_version()}
    try:
        from h5s3.formats.hdf5.objects.filters import hdf5_versions

        names |= hdf5_versions()
    except ImportError as error:
        return failure("versions", f"h5py cannot be loaded ({type(error).__name__})", "install h5s3 again", 1)
    for package in PACKAGES:
        try:
            names[package] = version(package)
        except PackageNotFoundError:
            names[package] = "not there"
    listed = ", ".join(f"{name} {number}" for name, number in names.items())
    return ok("versions", f"{listed}, {' '.join(ssl.OPENSSL_VERSION.split()[:2])}, {sys.platform}")


def _filters(plugins: bool) -> list[Finding]:
    try:
        from h5s3.formats.hdf5.objects.filters import filters

        works, missing, paths = filters(plugins)
    except (ImportError, OSError, RuntimeError) as error:
        why = f"they cannot be looked at ({type(error).__name__})"
        return [unknown("filters", why, "install h5s3 again")]
    named = os.environ.get("HDF5_PLUGIN_PATH")
    where = f"; plugins from {', '.join(map(shown_path, paths)) or 'nowhere'}"
    origin = " (HDF5_PLUGIN_PATH)" if named and plugins else ""
    if named and not plugins:
        origin = " (HDF5_PLUGIN_PATH is left out for remote files: --plugins)"
    detail = f"{', '.join(works)}{where}{origin}"
    if missing:
        remedy = "install hdf5plugin again: files with these filters cannot be read"
        return [warning("filters", f"missing: {', '.join(missing)}; there are {detail}", remedy)]
    return [ok("filters", detail)]
