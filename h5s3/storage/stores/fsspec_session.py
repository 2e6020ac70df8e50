"""aiobotocore's connections, but for redirects: aiohttp would follow them.

It leaves the signature behind and takes a session token along, and what another host answers would pass for
the object. botocore itself follows none.
"""

from __future__ import annotations

from typing import Any

from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped]


class UnredirectedSession(AIOHTTPSession):  # type: ignore[misc]
    """Sends what s3fs asks for to the host that it is meant for, and nowhere else."""

    async def _get_session(self, proxy_url: str | None) -> Any:
        return _Still(await super()._get_session(proxy_url))


class _Still:
    """A session of aiohttp that stays where it is."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        return await self._session.request(*args, **{**kwargs, "allow_redirects": False})
