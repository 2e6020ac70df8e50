"""What commands cost, over time: `H5S3_RECEIPTS` names a file that each command appends one JSON line to."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

FILE = "H5S3_RECEIPTS"
SCHEMA = "h5s3/receipt/1"
_noted: dict[str, Any] = {}
_begun = time.time()


def note(**facts: Any) -> None:
    """Keep what a command cost for the line that is written at its end."""
    if os.environ.get(FILE):
        _noted.update(facts)


def write(code: int) -> None:
    """Append the line of the command that ends with this code: whole, whatever else is appended meanwhile.

    Nothing is written of a command that asked nothing. One that was killed has no counts. A file that cannot
    be written is named on standard error.
    """
    path = os.environ.get(FILE)
    if not path or not _noted:
        return
    line = {
        "schema": SCHEMA,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_begun)),
        "command": sys.argv[1],
        "exit_code": code,
        "seconds": round(time.time() - _begun, 3),
        **_noted,
    }
    try:
        _append(path, json.dumps(line).encode() + b"\n")
    except OSError as error:
        sys.stderr.write(f"h5s3: warning: {FILE}: cannot be written ({error.strerror})\n")


def _append(path: str, line: bytes) -> None:
    """One write to the end of a file, which the system does not mix with others."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
