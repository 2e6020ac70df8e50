"""Memory for what libhdf5 decodes, where the file alone says how much that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from h5s3.errors import RefusedError
from h5s3.sizes import MIB

DECODING = 512 * MIB  # that decoding may take at a time, beside what is in use already

SHORT = ("memory allocation failed", "can't allocate", "unable to allocate", "no space available")


@contextmanager
def decoding(most: int = DECODING) -> Iterator[None]:
    """Within this, no more memory is granted than so much. Raises `RefusedError` where that is too little.

    A stream of deflate, or strings that all share their bytes, become gigabytes while they are decoded, and
    nothing tells before. Only Linux counts what is in use: elsewhere nothing is bounded here.
    """
    before = _lowered(most)
    try:
        yield
    except (MemoryError, OSError, RuntimeError, ValueError) as error:
        if before is None or not _of_memory(error):
            raise
        cause = f"the values take more than {most >> 20} MiB of memory while they are decoded"
        raise RefusedError(cause) from None
    finally:
        if before is not None:
            import resource

            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_DATA, before)


def _of_memory(error: Exception) -> bool:
    """Whether memory was short: by Python's account, or in the words of libhdf5."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in SHORT)


def _lowered(most: int) -> tuple[int, int] | None:
    """Lower the limit; what it was, or None where it stays."""
    try:
        import resource

        with open("/proc/self/statm", "rb") as file:
            used = int(file.read().split()[5]) * resource.getpagesize()
        soft, hard = before = resource.getrlimit(resource.RLIMIT_DATA)
        if resource.RLIM_INFINITY != soft <= used + most:
            return None
        resource.setrlimit(resource.RLIMIT_DATA, (used + most, hard))
    except (ImportError, OSError, ValueError, AttributeError, IndexError):
        return None
    return before
