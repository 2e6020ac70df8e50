"""Other files that a file names: opened by their own identity, read by us, never by libhdf5 on its own."""
