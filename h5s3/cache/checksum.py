"""The hash that every value carries.

It covers the value and the key that it is stored under. What was cut, flipped or lengthened on the disk, and
what was swapped with the value of another key, does not fit and is as good as absent. An older value of the
same key does fit: blocks and answers are the same for ever, since their keys name the object's identity, and
what a server said of an object or a prefix has the time that it was said in it.

The hash has no secret in it, so it is no protection against somebody who means harm: whoever can write to the
directory can make a value that fits. Against them stands the directory itself, which is its owner's alone or
is not used; and what runs as the same user can change this program as well as its cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

DIGEST = 16


def seal(key: str, value: bytes) -> bytes:
    """The value with its hash before it."""
    return digest(key, [value]) + value


def unsealed(key: str, stored: bytes | None) -> bytes | None:
    """The value where its hash fits this key; a flipped, cut or swapped entry is as good as absent."""
    if stored is None or len(stored) < DIGEST:
        return None
    value = stored[DIGEST:]
    return value if digest(key, [value]) == stored[:DIGEST] else None


def digest(key: str, pieces: Iterable[bytes]) -> bytes:
    """The hash of a value that comes in pieces."""
    found = blake2b(key=blake2b(key.encode(), digest_size=32).digest(), digest_size=DIGEST)
    for piece in pieces:
        found.update(piece)
    return found.digest()
