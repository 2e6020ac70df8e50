"""A dataset with what the conventions of its file say of it."""

from __future__ import annotations

from h5s3.formats.base import Coordinate
from h5s3.formats.hdf5.conventions.coordinates import read_coordinates
from h5s3.formats.hdf5.conventions.images import as_picture
from h5s3.formats.hdf5.conventions.nexus import is_signal, signal_axes, title_of
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.images import Picture


class ConventionalArray(Hdf5Array):
    """Coordinates and colours by NetCDF, NeXus and the HDF5 Image specification."""

    def coordinates(self) -> tuple[str, list[Coordinate]]:
        """By dimension scales; where there are none, by the NeXus group that shows this dataset."""
        shape = self.facts.shape or ()
        scales = read_coordinates(self.file, self.dataset, shape)
        known = any(item.label or item.array is not None for item in scales)
        if known or self.found is None or not is_signal(self.file, self.found):
            return "", scales
        return title_of(self.file, self.found.parent), signal_axes(self.file, self.found, shape)

    def picture(self) -> Picture | None:
        """By the HDF5 Image specification, or by shape alone."""
        return None if self.readable is None else as_picture(self)
