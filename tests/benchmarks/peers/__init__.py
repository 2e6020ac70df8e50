"""The peers: who they are, what they do, and all tables of them by one command."""
