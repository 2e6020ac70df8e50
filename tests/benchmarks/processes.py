"""Whole processes, free of the settings of whoever measures, and stopped where they take too long."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass

from tests.support import ROOT

NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
HIDDEN = ("AWS_", "H5S3_", "S3_", "FSSPEC_")


@dataclass(frozen=True)
class Ended:
    """Exit code, None for a process that was stopped; what it wrote and computed, with its children."""

    code: int | None
    output: str = ""
    error: str = ""
    cpu: float = 0.0  # seconds of all processors


def clean_environment() -> dict[str, str]:
    """The environment without what leads to other servers or to other configuration.

    Bytecode is kept: without it every process compiles again what it imports.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(HIDDEN) and not name.lower().endswith("_proxy") and name != NO_BYTECODE
    }


def run(command: list[str], environment: dict[str, str], most_seconds: float) -> Ended:
    """Run a command in the project's directory, for so many seconds at the most; nothing of it survives."""
    with subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            before = os.times()
            output, error = process.communicate(timeout=most_seconds)
            after = os.times()
            cpu = sum(after[2:4]) - sum(before[2:4])
            return Ended(process.returncode, output, error, cpu)
        except subprocess.TimeoutExpired:
            return Ended(None)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
