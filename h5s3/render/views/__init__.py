"""Files drawn in the words of their conventions."""
