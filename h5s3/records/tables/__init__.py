"""The records of tables."""
