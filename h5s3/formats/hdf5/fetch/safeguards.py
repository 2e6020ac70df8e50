"""What a file could do to libhdf5 while it reads: take memory without end as it decodes, or never return."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from h5s3.errors import DamagedError, RefusedError
from h5s3.sizes import MIB

DECODING = 512 * MIB  # that decoding may take at a time, beside what is in use already
HEAP = b"GCOL"  # the signature of a global heap's collection
HEAP_HEADER = 16  # bytes of a collection's, and of an object's

OUT_OF_MEMORY = ("memory allocation failed", "can't allocate", "unable to allocate", "no space available")


@contextmanager
def decoding(most: int = DECODING) -> Iterator[None]:
    """Within this, no more memory is granted than so much. Raises `RefusedError` where that is too little.

    A stream of deflate, or strings that all share their bytes, become gigabytes while they are decoded, and
    nothing says so before. Only Linux counts what is in use: elsewhere nothing is bounded here.
    """
    lowered = _room.take(most)
    try:
        yield
    except (MemoryError, OSError, RuntimeError, ValueError) as error:
        if not lowered or not _of_memory(error):
            raise
        cause = f"the values take more than {most >> 20} MiB of memory while they are decoded"
        raise RefusedError(cause) from None
    finally:
        if lowered:
            _room.give_back()


class _Room:
    """The limit of this process, which all threads that decode share: the last one restores it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = (0, 0)

    def take(self, most: int) -> bool:
        """Lower the limit, or raise what another thread has lowered; whether there is one."""
        with self._lock:
            try:
                import resource

                soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
                if self._inside:
                    allowed = soft + most if hard == resource.RLIM_INFINITY else min(soft + most, hard)
                else:
                    with open("/proc/self/statm", "rb") as file:
                        allowed = int(file.read().split()[5]) * resource.getpagesize() + most
                    if resource.RLIM_INFINITY != soft <= allowed:
                        return False
                    self._before = soft, hard
                resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))
            except (ImportError, OSError, ValueError, AttributeError, IndexError):
                return False
            self._inside += 1
            return True

    def give_back(self) -> None:
        """Restore the limit, once nobody decodes any more."""
        import resource

        with self._lock, suppress(ValueError, OSError):
            self._inside -= 1
            if not self._inside:
                resource.setrlimit(resource.RLIMIT_DATA, self._before)


_room = _Room()


def _of_memory(error: Exception) -> bool:
    """Whether memory was short: by Python's account, or in the words of libhdf5."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY)


def check_heap(data: memoryview) -> None:
    """Raise `DamagedError` where what was read is a global heap with a step of length 0; else do nothing.

    libhdf5 steps from object to object of a collection (HDF5 File Format Specification, III.E) without a look
    at whether a step leads anywhere: one of length 0, such as zeros make, is a loop without end. For files
    whose lengths have 8 bytes. Other damage is libhdf5's to find.
    """
    if data[:4] != HEAP or len(data) < 2 * HEAP_HEADER:
        return
    stop = min(int.from_bytes(data[8:16], "little"), len(data))
    at = HEAP_HEADER
    while at + HEAP_HEADER <= stop:
        index = int.from_bytes(data[at : at + 2], "little")
        length = int.from_bytes(data[at + 8 : at + 16], "little")
        step = (HEAP_HEADER + length + -length % 8) % (1 << 64) if index else length
        if step == 0:
            raise DamagedError("the file is damaged: a global heap that does not end")
        at += step
