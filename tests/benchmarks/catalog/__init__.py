"""What catalogs take, and that they survive kills."""
