"""The question `doctor`."""
