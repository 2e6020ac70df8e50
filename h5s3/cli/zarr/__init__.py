"""Commands that bring HDF5 and Zarr together."""
