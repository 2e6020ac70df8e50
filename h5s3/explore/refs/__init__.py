"""References with which Zarr reads HDF5 files where they are."""
