"""`h5s3 serve` as a command: what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.cli import run, validator


def started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "h5s3", "serve", *arguments, "--port", "0"]
    return subprocess.Popen(
        command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What is left of its two streams; what was read ahead is lost to `communicate`."""
    process.wait(20)
    assert process.stdout and process.stderr
    return process.stdout.read(), process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"bytes")
    with started(str(tmp_path), "--cors", "https://a.example") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = first.split()[-1]
        assert first == f"{tmp_path} is served at {url}\n" and url.startswith("http://127.0.0.1:")
        with urlopen(f"{url}x", timeout=20) as answer:
            assert answer.read() == b"bytes"
        process.send_signal(number)
        out, err = ended(process)
    assert (process.returncode, err) == (0, "")
    assert f'zarr.open("{url}NAME.zarr"' in out and "Pages of https://a.example may read it." in out
    assert out.endswith("# Ctrl-C ends it.\n# ended\n")


@pytest.mark.slow
def test_programs_are_told_the_url(tmp_path: Path) -> None:
    with started(str(tmp_path), "--json") as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        validator("serve").validate(said)
        assert said["origins"] == [] and said["location"] == str(tmp_path)
        with closing(HTTPConnection("127.0.0.1", int(said["url"].rpartition(":")[2][:-1]))) as asked:
            asked.request("GET", "/none")  # it has begun to serve
            assert asked.getresponse().status == 404
        process.send_signal(signal.SIGINT)
        assert ended(process) == ("", "")
    assert process.returncode == 0


def test_a_busy_port_and_other_mistakes(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        said = run("serve", str(tmp_path), "--port", str(port)).failed(2)
        assert said == f"port {port} of 127.0.0.1 is in use; --port 0 takes a free one"
    assert "is no origin" in run("serve", str(tmp_path), "--cors", "a.example").failed(2)
    assert run("serve", str(tmp_path / "no")).failed(3) == f"{tmp_path}/no: no such folder"
    assert "can be served" in run("serve", "https://a.example/").failed(2)
    assert "--offline" in run("serve", str(tmp_path), "--offline").failed(2)
