"""Plots as text and as figures."""
