"""Decoders of types, each made by one thread at a time.

What msgspec knows of a record it puts to the class of the record before it is complete: a thread that decodes
the same record meanwhile crashes the process.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

import msgspec

_making = threading.RLock()
if hasattr(os, "register_at_fork"):  # a new process has no thread that would complete it
    os.register_at_fork(
        before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release
    )


@cache
def json_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a type from JSON, for all threads."""
    with _making:
        return msgspec.json.Decoder(kind)


@cache
def msgpack_decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """The decoder of a type from MessagePack, for all threads."""
    with _making:
        return msgspec.msgpack.Decoder(kind)


def converted(value: Any, kind: Any) -> Any:
    """Values of `json` as a type. Raises `msgspec.ValidationError`."""
    json_decoder(kind)  # with it, all is known of the type
    return msgspec.convert(value, kind)
