"""Support: hostile."""
