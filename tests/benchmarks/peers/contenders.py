"""Who walks: a command line for each contender, and how its answer is read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tests.benchmarks.versions import program, version

OURS = "h5s3, cold"
PLAIN = "plain h5py on the local file"
H5LS = "h5ls (ros3)"


@dataclass(frozen=True)
class Place:
    """An object behind a proxy: the proxy's URL, bucket and key."""

    url: str
    bucket: str
    key: str
    path: str = ""  # of the object's file on this machine


@dataclass(frozen=True)
class Contender:
    """A name, the command that walks a place, and how many datasets its standard output tells of.

    `missing` says in words why it cannot run here; empty where it can. `cache` says what a cache that
    outlives the process is to be before it: "empty", or "kept" from the contender before. Of a `family` the
    fastest stands in the table. `remark` is what else a reader should know, in words.
    """

    name: str
    command: Callable[[Place], list[str]]
    count: Callable[[str], int]
    missing: Callable[[], str] = lambda: ""
    cache: str = "empty"
    family: str = ""
    remark: Callable[[], str] = lambda: ""


def _walk(peer: str) -> Callable[[Place], list[str]]:
    module = "tests.benchmarks.peers.walks"
    return lambda place: [sys.executable, "-m", module, peer, place.bucket, place.key]


def _h5s3(*options: str) -> Callable[[Place], list[str]]:
    words = ["-r", "--limit", "0", "--json", *options]
    return lambda place: [
        *(sys.executable, "-m", "h5s3", "tree", f"s3://{place.bucket}/{place.key}"),
        *words,
    ]


def _local(place: Place) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.peers.walks", "local", place.bucket, place.path]


def _h5ls(place: Place) -> list[str]:
    return [program("h5ls"), "-r", "-v", "--vfd=ros3", f"{place.url}/{place.bucket}/{place.key}"]


def _h5ls_remark() -> str:
    if version("h5ls").startswith("2."):
        return ""
    return "an h5ls of HDF5 2 that reads URLs is not to be had: Debian's 2.2.0 has no ros3, PyPI no h5ls"


def _without(package: str) -> Callable[[], str]:
    return lambda: "" if find_spec(package) else f"not installed: {package} (uv sync --group bench)"


def _without_h5ls() -> str:
    return "" if program("h5ls") else "not installed: h5ls (Debian's hdf5-tools)"


def _told(output: str) -> int:
    found: int = json.loads(output)["datasets"]
    return found


def _listed(output: str) -> int:
    return len(re.findall(r"^.* Dataset \{", output, re.M))


def _in_tree(output: str) -> int:
    return _datasets(json.loads(output)["children"])


def _datasets(nodes: list[dict[str, Any]]) -> int:
    return sum((node["type"] == "dataset") + _datasets(node.get("children", [])) for node in nodes)


CONTENDERS = [
    Contender("h5py over s3fs, defaults", _walk("h5py-s3fs"), _told),
    Contender("h5py over s3fs, blocks of 1 MiB", _walk("h5py-s3fs-blocks"), _told),
    Contender("pyfive over s3fs", _walk("pyfive"), _told, _without("pyfive")),
    Contender("kerchunk scan over s3fs", _walk("kerchunk"), _told, _without("kerchunk")),
    Contender("VirtualiZarr over obstore", _walk("virtualizarr"), _told, _without("virtualizarr")),
    *(
        Contender(
            f"async-hdf5 over obstore, {size} KiB",
            _walk(f"async-hdf5-{size}"),
            _told,
            _without("async_hdf5"),
            family="async-hdf5",
        )
        for size in (16, 64, 1024)
    ),
    Contender(H5LS, _h5ls, _listed, _without_h5ls, remark=_h5ls_remark),
    Contender("whole download by boto3, h5py", _walk("download"), _told),
    Contender(PLAIN, _local, _told),
    Contender(OURS, _h5s3(), _in_tree),
    Contender("h5s3, again within 30 s", _h5s3(), _in_tree, cache="kept"),
    Contender("h5s3, after 30 s (--refresh)", _h5s3("--refresh"), _in_tree, cache="kept"),
]
