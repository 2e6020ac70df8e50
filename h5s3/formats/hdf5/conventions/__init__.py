"""Conventions that communities put on top of HDF5."""
