"""What Zarr can say of an HDF5 file, and where in it the chunks are."""
