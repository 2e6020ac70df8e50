"""Files that name other files."""
