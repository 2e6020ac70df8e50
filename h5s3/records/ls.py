"""What `ls` returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Record, to_json


class Entry(Record, kw_only=True, gc=False):
    """A bucket, a prefix (common prefix up to the next `/`), or an object."""

    key: str
    uri: str | UnsetType = UNSET  # with --uri, and where several locations are listed
    type: Literal["object", "prefix", "bucket"]
    size: int | None = None
    last_modified: str | None = None
    etag: str | None = None
    storage_class: str | UnsetType = UNSET
    version_id: str | UnsetType = UNSET
    is_latest: bool | UnsetType = UNSET
    delete_marker: bool | UnsetType = UNSET
    format: str | UnsetType = UNSET  # of a prefix that is a store: zarr


class Listing(Document, kw_only=True):
    """What a bucket or prefix holds."""

    schema: Literal["h5s3/ls/1"] = "h5s3/ls/1"
    location: str
    entries: list[Entry]
    truncated: bool = False
    cached: bool = False


@dataclass
class Arriving:
    """A listing whose entries arrive page by page. `truncated` is known once they have all come."""

    location: str
    pages: Iterable[Sequence[Entry]]
    cached: bool = False
    truncated: bool = False

    def document(self, held: int) -> Iterator[bytes]:
        """The JSON of a `Listing` with these entries, in pieces: whole where they are no more than `held`.

        Of a longer one, some may have been handed on when the storage fails: it is left without its end.
        """
        entries: list[Entry] = []
        begun = False
        for page in self.pages:
            entries += page
            if len(entries) > held or begun:
                yield (b"," if begun else self._around()[0]) + to_json([*entries])[1:-1]
                entries, begun = [], True
        if not begun:
            yield self._around()[0] + to_json([*entries])[1:-1]
        yield self._around()[1]

    def _around(self) -> list[bytes]:
        """What stands before the entries and after them."""
        empty = Listing(location=self.location, entries=[], truncated=self.truncated, cached=self.cached)
        before, after = to_json(empty).split(b'"entries":[]')  # no string of JSON can hold that
        return [before + b'"entries":[', b"]" + after]
