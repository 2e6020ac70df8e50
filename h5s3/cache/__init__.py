"""The persistent cache: bytes under text keys on this machine's disk, trusted as little as the network.

diskcache unpickles whatever a row calls a pickle (CVE-2025-69872), opens whatever file name a row holds, and
leaves its directory open to everybody. Here nothing is unpickled and no file of a value is opened, every
value carries a checksum that covers its key, and the directory belongs to its owner alone. Any failure of
the cache costs the cache, never the command.

`directory` is where the cache is stored and who may use it, `disk` the use of diskcache, `cache` what
commands call, `verify` finds and mends damage.
"""

from __future__ import annotations

from h5s3.cache.cache import Cache
from h5s3.cache.directory import VERSION

__all__ = ["VERSION", "Cache"]
