"""Records as HTML for notebooks."""
