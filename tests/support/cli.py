"""The command line as the tests run it: in this process, in a process of its own, and on a terminal."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO
from unittest import mock

import h5py
import jsonschema
import numpy as np
import pytest
import typer.main

from h5s3.cli import command as work
from h5s3.cli import leave
from tests.support.h5files import make as h5files
from tests.support.hostile import secrecy
from tests.support.servers.s3 import S3Server

BUCKET = "cli"
SECONDS = 60.0  # that any one process may take
XTERM = {"TERM": "xterm-256color"}
STREAM = io.TextIOWrapper  # what `run` has for the standard streams
_HOME = tempfile.TemporaryDirectory(prefix="h5s3-cli-")  # gone when the test run ends
_FILES = Path(_HOME.name)
_stored: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        """Whatever the test is about: no output holds a secret."""
        secrecy.kept(self.out, self.err)

    @property
    def lines(self) -> list[str]:
        """The lines of a result that is text and came without a word on standard error."""
        assert (self.code, self.err) == (0, ""), self
        assert self.out.endswith("\n")
        return self.out[:-1].split("\n")

    @property
    def json(self) -> Any:
        """The one document on standard output, which fits the schema that the tool publishes for it."""
        assert (self.code, self.err) == (0, ""), self
        document = json.loads(self.out)
        assert self.out.count("\n") == 1 and self.out.endswith("\n")
        validator(document["schema"].split("/")[1]).validate(document)
        return document

    @property
    def records(self) -> list[Any]:
        """A JSON record a line."""
        return [json.loads(line) for line in self.lines]

    def failed(self, code: int) -> str:
        """The one line that a failure leaves, without the name of the tool."""
        assert (self.code, self.out) == (code, ""), self
        assert self.err.startswith("h5s3: ") and self.err.endswith("\n") and self.err.count("\n") == 1
        return self.err[len("h5s3: ") : -1]


@cache
def validator(command: str) -> Any:
    """Holds documents against what `h5s3 schema COMMAND` prints."""
    schema = json.loads(run("schema", command).out)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def file(name: str) -> Path:
    """A generated file on this machine, made once."""
    path = _FILES / f"{name}.h5"
    if not path.exists():
        _MORE[name](path) if name in _MORE else h5files.make(name, _FILES)
    return path


def _plenty(path: Path) -> None:
    with h5py.File(path, "w") as new:
        noise = np.random.default_rng(0).integers(0, 1000, (1024, 512), dtype="<i4")
        new.create_dataset("data", data=noise, chunks=(16, 16))


def _blank_strings(path: Path) -> None:
    with h5py.File(path, "w") as new:
        new["scalar"], new["vector"] = "  ", ["   ", " "]


def _giant_chunk(path: Path) -> None:
    with h5py.File(path, "w") as new:
        data = new.create_dataset("data", (1 << 28,), "<i2", chunks=(1 << 28,), compression="gzip")
        data.id.write_direct_chunk((0,), zlib.compress(bytes(1000)))


def _many_waves(path: Path) -> None:
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    with h5py.File(path, "w", libver="latest") as new:
        group = new.create_group("group")
        for number in range(15_000):
            h5py.h5d.create(group.id, b"data_%05d" % number, h5py.h5t.IEEE_F64LE, space)


_MORE = {
    "plenty": _plenty,
    "blank_strings": _blank_strings,
    "giant_chunk": _giant_chunk,
    "many_waves": _many_waves,
}


def sample(server: S3Server, name: str) -> str:
    """The location of a generated file on a server, put there once."""
    key = f"files/{name}.h5"
    if (server.url, name) not in _stored:
        server.put_file(BUCKET, key, file(name))
        _stored[server.url, name] = f"s3://{BUCKET}/{key}"
    return _stored[server.url, name]


@cache
def _commands(app: typer.Typer, build: Any = typer.main.get_command) -> Any:
    """The commands and options, built once: that is half of the time that a command on a local file takes."""
    return build(app)


def run(*args: object, on: S3Server | None = None, **environment: str) -> Result:
    """A command in this process, its output as in pipes; `on` a server whose credentials it has."""
    out, err = (STREAM(io.BytesIO(), "utf-8") for _ in range(2))
    code = _ended(args, {**(on.env() if on else {}), **environment}, stdout=out, stderr=err)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return Result(code, *texts)


def _ended(args: tuple[object, ...], variables: dict[str, str], **streams: io.TextIOBase) -> int:
    """The exit code of a command in this process."""
    with mock.patch.dict(os.environ, variables), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["h5s3", *map(str, args)])
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "excepthook", sys.excepthook)
        patch.setattr(typer.main, "get_command", _commands)
        with pytest.raises(SystemExit) as leaving:
            leave(work())
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


def environment(on: S3Server | None = None, **more: str) -> dict[str, str]:
    """The environment of a process: of the test, the credentials of a server, and more."""
    fixed = {"PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": ""}
    return {**os.environ, **(on.env() if on else {}), **fixed, **more}


def command(*args: object) -> list[str]:
    """The words that start the tool."""
    return [sys.executable, "-m", "h5s3", *map(str, args)]


def spawn(*args: object, on: S3Server | None = None, **more: str) -> Result:
    """A command in a process of its own."""
    done = subprocess.run(
        command(*args), env=environment(on, **more), capture_output=True, text=True, timeout=SECONDS
    )
    return Result(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*args: object, on: S3Server | None = None, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs while the block does, and not after it."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command(*args), env=environment(on, **more), text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def on_terminal(
    *args: object, columns: int, lines: int = 40, on: S3Server | None = None, **more: str
) -> tuple[int, str]:
    """Exit code and all that a terminal of so many columns and lines is sent by a process of its own."""
    ours, theirs = _terminal(columns, lines)
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(command(*args), env=environment(on, **{**XTERM, **more}), **streams)  # type: ignore[call-overload]
    os.close(theirs)
    try:
        sent = _sent(ours)
        return process.wait(SECONDS), sent
    finally:
        process.kill()


def on_terminal_here(
    *args: object,
    columns: int,
    lines: int = 40,
    on: S3Server | None = None,
    stdout: TextIO | None = None,
    **more: str,
) -> tuple[int, str]:
    """The same of a command in this process, whose standard streams are the terminal meanwhile; or all but
    its output, which goes to `stdout`."""
    ours, theirs = _terminal(columns, lines)
    before = [os.dup(number) for number in range(3)]
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(_sent, ours)
        try:
            for number in range(3):
                os.dup2(theirs, number)
            streams: dict[str, Any] = {
                name: open(theirs, "w", closefd=False) for name in ("stdout", "stderr")
            }
            streams["stdout"] = stdout or streams["stdout"]
            code = _ended(args, {**(on.env() if on else {}), **XTERM, **more}, **streams)
        finally:
            for number, kept in enumerate(before):
                os.dup2(kept, number)
                os.close(kept)
            os.close(theirs)
        return code, reading.result(SECONDS)


def _terminal(columns: int, lines: int) -> tuple[int, int]:
    """Our end of a terminal of this size, and the end of who writes to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    return ours, theirs


def _piece(ours: int) -> bytes:
    if not select.select([ours], [], [], SECONDS)[0]:
        raise RuntimeError("a terminal is sent nothing, and somebody still has it open")
    return os.read(ours, 65536)


def _sent(ours: int) -> str:
    """All that a terminal is sent until nobody has it open any more. A long silence is a `RuntimeError`."""
    sent = b""
    try:
        while piece := _piece(ours):
            sent += piece
    except OSError:
        pass  # the last one that had it open has gone
    os.close(ours)
    secrecy.kept(sent.decode())
    return sent.decode().replace("\r\n", "\n")


def without_colour(text: str) -> str:
    """What is left of a terminal's text without the sequences that colour it."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
