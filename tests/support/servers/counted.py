"""What a question costs: sessions whose requests a proxy counts."""

from __future__ import annotations

from h5s3.explore.session import Session
from h5s3.settings import Settings
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server


def asking(server: S3Server, proxy: Proxy) -> Session:
    """A session as a new process has it, with nothing cached; the proxy counts from here."""
    proxy.reset()
    return Session(
        Settings(
            endpoint_url=proxy.url, access_key=server.access_key, secret_key=server.secret_key,
            region=server.region, no_cache=True,
        )
    )  # fmt: skip
