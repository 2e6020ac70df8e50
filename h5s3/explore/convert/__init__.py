"""`convert`: HDF5 into Zarr, one file or many, and whether that is right."""
