"""The values of arrays: where they are stored, what their bytes went through, and how they are read."""
