"""The question `bench`."""
