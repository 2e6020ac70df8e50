"""What stands in the tree, the rows of it that are shown, and ways to a place."""
