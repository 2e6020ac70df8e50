"""What `serve` says when it listens."""

from __future__ import annotations

from typing import Literal

from h5s3.records.base import Document


class Serve(Document, kw_only=True):
    """A folder or a prefix that is served over HTTP now."""

    schema: Literal["h5s3/serve/1"] = "h5s3/serve/1"
    location: str
    url: str  # objects are below it
    origins: list[str]  # of pages that may read the answers
