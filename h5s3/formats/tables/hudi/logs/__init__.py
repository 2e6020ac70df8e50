"""Log files of merge-on-read tables: blocks, the rows in them, and how they are merged with base files."""
