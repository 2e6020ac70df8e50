"""Stores of Zarr, from what HDF5 holds: their documents and their chunks."""
