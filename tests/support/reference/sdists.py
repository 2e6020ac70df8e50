"""Source distributions from the package index, for the HDF5 files in them. None of their code is run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST = 8 << 20  # bytes of a file that is unpacked
MOST_FILES = 20_000  # of an archive that are looked at
SECONDS = 120  # for one download
DEFAULT_INDEX = "https://pypi.org/simple/"


class Unreachable(Exception):
    """The index cannot be asked from here."""


@dataclass(frozen=True)
class Sdist:
    """One release of a package."""

    name: str
    version: str
    file: str
    sha256: str
    files: int  # HDF5 files in it


SMALL = (
    Sdist("h5py", "3.16.0", "h5py-3.16.0.tar.gz",
          "a0dbaad796840ccaa67a4c144a0d0c8080073c34c76d5a6941d6818678ef2738", 4),
    Sdist("tables", "3.11.1", "tables-3.11.1.tar.gz",
          "78abcf413091bc7c1e4e8c10fbbb438d1ac0b5a87436c5b972c3e8253871b6fb", 50),
    Sdist("netCDF4", "1.7.5.1.post1", "netcdf4-1.7.5.1.post1.tar.gz",
          "9823076013fd54e7984d3ae8f431671fd199b15eeb267f91b8c4b057fd8324ab", 5),
    Sdist("anndata", "0.12.19", "anndata-0.12.19.tar.gz",
          "336ccc88463b56c22969634ca5256c3829af8b087a5a4ecfdac3504fedaa27cc", 4),
    Sdist("nexusformat", "2.1.0", "nexusformat-2.1.0.tar.gz",
          "0d709cf17e0bb4eb20e7b7f98e0f8d2642b96351e7daf483dbe92f4fcee27bf2", 1),
)  # fmt: skip
LARGE = (
    Sdist("hdmf", "6.2.0", "hdmf-6.2.0.tar.gz",
          "47dd0d0ebdf834b0cc5d1fdbe6b73d718549cffa489e47f68f638a4add20b65d", 2),
    Sdist("pynwb", "4.2.0", "pynwb-4.2.0.tar.gz",
          "681e86b73cf21fc607003936ac9e575efdb64d3d01001bfa351862d40f9b5e7e", 27),
)  # fmt: skip


def fetch(sdist: Sdist, cache: Path) -> Path:
    """The archive, from the cache or the index. Raises `Unreachable`; `ValueError` where it is another."""
    archive = cache / sdist.file
    if archive.exists() and _sha256(archive) == sdist.sha256:
        return archive
    archive.unlink(missing_ok=True)
    words = ["--no-binary", "--index-url", index_url(), "--download", str(cache)]
    command = [sys.executable, "-m", "unearth", *words, f"{sdist.name}=={sdist.version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{sdist.name} did not come within {SECONDS} s") from None
    if done.returncode or not archive.exists():
        raise Unreachable(f"the package index does not give {sdist.name} {sdist.version}")
    if _sha256(archive) != sdist.sha256:
        archive.unlink()
        raise ValueError(f"{sdist.file} is not the archive that it was")
    return archive


def index_url() -> str:
    """The index that pip or uv is told to use on this machine."""
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    if pip := shutil.which("pip"):
        command = [pip, "config", "get", "global.index-url"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if told.returncode == 0 and told.stdout.strip():
            return told.stdout.strip()
    return DEFAULT_INDEX


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Write the HDF5 files of an archive into a folder, under names of our own."""
    found = []
    with tarfile.open(archive, "r|gz") as members:
        for number, member in enumerate(members):
            if number >= MOST_FILES:
                break
            stream = members.extractfile(member) if member.isreg() and member.size <= LARGEST else None
            if stream is None:
                continue
            data = stream.read(LARGEST)
            if looks_like_hdf5(data):
                path = folder / f"{len(found):03}-{_plain(Path(member.name).name)}"
                path.write_bytes(data)
                found.append(path)
    return found


def looks_like_hdf5(data: bytes) -> bool:
    """Whether the signature stands at 0, 512, 1024, 2048, …"""
    offset = 0
    while offset < len(data):
        if data.startswith(SIGNATURE, offset):
            return True
        offset = offset * 2 or 512
    return False


def _plain(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "." for letter in name)[-60:]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
