"""Commands that read HDF5 without a cell run in a child process: what a file does to libhdf5 ends there.

The child is forked before anything heavy is loaded and does the command's work under limits; the parent
waits, passes signals on, ends a child that overstays its time, and puts a crash into a sentence and an exit
code.
Windows has no fork: there the command runs in a new process, without limits.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from h5s3 import guard
from h5s3.cell import limits
from h5s3.cell.ended import crash, of_signal
from h5s3.cli.process import receipts
from h5s3.cli.process.signals import listen
from h5s3.errors import DamagedError, H5s3Error, NetworkError, UsageError

COMMANDS = (
    "tree",
    "meta",
    "preview",
    "find",
    "catalog",
    "get",
    "convert",
    "du",
    "diff",
    "refs",
    "bench",
    "doctor",
)  # those that read HDF5
OFF = "H5S3_GUARD"  # 0 runs the command in this process: for debuggers and profilers
GRACE = 1.0  # seconds that the child has, beyond its time, to end by itself
LEAVE = 3.0  # seconds that it has after Ctrl-C, or when its work is done
PASSED = ("SIGTERM", "SIGHUP", "SIGQUIT")


def wanted() -> bool:
    """Whether this command is to be guarded."""
    return len(sys.argv) > 1 and sys.argv[1] in COMMANDS and os.environ.get(OFF) != "0"


def supervise(work: Callable[[], int]) -> int:
    """Do the work in a child; its exit code. Returns in both processes, to be exited with in both."""
    if not hasattr(os, "fork"):
        return _in_new_process()
    told, line = os.pipe()
    kept, alive = os.pipe()  # nothing is written to it: it closes when the parent is gone
    interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    parent = _Parent(told, interrupts)
    pid = os.fork()
    if pid:
        for end in (line, kept):
            os.close(end)
        try:
            return parent.watch(pid)
        finally:
            os.close(alive)
    parent.forget()
    for end in (told, alive):
        os.close(end)
    _follow(kept)
    guard.connect(line)
    if "--debug" not in sys.argv:
        _keep_to_ourselves()
    if interrupts:  # the terminal sends Ctrl-C to both; the parent passes on its own
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        listen(signal.SIGUSR1)
    try:
        limits.limit(limits.memory(), limits.seconds())
    except UsageError as error:
        _say(error)
        return error.exit_code
    return work()


def _follow(kept: int) -> None:
    """Have the kernel end this process when the parent's end of a pipe closes, whatever it is busy with."""
    import fcntl

    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(kept, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(kept, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(kept, fcntl.F_SETFL, fcntl.fcntl(kept, fcntl.F_GETFL) | os.O_ASYNC)


def _keep_to_ourselves() -> None:
    """Keep standard error for what this program says: the C library has words of its own for a crash."""
    with suppress(OSError, AttributeError):
        sys.stderr = open(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _in_new_process() -> int:
    """The command in a new process."""
    environment = {**os.environ, OFF: "0"}
    code = subprocess.call([sys.executable, "-m", "h5s3", *sys.argv[1:]], env=environment)
    if code in range(131):
        return code
    _say(crash(f"code {code}"))
    return DamagedError.exit_code


class _Parent:
    """What the parent knows of the child, and how it ends."""

    def __init__(self, told: int, interrupts: bool) -> None:
        self._told, self._rest = told, b""
        self._pid = 0
        self._location = ""
        self._timeout: float | None = None
        self._unfinished: set[str] = set()
        self._code: int | None = None
        self._memory = self._late = False
        self._ending = 0  # the signal that ends the command
        self._until: list[float] = []  # times at which the child is ended
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken, False)
        self._before = {
            number: signal.signal(number, lambda *_: None)
            for name in ("SIGCHLD", *PASSED, *(("SIGINT",) if interrupts else ()))
            if signal.getsignal(number := getattr(signal, name)) is not signal.SIG_IGN or name == "SIGCHLD"
        }
        self._fd = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def forget(self) -> None:
        """Undo what only a parent needs."""
        signal.set_wakeup_fd(self._fd)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in (self._woken, self._wake):
            os.close(end)

    def watch(self, pid: int) -> int:
        """Wait for the child; the exit code of the command."""
        self._pid = pid
        listening = [self._woken, self._told]
        while True:
            ready, _, _ = select.select(listening, [], [], self._left())
            if self._told in ready and not self._hear():
                listening.remove(self._told)
            if self._woken in ready:
                for number in os.read(self._woken, 64):
                    self._pass_on(number)
            if self._left() == 0:
                self._overdue()
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                while self._told in listening and self._hear():
                    pass
                self.forget()
                return self._ended(os.waitstatus_to_exitcode(status))

    def _left(self) -> float | None:
        return max(0.0, min(self._until) - time.monotonic()) if self._until else None

    def _hear(self) -> bool:
        """Take in what the child tells; False at its end."""
        piece = os.read(self._told, 65536)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            facts: dict[str, Any] = json.loads(line)
            self._location = facts.get("location", self._location)
            self._memory = facts.get("memory", self._memory)
            if "location" in facts or "receipt" in facts:
                receipts.note(**facts.get("receipt", {"location": self._location}))
            if "timeout" in facts:
                self._timeout = facts["timeout"]
                self._until.append(time.monotonic() + facts["timeout"] + GRACE)
            if "unfinished" in facts:
                self._unfinished.add(facts["unfinished"])
            self._unfinished.discard(facts.get("finished", ""))
            if "code" in facts:
                self._code = facts["code"]
                self._until = [time.monotonic() + LEAVE]
        return bool(piece)

    def _pass_on(self, number: int) -> None:
        if number == signal.SIGCHLD or number not in self._before:
            return
        self._until.append(time.monotonic() + (0 if self._ending else LEAVE))
        self._ending = number
        if number == signal.SIGINT:
            number = signal.SIGUSR1
        with suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def _overdue(self) -> None:
        self._late = self._code is None and not self._ending
        self._until = []
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _ended(self, code: int) -> int:
        """The exit code; what a child that was ended left behind is cleared away and said."""
        if self._code is not None or code >= 0:
            code = code if self._code is None else self._code
            return self._say(limits.exhausted()) if self._memory else code
        for path in self._unfinished:
            _clear(path)
        _restore_terminal()
        if self._ending == signal.SIGINT:
            return 130
        if self._late:
            return self._say(NetworkError(f"not done within {self._timeout:g} s", hint="raise --timeout"))
        if self._ending or -code in self._before:
            signal.signal(self._ending or -code, signal.SIG_DFL)
            os.kill(os.getpid(), self._ending or -code)
        return self._say(of_signal(-code))

    def _say(self, error: H5s3Error) -> int:
        _say(error.at(self._location))
        return error.exit_code


def _say(error: H5s3Error) -> None:
    from h5s3.render.diagnostics import show_error

    show_error(error)


def _clear(path: str) -> None:
    """Remove what was not finished: a file, or a folder."""
    with suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil

            shutil.rmtree(path)
        else:
            os.unlink(path)


def _restore_terminal() -> None:
    """Show the cursor again and end colours: the child may have died while it drew its progress."""
    with suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[0m\x1b[J\x1b[?25h")
            sys.stderr.flush()
