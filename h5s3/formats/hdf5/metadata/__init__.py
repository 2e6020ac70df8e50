"""Pointers in HDF5's metadata."""
