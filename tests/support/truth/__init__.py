"""Support: truth."""
