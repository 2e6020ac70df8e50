"""Support: servers."""
