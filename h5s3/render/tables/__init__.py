"""What is special about tables, for people."""
