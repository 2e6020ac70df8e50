"""What is asked, and how the cache names the answers. Light: the completion of shells starts with no more."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from h5s3 import __version__
from h5s3.formats.requests import Request

SortKey = Literal["name", "size", "time"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to list. `limit` 0 means everything; `uris`: each entry says where it is; `formats`: prefixes say
    which format they are a store of."""

    recursive: bool = False
    glob: str | None = None
    h5: bool = False
    sort: SortKey | None = None
    limit: int = 0
    versions: bool = False
    uris: bool = False
    formats: bool = False


def answer_key(
    kind: str, identity: str, asked: Request, plugins: bool = False, version: str | None = None
) -> str:
    """The key in the cache of an answer: a record of this kind, about the object of this identity."""
    parts: list[Any] = [__version__, kind, asked.key(), *(["plugins"] if plugins else [])]
    parts += [] if version is None else [{"version": version}]
    question = json.dumps(parts, sort_keys=True)
    return f"answer:{identity}:{hashlib.sha256(question.encode()).hexdigest()[:32]}"
