"""What commands over several files return."""
