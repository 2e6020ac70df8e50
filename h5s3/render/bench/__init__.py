"""What `bench` prints."""
