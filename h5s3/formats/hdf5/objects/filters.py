"""Filter pipelines: names, options, and whether this machine can undo them."""

from __future__ import annotations

import os
from typing import Any

import h5py
import numpy
from h5py import h5pl, h5z

from h5s3.records import Filter

# Names as registered with the HDF Group: https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
NAMES = {
    1: "gzip",
    2: "shuffle",
    3: "fletcher32",
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    305: "lzo",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32002: "mafisc",
    32003: "snappy",
    32004: "lz4",
    32007: "apax",
    32008: "bitshuffle",
    32010: "spdp",
    32012: "lpc-rice",
    32013: "zfp",
    32014: "fpzip",
    32015: "zstd",
    32016: "b3d",
    32017: "sz",
    32018: "fcidecomp",
    32019: "jpeg",
    32020: "vbz",
    32021: "fapec",
    32022: "bitgroom",
    32023: "granular-bitround",
    32024: "sz3",
    32025: "delta-rice",
    32026: "blosc2",
    32027: "flac",
    32028: "sperr",
    32029: "trc",
    32030: "htj2k",
    32031: "openzl",
}
NOT_COMPRESSING = frozenset({2, 3})
BUILT_IN = frozenset({1, 2, 3, 4, 5, 6, 32000})


def list_filters(dcpl: Any) -> list[Filter]:
    """The pipeline in the order in which it is applied on writing."""
    found = []
    for index in range(dcpl.get_nfilters()):
        code, flags, options, name = dcpl.get_filter(index)
        found.append(
            Filter(
                id=code,
                name=NAMES.get(code) or name.decode("utf-8", "backslashreplace") or f"filter {code}",
                options=[int(value) for value in options],
                available=available(code),
                optional=bool(flags & h5z.FLAG_OPTIONAL),
            )
        )
    return found


def available(code: int) -> bool:
    """Whether chunks with this filter can be read here. Loads hdf5plugin when it is first needed."""
    if code not in BUILT_IN:
        import hdf5plugin  # noqa: F401 - importing it registers its filters
    return bool(h5z.filter_avail(code))


def compression(filters: list[Filter]) -> tuple[str | None, Any]:
    """Name and options of the first filter that makes data smaller, in h5py's form."""
    for item in filters:
        if item.id not in NOT_COMPRESSING:
            return item.name, _options(item)
    return None, None


def _options(item: Filter) -> Any:
    if item.id == 1 and item.options:
        return item.options[0]  # the gzip level
    return item.options or None


VARIABLE = "HDF5_PLUGIN_PATH"
_taken: list[bytes] = []  # folders that libhdf5 was started with, while it may not look into them


def allow_plugins(allowed: bool) -> None:
    """Let libhdf5 look into the folders of HDF5_PLUGIN_PATH, or no more; a filter once loaded stays.

    Without the variable there are the folders that libhdf5 was built with, which are the system's: they stay.
    """
    if allowed:
        while _taken:
            h5pl.append(_taken.pop(0))
    elif os.environ.get(VARIABLE):
        while h5pl.size():
            _taken.append(h5pl.get(0))
            h5pl.remove(0)


def plugin_folders() -> list[str]:
    """Where libhdf5 looks for filters now."""
    return [os.fsdecode(h5pl.get(index)) for index in range(h5pl.size())]


USUAL = (1, 2, 3, 4, 32000, 32001, 32026, 32008, 32004, 32015, 307, 32013)


def hdf5_versions() -> dict[str, str]:
    """The HDF5 library, h5py and numpy, as they are loaded."""
    return {"HDF5": h5py.version.hdf5_version, "h5py": h5py.version.version, "numpy": numpy.__version__}


def filters(plugins: bool) -> tuple[list[str], list[str], list[str]]:
    """Names of the filters that work here, those of the usual ones that do not, folders of plugins.

    `plugins`: whether those of HDF5_PLUGIN_PATH count, which are loaded to find out.
    """
    allow_plugins(plugins)
    works = [name for code, name in sorted(NAMES.items()) if available(code)]
    missing = [NAMES[code] for code in USUAL if NAMES[code] not in works]
    return works, missing, plugin_folders()
