"""The full-screen terminal: the same questions and the same pictures, in a tree and a pane beside it."""
