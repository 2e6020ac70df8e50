"""What this machine has to read HDF5 with: libraries and filters."""

from __future__ import annotations

import h5py
import numpy

from h5s3.formats.hdf5.objects.filters import NAMES, available
from h5s3.formats.hdf5.objects.plugins import allow_plugins, plugin_folders

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
