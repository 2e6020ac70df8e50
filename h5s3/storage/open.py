"""Which storage answers for a location. S3's client is loaded when an S3 location is first asked for."""

from __future__ import annotations

from h5s3.settings import Settings
from h5s3.storage.base import Store
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace


def open_store(location: Location, settings: Settings, trace: Trace) -> Store:
    """The store for a location. Raises `UsageError` where settings or protocol make no sense."""
    if location.kind == "local":
        from h5s3.storage.stores.local import LocalStore

        return LocalStore()
    if location.kind == "web":
        from h5s3.storage.stores.web import WebStore

        return WebStore(settings, trace)
    if location.kind == "fsspec":
        from h5s3.storage.stores.fsspec import open_fsspec

        return open_fsspec(location, settings, trace)
    from h5s3.storage.stores.s3 import S3Store

    return S3Store(settings, trace)
