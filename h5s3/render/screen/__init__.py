"""What a full-screen program shows: the same lines and plots, as pieces of styled text."""
