"""What `doctor` prints."""
