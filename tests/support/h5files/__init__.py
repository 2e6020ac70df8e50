"""Support: h5files."""
