"""One client of boto3, its region, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from h5s3.errors import H5s3Error, NetworkError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.stores.s3_client import (
    BOTO_ERRORS,
    ca_bundle,
    make_client,
    make_session,
    signer,
    translate_error,
    unreadable,
)
from h5s3.storage.stores.s3_list import list_buckets, list_versions, objects_page
from h5s3.storage.stores.s3_pages import Page
from h5s3.storage.trace import Trace


class BotoConnection:
    """Whatever boto3's chain of credentials and configuration leads to. Errors are those of `h5s3.errors`."""

    def __init__(self, settings: Settings, trace: Trace, region: str | None = None) -> None:
        self._settings = settings
        self._trace = trace
        self._session = make_session(settings)
        self.redirected: str | None = None  # the region that the client followed a redirect to
        self.client = self._connect(region)

    @property
    def endpoint(self) -> str:
        """Of all buckets, as a URL."""
        return str(self.client.meta.endpoint_url)

    @property
    def region(self) -> str:
        """For which requests are signed."""
        return str(self.client.meta.region_name)

    @property
    def ca_bundle(self) -> str | None:
        """The file of certificates to trust."""
        return ca_bundle(self._session)

    @property
    def who(self) -> str:
        """Who signs, in words that give nothing away."""
        return signer(self._session, self._settings)

    def presign(self, operation: str, names: Mapping[str, Any], seconds: int) -> str:
        """The URL of an operation."""
        try:
            url: str = self.client.generate_presigned_url(operation, Params=dict(names), ExpiresIn=seconds)
        except BOTO_ERRORS as error:
            raise translate_error(error, "") from None
        return url

    def move(self, region: str) -> None:
        """Go on in another region."""
        self.client, self.redirected = self._connect(region), None

    def buckets(self) -> list[Entry]:
        """All buckets."""
        try:
            with self._trace.round():
                return list_buckets(self.client)
        except BOTO_ERRORS as error:
            raise self.explained(error) from None

    def versions(self, location: Location, recursive: bool) -> Iterator[list[Entry]]:
        """All versions of what lies under a prefix, page by page."""
        payer = {"RequestPayer": "requester"} if self._settings.request_payer else {}
        try:
            yield from list_versions(self.client, self._trace, location, recursive, payer)
        except BOTO_ERRORS as error:
            raise self.explained(error) from None

    def page(self, names: dict[str, Any]) -> Page:
        """One page of what lies under a prefix."""
        try:
            return objects_page(self.client, names)
        except BOTO_ERRORS as error:
            raise self.explained(error) from None

    def close(self) -> None:
        """Give back the connections."""
        self.client.close()

    def _connect(self, region: str | None) -> Any:
        client = make_client(self._session, self._settings, self._trace, region)
        client.meta.events.register("request-created.s3", self._note_region)
        return client

    def _note_region(self, request: Any, **rest: Any) -> None:
        if request.context.get("s3_redirect", {}).get("redirected"):
            self.redirected = request.context.get("signing", {}).get("region")

    def explained(self, error: Exception) -> H5s3Error:
        """What a request raised, as one of our errors."""
        if unreadable(error):
            return NetworkError("the server does not answer like S3", hint="check --endpoint-url")
        return translate_error(error, self.who)
