"""The command that fills the screen."""
