"""What the kernel keeps a cell from, where it can: files, the network, other processes.

Sources: landlock(7), Documentation/userspace-api/landlock.rst of Linux; prctl(2).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.util import find_spec

from h5s3.cell.system_calls import forbid_calls

WALLS = ("privileges", "files", "network", "signals", "calls")  # all that there may be
NO_NEW_PRIVILEGES = 38  # of prctl(2)
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
ALSO = (
    "/proc/self",
    "/proc/cpuinfo",
    "/sys/devices/system/cpu",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/urandom",
)


PACKAGES = ("h5s3", "h5py", "numpy", "hdf5plugin", "numcodecs", "zarr", "deflate", "pyarrow", "msgspec")


def lock(folders: Sequence[str] = ()) -> list[str]:
    """Lock this process, which has one thread, for good; the walls that stand.

    From then on it reads Python's own packages and what stands below `folders`, and no other file; writes no
    file, connects to nothing, starts no program, and touches no other process.
    """
    stand: list[str] = []
    if sys.platform != "linux":
        return stand
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
        stand.append("privileges")
        stand += _landlock(libc, [*_own_folders(), *SYSTEM, *ALSO, *folders])
        stand += forbid_calls(libc)
    return stand


def _own_folders() -> set[str]:
    """Where Python and its packages are: of `sys.path` no folder that merely happens to be there."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {path for kind in kinds if (path := sysconfig.get_path(kind))}
    found |= {path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")}
    for name in PACKAGES:  # they may lie elsewhere, as PYTHONPATH says
        spec = find_spec(name)
        for folder in (spec and spec.submodule_search_locations) or ():
            found |= {folder, os.path.join(os.path.dirname(folder), f"{name}.libs")}
    found.add(os.path.join(sys.base_prefix, "lib"))
    return {path for path in found if os.path.realpath(path) != "/"}


# ------------------------------------------------------------------------------------------ Landlock

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on all machines
VERSION, PATH_BENEATH = 1, 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FILES = {1: 13, 2: 14, 3: 15, 5: 16}  # since which version how many rights of files there are
TCP, SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals


def _landlock(libc: ctypes.CDLL, readable: Iterable[str]) -> list[str]:
    """No file but the readable ones, no TCP, no signal to others: the walls that stand."""
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION))
    if version < 1:
        return []
    rights = (1 << max(count for since, count in FILES.items() if since <= version)) - 1
    handled = struct.pack("QQQ", rights, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall(CREATE_RULESET, handled, ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return []
    try:
        for path in readable:
            with suppress(OSError):
                _allow(libc, ruleset, path)
        if libc.syscall(RESTRICT_SELF, ruleset, ctypes.c_uint32(0)) != 0:
            return []
    finally:
        os.close(ruleset)
    return [
        *(["files"] if version >= 3 else []),
        *(["network"] if version >= 4 else []),
        *(["signals"] if version >= 6 else []),
    ]


def _allow(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    """Let files at or below a path be read."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE
        rule = struct.pack("=Qi", rights, descriptor)
        libc.syscall(ADD_RULE, ruleset, ctypes.c_int(PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
