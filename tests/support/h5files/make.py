"""Small HDF5 files, one for each feature of the format, generated when a test needs them.

FILES maps the name of a feature to the function that writes the file; every one of them opens with plain
h5py, though not all that is in them can be read. BAD does the same for what is no HDF5 file, or no more.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.h5files import (
    attributes,
    containers,
    conventions,
    filters,
    layouts,
    links,
    native,
    numbers,
    science,
    spaces,
    strings,
    types,
)
from tests.support.h5files.registry import BAD, FILES
from tests.support.hostile import bad_files

MODULES = (
    numbers,
    strings,
    types,
    spaces,
    layouts,
    filters,
    links,
    containers,
    attributes,
    conventions,
    science,
    native,
    bad_files,
)

CRASHES = frozenset({"virtual_cycle"})
"""Files to be walked but not read: HDF5 itself crashes the process when asked for their data."""

VARYING = frozenset(
    {
        "track_times",
        "space_aggregator",
        "space_manager",
        "space_none",
        "space_page",
        "space_page_large",
        "space_page_persistent",
        "metadata_cache_image",
        "shared_messages",
    }
)
"""Files whose bytes differ between runs, by the time stamps that HDF5 puts in superblock extensions."""


def make(name: str, directory: Path) -> Path:
    """Write the file of that name, good or bad, into a directory, as <name>.h5; some write others too."""
    path = Path(directory) / f"{name}.h5"
    maker = FILES.get(name) or BAD[name]
    maker(path)
    return path


def make_all(directory: Path) -> dict[str, Path]:
    """Write all the good files into a directory."""
    return {name: make(name, directory) for name in FILES}
