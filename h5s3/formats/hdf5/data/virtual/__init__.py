"""Virtual datasets whose values are in other files: their mappings, composed and read by us."""
