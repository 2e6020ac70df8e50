"""What `doctor` asks of a storage, and what the answers mean."""
