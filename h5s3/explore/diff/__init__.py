"""What differs between two objects."""
