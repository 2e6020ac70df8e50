"""How values are written down: as JSON, and in frames of compressed bytes."""
