"""The file system of s3fs, which `bench` holds our own store of S3 against."""

from __future__ import annotations

from typing import Any

import s3fs
from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped]

from h5s3.settings import Settings
from h5s3.storage.stores.fsspec import quiet


def s3fs_filesystem(settings: Settings, session: Any = None) -> Any:
    """The file system of s3fs, on a session of aiobotocore where one is given."""
    quiet()
    client: dict[str, Any] = {"region_name": settings.region} if settings.region else {}
    if settings.insecure:
        client["verify"] = False
    return s3fs.S3FileSystem(
        anon=settings.anon,
        profile=settings.profile,
        key=settings.access_key,
        secret=settings.secret_key,
        endpoint_url=settings.endpoint_url,
        client_kwargs=client,
        config_kwargs={"http_session_cls": UnredirectedSession},
        requester_pays=settings.request_payer,
        skip_instance_cache=True,
        session=session,
    )


class UnredirectedSession(AIOHTTPSession):  # type: ignore[misc]
    """Connections that follow no redirect, as those of botocore.

    aiohttp would: it leaves the signature behind and takes a session token along, and what another host
    answers would pass for the object.
    """

    async def _get_session(self, proxy_url: str | None) -> Any:
        return _Unredirected(await super()._get_session(proxy_url))


class _Unredirected:
    """A session of aiohttp that stays where it is."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        return await self._session.request(*args, **{**kwargs, "allow_redirects": False})
