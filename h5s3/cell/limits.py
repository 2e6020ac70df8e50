"""What a process that reads what strangers wrote may take of this machine."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from h5s3.errors import DamagedError
from h5s3.settings import cpu_limit, memory_limit
from h5s3.sizes import GIB, option_text

OPEN_FILES = 1024  # sockets and files at once: enough for the connections of a benchmark
FOREIGN = ("HDF5_VOL_CONNECTOR", "HDF5_DRIVER")  # libhdf5 would load libraries for them as it starts
_limited: list[int | None] = []  # seconds of processor time without progress, in a process that is limited


def limit(memory: int | None, seconds: int | None, for_good: bool = False) -> None:
    """Bound memory, processor time and open files of this process, where the system can.

    Only what this process allocates counts as memory (`RLIMIT_DATA`), not what libraries map or reserve. A
    crash leaves no core file: it would hold credentials. `for_good`: memory and files can be given no other
    limit by this process itself.
    """
    _limited[:] = [seconds]
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here needs it, and its threads take memory
    for name, amount in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", OPEN_FILES),
        ("RLIMIT_DATA", memory),
    ):
        _lower(name, amount, for_good)
    renew()


def follow(alive: int) -> None:
    """Have the kernel end this process when the other end of this pipe closes, whatever it is busy with."""
    import fcntl

    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(alive, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(alive, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(alive, fcntl.F_SETFL, fcntl.fcntl(alive, fcntl.F_GETFL) | os.O_ASYNC)


def renew() -> None:
    """Start the limit on processor time again: there is progress."""
    if _limited and _limited[0] is not None:
        used = os.times()
        _lower("RLIMIT_CPU", int(used.user + used.system) + _limited[0])


def allow(more: int) -> None:
    """Let this process take so many bytes more than the default: it was told to fetch them."""
    most = memory()
    if _limited and most is not None:
        _lower("RLIMIT_DATA", most + 4 * more)


def memory() -> int | None:
    """The limit in bytes: `H5S3_MEMORY`, or 4 GiB, or three quarters of a smaller machine's memory."""
    return memory_limit(_installed())


def seconds() -> int | None:
    """The limit on processor time without progress: `H5S3_CPU_SECONDS`."""
    return cpu_limit()


def exhausted() -> DamagedError:
    """What is said where the memory was not enough."""
    most = memory() or 0
    return DamagedError(
        f"reading it takes more than the {option_text(most)} of memory that are allowed",
        hint=f"H5S3_MEMORY={option_text(2 * most)} allows more",
    )


def _installed() -> int:
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 64 * GIB


def _lower(name: str, amount: int | None, for_good: bool = False) -> None:
    """Set a soft limit, within what the user already set."""
    try:
        import resource
    except ImportError:  # not a Unix
        return
    number = getattr(resource, name, None)
    if number is None or amount is None:
        return
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        amount = min(amount, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(number, (amount, amount if for_good else hard))
