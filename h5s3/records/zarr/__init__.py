"""Records of commands that write for readers of Zarr."""
