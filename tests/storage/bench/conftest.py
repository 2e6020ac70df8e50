"""Fixtures of the tests of `bench`, with each server in turn."""

from tests.support.bench import session, settings

__all__ = ["session", "settings"]
