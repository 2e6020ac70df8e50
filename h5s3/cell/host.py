"""The command's side of the wall: it starts a cell, asks it, and gives it bytes of one object."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from h5s3.cell import limits, wire
from h5s3.cell.calls import Callback, pack
from h5s3.cell.ended import of_code
from h5s3.cell.locks import WALLS
from h5s3.cell.process import PLUGINS, Process
from h5s3.cell.serve import Served, known
from h5s3.cell.wall import error_of
from h5s3.decoders import json_decoder
from h5s3.errors import DamagedError, H5s3Error, KilledError, RefusedError, StoppedError
from h5s3.formats.base import Format, Source
from h5s3.wanted import asking

LONGEST_TEXT = 10_000  # characters of an error
MOST_HITS = 1 << 40
KNOWN = ("ENOSPC", "EDQUOT", "EIO", "EFBIG", "ENOENT", "EACCES", "EPERM", "EMFILE", "ENFILE")
SAID = {getattr(errno, name) for name in KNOWN}  # errors of the system that there are words for
NONSENSE = "the process that read it sent what makes no sense: the file is damaged, or made to do that"


class Cell:
    """A process that answers questions about objects. Started when it is needed, ended by `close`.

    `more`: bytes of memory that it may take beyond the default. `debug`: its own words for a crash go to
    standard error. `strict`: without all locks it reads nothing. `missing`: walls that do not stand.
    """

    def __init__(self, more: int = 0, debug: bool = False, strict: bool = False) -> None:
        self._more, self._debug, self._strict = more, debug, strict
        self.missing: list[str] = []
        self.asked = 0  # questions of the process that is running
        self._process: Process | None = None
        self._interrupted: Process | None = None  # the process that `interrupt` has ended
        self._control: wire.Line | None = None
        self._others: list[wire.Line] = []
        self._served: Served | None = None  # what is asked about now
        self._ready = False  # it has said that it is locked
        self._gave = False  # it was given a file to write
        self._callbacks: list[Callback[Any]] = []  # of what is asked now
        self._failure: Exception | None = None  # of a callback that a thread of the cell called
        self.meanwhile: Callable[[], object] | None = None  # done once, while the first question is answered

    def another(self) -> Cell:
        """One more like this one."""
        return Cell(self._more, self._debug, self._strict)

    def start(self, plugins: bool = False) -> None:
        """Start the process, if it is not running: it loads what it needs meanwhile.

        `plugins`: it may load filters from the folders of HDF5_PLUGIN_PATH; where there are any, a process
        that may is no process that may not.
        """
        gone = self._process is None or self._process is self._interrupted or self._process.ended
        if gone or (plugins != self._process.plugins and PLUGINS in os.environ):  # type: ignore[union-attr]
            self.end()
            self.adopt(Process(self._more, self._debug, plugins))

    def adopt(self, process: Process) -> None:
        """Take a process that was started."""
        self._process, self.asked = process, 0
        self._ready = self._gave = False
        each = zip(process.ends, wire.slots_in(process.shared, len(process.ends)), strict=True)
        self._control, *self._others = (wire.Line(end, wire.FromCell, slot) for end, slot in each)
        for line in self._others:
            given = (line, process)
            threading.Thread(target=self._serve_line, args=given, daemon=True, name="h5s3-wall").start()

    def ready(self) -> None:
        """Wait until it is locked, and has loaded what most questions need. Raises as `ask` does."""
        self.start()
        assert self._control is not None
        try:
            while not self._ready:
                self._take_ready(self._control.receive()[0])
        except wire.ClosedError:
            raise self._ended() from None

    def walls(self) -> list[str]:
        """The walls that stand around a new process. Raises `DamagedError` where it does not start."""
        self.start()
        assert self._control is not None
        try:
            message, _ = self._control.receive()
        except wire.ClosedError:
            raise self._ended() from None
        finally:
            self.end()
        return message.walls if isinstance(message, wire.Ready) else []

    def ask(
        self,
        name: str,
        source: Source,
        question: Any,
        kind: Any,
        format: Format | None = None,
        left: Callable[[], float] | None = None,
    ) -> Any:
        """The answer to a question about a source of the format of this name: a record of this kind.

        `format`: to open it with, in place of the usual one. `left`: seconds that may be waited; it may
        raise.

        Raises what the question raises, and `DamagedError` where the process ends, or sends nonsense.
        """
        self.start(source.plugins or source.info.location.kind == "local")
        asked = (
            question,
            format or name,
            known(source.info),
            source.start,
            source.names,
            source.plugins,
            {name: (known(info), data) for name, (info, data) in source.found.items()},
            source.store is not None,
            source.follows,
            source.version,
            source.outside,
        )
        served = Served(source)
        try:
            return self._ask(asked, served, kind, left)
        finally:
            served.close()

    def _ask(self, question: Any, served: Served, kind: Any, left: Callable[[], float] | None) -> Any:
        assert self._control is not None
        self.asked += 1
        packed, callbacks = pack(question)
        self._callbacks, self._failure = callbacks, None
        self._served, self._control.left = served, left
        message: Any = None
        try:
            if self._strict and not self._ready:
                self._take_ready(self._control.receive()[0])
            self._control.send(wire.Ask(), packed)
            self._use_the_time()
            message, data = self._end_of(self._control, callbacks, served)
            if self._failure is not None:
                raise self._failure
            if isinstance(message, wire.Failure):
                raise self._error(message, data)
            return _decoded(data, kind)
        except wire.ClosedError:
            raise self._ended() from None
        except wire.MalformedError:
            message = None
            raise DamagedError(NONSENSE) from None
        finally:
            self._served, self._callbacks = None, []
            if message is None or self._gave:  # it is not to have a finished file in its hands
                self.end()

    def _use_the_time(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            threading.Thread(target=meanwhile, daemon=True).start()

    def _end_of(
        self, control: wire.Line, callbacks: list[Callback[Any]], served: Served
    ) -> tuple[wire.Answer | wire.Failure, memoryview]:
        """What ends a question, with what stands behind it; until then the cell has what it asks for."""
        while True:
            message, data = control.receive()
            if isinstance(message, wire.Answer | wire.Failure):
                served.source.trace.hits += min(max(0, message.hits), MOST_HITS)
                served.source.trace.add(waited=min(max(0.0, message.waited), wire.LONGEST))
                return message, data
            if isinstance(message, wire.Ready):
                self._take_ready(message)
            elif isinstance(message, wire.Call):
                self._gave |= _call(control, callbacks, message.number, data)
            else:
                served.serve(control, message, data)

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def close(self) -> None:
        """Nothing more is asked."""
        self.end()

    def end(self) -> None:
        """End the process. It holds nothing that is worth keeping."""
        process = self._process
        if process is None:
            return
        process.kill()
        self.leave()
        process.wait()

    def interrupt(self) -> None:
        """End the process, from any thread: what it is busy with fails. The next question starts it."""
        process = self._process
        if process is not None:
            self._interrupted = process
            process.kill()

    def leave(self) -> None:
        """Close this process' ends, and let the other one be."""
        process, self._process = self._process, None
        if process is not None:
            process.leave()

    def _take_ready(self, message: Any) -> None:
        """Take note of the walls that do not stand. Raises `RefusedError` where all are to stand."""
        if not isinstance(message, wire.Ready):
            raise wire.MalformedError
        self._ready = True
        self.missing = [name for name in WALLS if name not in message.walls]
        if self.missing and self._strict:
            cause = f"this system cannot lock the process that reads: no wall for {', '.join(self.missing)}"
            raise RefusedError(cause, hint="H5S3_CELL=strict asks for all of them")

    # ---------------------------------------------------------------------------------- what it asks for

    def _serve_line(self, line: wire.Line, process: Process) -> None:
        """Serve a line of the cell's other threads, until it closes. Nobody waits for what they fetch."""
        try:
            while True:
                message, data = line.receive()
                served = self._served
                late = getattr(message, "question", self.asked) != self.asked
                if served is None or late:  # the question was answered meanwhile
                    line.send(wire.Failed("NetworkError", "no longer wanted", ""))
                    continue
                if isinstance(message, wire.Call):
                    self._call_behind(line, message.number, data)
                    continue
                with asking(served.wanted), served.source.trace.behind():
                    served.serve(line, message, data)
        except Exception:  # noqa: BLE001 - a closed line, or whatever nonsense leads to
            with suppress(OSError):
                process.kill()  # this one: another may have taken its place

    def _call_behind(self, line: wire.Line, number: int, data: memoryview) -> None:
        """Call a function for a thread of the cell. What it raises is raised to who asked."""
        try:
            self._gave |= _call(line, self._callbacks, number, data)
        except (wire.MalformedError, wire.ClosedError):
            raise
        except Exception as error:  # noqa: BLE001 - raised where the question was asked
            self._failure = self._failure or error
            line.send(wire.Failed("H5s3Error", "stopped", ""))

    # ---------------------------------------------------------------------------------- how it ends

    def _error(self, message: wire.Failure, data: memoryview) -> Exception:
        if message.kind == "MemoryError":
            return limits.exhausted()
        if message.cause:
            return error_of(message.kind, message.cause[:LONGEST_TEXT], message.hint[:LONGEST_TEXT])
        if message.number in SAID:
            return OSError(message.number, os.strerror(message.number))
        error = RuntimeError(message.kind[:100])
        error.add_note(bytes(data).decode("utf-8", "replace"))
        return error

    def _ended(self) -> H5s3Error:
        assert self._process is not None
        code = self._process.wait()
        if self._process is self._interrupted:  # memory did not run out
            return StoppedError("no longer wanted")
        if not self._ready and code > 0:
            cause = f"the process that reads files does not start (code {code})"
            return H5s3Error(cause, hint="H5S3_CELL=0 reads in this one")
        error = of_code(code)
        if isinstance(error, KilledError):
            error.begun = self._ready
        return error


def _call(line: wire.Line, callbacks: list[Callback[Any]], number: int, data: memoryview) -> bool:
    """Call a function that the question came with, and give the cell what it gives; whether it is a file."""
    if not 0 <= number < len(callbacks):
        raise wire.MalformedError
    callback = callbacks[number]
    given = callback(_argument(data, callback.kind))
    if callback.gives_file:
        line.send(wire.Returned(file=True))
        line.send_file(given)
    elif isinstance(given, bytes):
        line.send(wire.Returned(raw=True), given)
    else:
        line.send(wire.Returned(), msgspec.json.encode(given))
    return callback.gives_file


def _argument(data: memoryview, kind: Any) -> Any:
    if kind is memoryview:
        return data
    return bytes(data) if kind is bytes else _decoded(data, kind)


def _decoded(data: memoryview, kind: Any) -> Any:
    """A value that the cell has sent. Raises `MalformedError`."""
    try:
        return json_decoder(kind).decode(data)
    except (ValueError, OverflowError, RecursionError):
        raise wire.MalformedError from None
