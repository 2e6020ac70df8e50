"""The question `get`."""
