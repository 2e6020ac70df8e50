"""The formats: what a location holds, and its answers."""
