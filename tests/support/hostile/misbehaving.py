"""The tool, with a libhdf5 that misbehaves: python -m tests.support.hostile.misbehaving HOW ARGS.

What hostile files do to it in C, done by other C code that is always at hand.
"""

from __future__ import annotations

import ctypes
import errno
import io
import itertools
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5s3.cli
from h5s3.cell import process

SECONDS = 20  # of processor time: so few are to be used up
CRAFTED = io.BytesIO()
TELLING = ("spin", "limits", "patient", "colourful")  # whose words on standard error a test wants to see
LIMITS = ("RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_NOFILE")


def segfault() -> None:
    """Read address 0."""
    ctypes.string_at(0)


def double_free() -> None:
    """Free memory twice, on which the C library says so on standard error and ends the process."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    place = libc.malloc(64)
    libc.free(place)
    libc.free(place)
    os.abort()  # a C library that does not notice


def recursion() -> None:
    """Have libhdf5 itself crash: it follows a virtual dataset whose source is that dataset, without end."""
    import h5py

    with h5py.File(CRAFTED) as crafted:
        print(crafted["itself"][...])


def colourful() -> None:
    """Crash with the cursor hidden and colours on."""
    sys.stderr.write("\x1b[?25l\x1b[31mhalf a line")
    sys.stderr.flush()
    segfault()


def spin() -> None:
    """Stay in C, deaf to everything: no byte code is run, and the interpreter is held.

    In a loop where processor time is what ends it; else in the wait for a lock that nobody gives back.
    """
    print("spinning", os.getpid(), file=sys.stderr, flush=True)
    if resource.getrlimit(resource.RLIMIT_CPU)[0] > SECONDS:
        lock, threads = ctypes.create_string_buffer(256), ctypes.PyDLL(None)
        for _ in range(2):
            threads.pthread_mutex_lock(lock)
    sum(itertools.repeat(0))


def devour() -> None:
    """Take all the memory there is."""
    taken = []
    while True:
        taken.append(bytearray(1 << 25))


def descriptors() -> None:
    """Take all the open files there are."""
    taken = []
    while True:
        taken.append(open(os.devnull))


def no_thread() -> None:
    """Run out of memory in the words of a thread that cannot be started."""
    raise RuntimeError("can't start new thread")


def no_lock() -> None:
    """Run out of memory in the words of an import."""
    raise RuntimeError("can't allocate lock")


def no_room() -> None:
    """Run out of memory in the words of the system."""
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), "module.py")


def killed() -> None:
    """Be ended by somebody else, as by the kernel for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def patient() -> None:
    """Wait for Ctrl-C, and tell how often it comes."""
    try:
        print("waiting", file=sys.stderr, flush=True)
        time.sleep(20)
    finally:
        print("interrupted", file=sys.stderr, flush=True)
        time.sleep(0.5)


def limits() -> None:
    """Tell what the limits are, and go on."""
    found = {name: resource.getrlimit(getattr(resource, name))[0] for name in LIMITS}
    print(found, os.getpid() != int(os.environ["STARTED"]), file=sys.stderr)


HOW: dict[str, Callable[[], None]] = {
    "segfault": segfault,
    "abort": os.abort,
    "double_free": double_free,
    "recursion": recursion,
    "colourful": colourful,
    "spin": spin,
    "devour": devour,
    "descriptors": descriptors,
    "no_thread": no_thread,
    "no_lock": no_lock,
    "no_room": no_room,
    "killed": killed,
    "patient": patient,
    "limits": limits,
}


def main() -> None:
    """Run the command line in which opening a file misbehaves, in whatever process that happens."""
    how, *args = sys.argv[1:]
    os.environ["STARTED"] = str(os.getpid())
    sys.argv = ["h5s3", *args]
    if os.environ.get("H5S3_CELL") == "0":
        _misbehaving(HOW[how])
    process.START = start(how)
    if how in TELLING:
        process.QUIET = sys.stderr  # type: ignore[assignment]
    h5s3.cli.main()


def start(how: str, only: str = "") -> str:
    """What a cell is started with in which opening a file misbehaves: those with `only` in their names."""
    return (
        "import json, os, sys; sys.path[:] = json.loads(sys.argv[2]); os.environ.update("
        + repr(_told())
        + ");"
        f"from tests.support.hostile.misbehaving import inside; inside({how!r}, sys.argv[1], {only!r})"
    )


def _told() -> dict[str, str]:
    return {name: os.environ[name] for name in ("STARTED", "RECURSION") if name in os.environ}


def inside(how: str, told: str, only: str) -> None:
    """What runs in the cell."""
    from h5s3.cell.inside import main as answer

    if "RECURSION" in os.environ:
        CRAFTED.write(Path(os.environ["RECURSION"]).read_bytes())  # the cell opens no file
    _misbehaving(HOW[how], only)
    answer(told)


def _misbehaving(misbehave: Callable[[], None], only: str = "") -> None:
    from h5s3.formats.hdf5.objects import file as opening

    opened = opening.open_hdf5

    def misbehaving(blocks: Any, info: Any, *args: Any, **options: Any) -> Any:
        if only in info.location.key:
            misbehave()
        return opened(blocks, info, *args, **options)

    opening.open_hdf5 = misbehaving


if __name__ == "__main__":
    main()
