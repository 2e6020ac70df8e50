"""Overviews of large arrays: their numbers, and the documents that describe them."""
