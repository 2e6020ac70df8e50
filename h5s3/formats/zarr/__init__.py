"""Zarr: stores of versions 2 and 3."""
