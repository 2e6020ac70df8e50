"""Objects below a prefix of S3 that are written by boto3's client: one request each, put whole or not at all.

Of 1 MiB, boto3 takes two thirds of the processor time of s3fs, and its settings and errors are those of the
store that reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.stores.boto_connection import BotoConnection
from h5s3.storage.stores.s3_client import BOTO_ERRORS
from h5s3.storage.trace import Trace

TOGETHER = 1000  # objects that one request removes, and names of one page


class S3Output:
    """What stands below a prefix of a bucket, which is empty for all of it. `location`: named in errors."""

    threads = 8

    def __init__(self, location: Location, prefix: str, settings: Settings, trace: Trace) -> None:
        self._bucket, self._prefix = location.bucket, prefix
        self.display = location.display
        self._connection = BotoConnection(settings, trace)
        self._trace = trace
        payer = {"RequestPayer": "requester"} if settings.request_payer else {}
        self._common = {"Bucket": self._bucket, **payer}

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        try:
            with self._trace.round():
                yield self._connection.client
        except BOTO_ERRORS as error:
            raise self._connection.explained(error).at(self.display) from None

    def put(self, name: str, data: bytes | memoryview) -> str:
        """One PUT; its mark is the ETag that the server answers with, which a listing has as well."""
        body = data if isinstance(data, bytes) else bytes(data)
        with self._asking() as client:
            found = client.put_object(**self._common, Key=self._prefix + name, Body=body)
        return _mark(len(body), found.get("ETag"))

    def top(self) -> list[str]:
        """From one page of a listing."""
        with self._asking() as client:
            page = client.list_objects_v2(
                **self._common, Prefix=self._prefix, Delimiter="/", MaxKeys=TOGETHER
            )
        names = [item["Key"] for item in page.get("Contents", [])]
        names += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
        return [name.removeprefix(self._prefix) for name in names if name != self._prefix]

    def below(self, name: str = "") -> Iterator[str]:
        """From a listing."""
        for item in self._listed(f"{name}/" if name else ""):
            yield item["Key"].removeprefix(self._prefix)

    def unchanged(self, marks: Mapping[str, str]) -> set[str]:
        """From a listing: sizes and ETags."""
        found = set()
        for item in self._listed(""):
            name = item["Key"].removeprefix(self._prefix)
            if marks.get(name) == _mark(item["Size"], item.get("ETag")):
                found.add(name)
        return found

    def read(self, name: str) -> bytes:
        """One GET."""
        with self._asking() as client:
            body: bytes = client.get_object(**self._common, Key=self._prefix + name)["Body"].read()
        return body

    def remove(self, names: Iterable[str]) -> None:
        """Up to a thousand objects a request."""
        todo = iter(names)
        while some := list(islice(todo, TOGETHER)):
            keys = [{"Key": self._prefix + name} for name in some]
            with self._asking() as client:
                client.delete_objects(**self._common, Delete={"Objects": keys, "Quiet": True})

    def close(self) -> None:
        """Give back the connections."""
        self._connection.close()

    def _listed(self, below: str) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            with self._asking() as client:
                page = client.list_objects_v2(**self._common, Prefix=self._prefix + below, **token)
            yield from page.get("Contents", [])
            if not page.get("NextContinuationToken"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}


def _mark(size: int, etag: str | None) -> str:
    return f"{size}-{(etag or '').strip(chr(34))}"
