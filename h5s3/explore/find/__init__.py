"""Objects inside many files that meet conditions."""
