"""Single values, read exactly."""
