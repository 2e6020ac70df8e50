"""The question `du`."""
