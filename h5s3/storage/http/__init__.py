"""Ranged requests over HTTP: connections, limits, certificates, many at a time."""
