"""Questions to many files at a time."""
