"""Why a process that read what strangers wrote has ended, in a sentence."""

from __future__ import annotations

import signal

from h5s3.errors import DamagedError, H5s3Error, KilledError
from h5s3.settings import cpu_limit

FAULTS = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP")
CRASHES = {getattr(signal, name) for name in FAULTS if hasattr(signal, name)}


def of_code(code: int) -> H5s3Error:
    """By its exit code: negative for a signal."""
    return of_signal(-code) if code < 0 else crash(f"code {code}")


def of_signal(number: int) -> H5s3Error:
    """By the signal that ended it."""
    how = signal.strsignal(number) or f"signal {number}"
    if number == signal.SIGXCPU:
        return DamagedError(
            "its processor time is used up: it is very large, or damaged",
            hint=f"H5S3_CPU_SECONDS allows more than {cpu_limit()}",
        )
    if number == signal.SIGKILL:
        return KilledError("the reading was killed, as the system does when memory runs out")
    if number in CRASHES:
        return crash(how)
    return H5s3Error(f"ended by a signal ({how})")


def crash(how: str) -> H5s3Error:
    """A fault inside the library."""
    return DamagedError(
        f"the HDF5 library crashed while it read this ({how}): the file is damaged, or made to do that"
    )
