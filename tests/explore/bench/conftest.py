"""Fixtures of the tests of `bench`. One server will do: `tests/storage/bench` tests how servers differ."""

import pytest

from tests.conftest import SERVERS
from tests.support.bench import session, settings
from tests.support.servers.s3 import S3Server

__all__ = ["session", "settings"]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> S3Server:
    """The first of the servers."""
    found: S3Server = request.getfixturevalue(SERVERS[0])
    return found
