"""References to the chunks of HDF5 files, in the formats that Zarr reads them from."""
