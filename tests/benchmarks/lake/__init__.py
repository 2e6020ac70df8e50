"""Tables, against the libraries of their formats."""
