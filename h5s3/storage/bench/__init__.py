"""What `bench` asks of a storage, each request timed."""
