"""How a file is laid out: what `doctor` and `bench` need."""
