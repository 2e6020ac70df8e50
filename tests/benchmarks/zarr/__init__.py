"""What brings HDF5 and Zarr together, against its peers."""
