"""What commands over several files print."""
