"""The engine `h5s3` of xarray: its engine `h5netcdf`, over files in S3-compatible storage."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from xarray.backends.h5netcdf_ import H5netcdfBackendEntrypoint

from h5s3.api import SettingsArgs, open_bytes
from h5s3.errors import UsageError
from h5s3.formats.names import looks_like_hdf5
from h5s3.storage.location import S3_SCHEMES

OWN = tuple(SettingsArgs.__annotations__)


class H5s3BackendEntrypoint(H5netcdfBackendEntrypoint):  # type: ignore[misc]
    """Opens netCDF-4 and HDF5 files at any location of h5s3; its settings are keyword arguments."""

    description = "Open netCDF-4 and HDF5 files in S3-compatible storage using h5s3"
    url = "https://pypi.org/project/h5s3"
    open_dataset_parameters = (
        *(
            name
            for name in inspect.signature(H5netcdfBackendEntrypoint.open_dataset).parameters
            if name != "self"
        ),
        *OWN,
    )

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Locations in S3 with a name that HDF5 files have."""
        text = filename_or_obj if isinstance(filename_or_obj, str) else ""
        scheme, separator, key = text.partition("://")
        return bool(separator) and scheme.lower() in S3_SCHEMES and looks_like_hdf5(key)

    def open_dataset(self, filename_or_obj: Any, **options: Any) -> Any:
        """One group as a dataset."""
        return _delegated(super().open_dataset, filename_or_obj, options)

    def open_datatree(self, filename_or_obj: Any, **options: Any) -> Any:
        """All groups."""
        return _delegated(super().open_datatree, filename_or_obj, options)

    def open_groups_as_dict(self, filename_or_obj: Any, **options: Any) -> Any:
        """All groups, by their paths."""
        return _delegated(super().open_groups_as_dict, filename_or_obj, options)


def _delegated(open_with: Callable[..., Any], place: Any, options: dict[str, Any]) -> Any:
    """Have xarray open the bytes at a place. What is open already goes to it as it is."""
    try:
        import h5netcdf  # noqa: F401 - xarray does not say what is missing
    except ImportError:
        raise UsageError("the engine needs h5netcdf", hint="pip install 'h5s3[xarray]'") from None
    settings = {name: options.pop(name) for name in OWN if name in options}
    if isinstance(place, str | os.PathLike):
        place = open_bytes(place, settings)  # type: ignore[arg-type]
    return open_with(place, **options)
