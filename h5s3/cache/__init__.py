"""The persistent cache: bytes under text keys, on this machine's disk, trusted as little as the network.

diskcache unpickles whatever a row says is a pickle (CVE-2025-69872), opens whatever file name a row
holds, and leaves its directory open to the world. Here a row is text key and bytes value or it is
refused, every value carries a hash that covers its key, and the directory is its owner's alone. Any
failure of the cache costs the cache, never the command.

`place` is where it lies and whose that is, `seals` what a value carries, `disk` what is made of diskcache,
`store` what commands use; `audit` finds and mends damage, with `rows` and `remains`.
"""

from __future__ import annotations

from h5s3.cache.cache import Cache, absence
from h5s3.cache.directory import VERSION

__all__ = ["VERSION", "Cache", "absence"]
