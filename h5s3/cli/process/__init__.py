"""The process that a command runs in: signals, limits, the supervising parent."""
