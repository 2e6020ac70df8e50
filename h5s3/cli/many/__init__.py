"""Commands over several files."""
