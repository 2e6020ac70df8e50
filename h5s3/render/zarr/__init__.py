"""What commands print that bring HDF5 and Zarr together."""
