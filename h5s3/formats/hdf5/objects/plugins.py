"""Whether libhdf5 may load filters from the folders that HDF5_PLUGIN_PATH names.

To read a chunk, libhdf5 loads every library in those folders until one says that it is the filter: what a
file from elsewhere names would so choose code that runs here. hdf5plugin's filters are registered one by one
from its own folder, and need none of this.
"""

from __future__ import annotations

import os

from h5py import h5pl

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
