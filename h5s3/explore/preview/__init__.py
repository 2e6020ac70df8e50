"""The question `preview`."""
