"""Python's garbage collector, held back while bytes are fetched for libhdf5.

libhdf5 waits for them with h5py's lock taken. Another thread in which the collector happens to run may
meet an object of h5py in a cycle; to free it takes that lock. Were it a thread that fetches, each would
wait for the other without end.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_holding = 0  # fetches under way, in all threads
_was_on = False


@contextmanager
def held_back() -> Iterator[None]:
    """Within this, no thread begins to collect by itself."""
    global _holding, _was_on
    with _lock:
        if not _holding:
            _was_on = gc.isenabled()
            gc.disable()
        _holding += 1
    try:
        yield
    finally:
        with _lock:
            _holding -= 1
            if not _holding and _was_on:
                gc.enable()
