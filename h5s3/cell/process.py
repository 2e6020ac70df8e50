"""A new interpreter for a cell. Little is imported here: it starts while the command is loaded."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from typing import IO

from h5s3.cell import limits
from h5s3.errors import H5s3Error

QUIET = subprocess.DEVNULL  # what becomes of the C library's own words
ENDING = 2.0  # seconds that a cell has that has closed its lines
OTHERS = 3  # lines for threads of the cell
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "268435456", "MALLOC_TRIM_THRESHOLD_": "536870912"}
# of glibc: memory of boxes of values is used again, not given back and taken anew page by page
SLOT = 8 * 1024 * 1024  # bytes of memory that a line has, for what is too large for a socket
PASSED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")  # of the environment, beside what is set here
PLUGINS = "HDF5_PLUGIN_PATH"
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2])\n"
    "from h5s3.cell.inside import main; main(sys.argv[1])"
)


class Process:
    """A cell that runs, and this process' ends of the lines to it: first that of the thread that answers.

    `more`: bytes of memory that it may take beyond the default. `debug`: its own words for a crash go to
    standard error. `plugins`: it may load filters from the folders of HDF5_PLUGIN_PATH.
    """

    def __init__(self, more: int = 0, debug: bool = False, plugins: bool = False) -> None:
        self.plugins = plugins
        self._polled = threading.RLock()  # a handler of signals may come while its thread has it
        pairs = [socket.socketpair() for _ in range(1 + OTHERS)]
        kept, self._alive = os.pipe()  # nothing is written to it: it closes when this process is gone
        theirs = [their.fileno() for _, their in pairs]
        self.shared = _shared_memory(len(pairs))  # a file that both processes have, a slot for each line
        memory = limits.memory()
        facts = {
            "control": theirs[0],
            "others": theirs[1:],
            "shared": self.shared,
            "alive": kept,
            "memory": None if memory is None else memory + 4 * more,
            "cpu": limits.seconds(),
            "folders": _plugin_folders() if plugins else [],
        }
        self.ends = [ours for ours, _ in pairs]
        try:
            self._popen = subprocess.Popen(
                [
                    *_interpreter(debug),
                    START,
                    json.dumps(facts),
                    json.dumps([str(part) for part in sys.path]),
                ],
                env=environment(plugins),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE if debug else QUIET,
                pass_fds=[*theirs, kept, *([] if self.shared is None else [self.shared])],
                start_new_session=True,  # it has no terminal, which sends Ctrl-C to this process alone
            )
        except (OSError, ValueError) as error:
            self.leave()
            reason = getattr(error, "strerror", None) or type(error).__name__
            hint = "H5S3_CELL=0 reads in this one"
            raise H5s3Error(f"the process that reads files cannot be started: {reason}", hint=hint) from None
        finally:
            os.close(kept)
            for _, their in pairs:
                their.close()
        if self._popen.stderr is not None:
            threading.Thread(target=_pass_on, args=(self._popen.stderr,), daemon=True).start()

    def kill(self) -> None:
        """End it, whatever it is busy with. Any thread may."""
        with self._polled:
            self._popen.kill()

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        with self._polled:  # `poll` gives None while another thread polls, as `kill` does
            return self._popen.poll() is not None

    def wait(self) -> int:
        """Its exit code: negative for a signal. It has closed its lines, and is ended if it goes on."""
        try:
            return self._popen.wait(ENDING)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._popen.wait()

    def leave(self) -> None:
        """Close this process' ends."""
        for end in self.ends:
            end.close()
        os.close(self._alive)
        if self.shared is not None:
            os.close(self.shared)


def _shared_memory(lines: int) -> int | None:
    """A descriptor of a file in memory that keeps its size; None where the system has no such files."""
    if not hasattr(os, "memfd_create"):
        return None
    import fcntl

    try:
        descriptor = os.memfd_create("h5s3", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None
    os.ftruncate(descriptor, lines * SLOT)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return descriptor


def _pass_on(words: IO[bytes]) -> None:
    """Show what a cell writes to standard error, of which nothing is to command a terminal."""
    import logging

    with words:
        for line in words:
            shown = "".join(c if " " <= c <= "~" else "?" for c in line[:1000].decode("latin-1").rstrip("\n"))
            logging.getLogger("h5s3").warning(shown)


def environment(plugins: bool) -> dict[str, str]:
    """Nothing that names credentials, or that has the interpreter or libhdf5 do other things."""
    found = {name: os.environ[name] for name in PASSED if name in os.environ} | ALLOCATOR
    if plugins and PLUGINS in os.environ:
        found[PLUGINS] = os.environ[PLUGINS]
    return found


def _interpreter(debug: bool) -> list[str]:
    """Python, without what the environment or a user's own packages would have it do."""
    more = ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable, "-I", "-S", *more, *(["-X", "faulthandler"] if debug else []), "-c"]


def _plugin_folders() -> list[str]:
    return [part for part in os.environ.get(PLUGINS, "").split(os.pathsep) if part]
