"""HDF5 into Zarr: h5s3 and the scripts that one would write, each a whole process on local files.

uv run --extra xarray --with dask python -m tests.benchmarks.zarr.convert [--planes 200] [--repeat 3]
    [--only zstd] [--write]

A cube of `--planes` x 1024 x 1024 integers of 2 bytes in chunks of one plane, gzip behind shuffle. `copied`:
to Zarr with its own chunks and any codecs: h5s3 copies what is stored, scripts decode and encode with
zarr-python's defaults. `decoded`: to zstd, which all of them have to encode; and to blosc, zarr's other usual
codec. All stores must hold the same values. Seconds are of the wall, processor seconds those of the process
and its children. `--write` puts the table into the README.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import h5py
import numpy as np

from tests.benchmarks import processes
from tests.benchmarks.tables import markdown, replace_between, wrapped
from tests.benchmarks.turns import spread, tell
from tests.support import ROOT

SIDE, MOST_SECONDS = 1024, 600.0
CODECS = {
    "copied": "",
    "zstd": "compressors=zarr.codecs.ZstdCodec(level=3),",
    "blosc": "compressors=zarr.codecs.BloscCodec(cname='zstd', clevel=3, shuffle='shuffle'),",
}
BY_HAND = """
import sys, h5py, zarr
with h5py.File(sys.argv[1]) as file:
    data = file["data"]
    made = zarr.open_group(sys.argv[2], mode="w").create_array(
        "data", shape=data.shape, chunks=data.chunks, dtype=data.dtype, {codec}
    )
    for first in range(0, data.shape[0], 8):
        made[first : first + 8] = data[first : first + 8]
"""
XARRAY = """
import sys, xarray, zarr
data = xarray.open_dataset(sys.argv[1], engine="h5netcdf", phony_dims="sort", chunks={chunks})
data["data"].encoding.clear()
data.to_zarr(sys.argv[2], mode="w", encoding={{"data": dict(chunks=(1, 1024, 1024), {codec})}})
"""


@dataclass(frozen=True)
class Contender:
    """A way to convert; `command` gives the words, from the task, the file and the store."""

    name: str
    command: Callable[[str, str, str], list[str]]
    needs: tuple[str, ...] = ()


def _ours(task: str, source: str, out: str) -> list[str]:
    more = [] if task == "copied" else ["--recompress", task]
    return [sys.executable, "-m", "h5s3", "convert", source, "-o", out, *more]


def _script(text: str, **names: str) -> Callable[[str, str, str], list[str]]:
    def command(task: str, source: str, out: str) -> list[str]:
        codec = CODECS[task]
        return [sys.executable, "-W", "ignore", "-c", text.format(codec=codec, **names), source, out]

    return command


CONTENDERS = (
    Contender("h5s3", _ours),
    Contender("h5py and zarr by hand, 8 planes at a time", _script(BY_HAND), ("zarr",)),
    Contender("xarray (h5netcdf), to_zarr", _script(XARRAY, chunks="None"), ("xarray", "h5netcdf")),
    Contender(
        "xarray with dask, to_zarr",
        _script(XARRAY, chunks='{"phony_dim_0": 8}'),
        ("xarray", "h5netcdf", "dask"),
    ),
)


def make_cube(path: Path, planes: int) -> None:
    """Noise of which gzip makes less than half."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "data", (planes, SIDE, SIDE), "u2", chunks=(1, SIDE, SIDE), compression="gzip", shuffle=True
        )
        for plane in range(planes):
            data[plane] = random.integers(0, 50, (SIDE, SIDE), dtype="u2")


def measure(folder: Path, planes: int, repeat: int, tasks: Sequence[str]) -> list[list[str]]:
    """The rows of the table."""
    source, out = folder / "cube.h5", folder / "out.zarr"
    make_cube(source, planes)
    rows = []
    for task in tasks:
        taken: dict[str, list[tuple[float, float]]] = {}
        for _ in range(repeat):
            for contender in CONTENDERS:
                if all(map(find_spec, contender.needs)):
                    found = _run(contender, task, source, out)
                    _check(source, out)
                    taken.setdefault(contender.name, []).append(found)
                    tell(f"{task}: {contender.name}: {found[0]:.2f} s")
        ours = median(seconds for seconds, _ in taken["h5s3"])
        for name, found in taken.items():
            seconds = median(one for one, _ in found)
            cpu = median(one for _, one in found)
            rows.append(
                [
                    task,
                    name,
                    f"{seconds:.2f}",
                    spread(s for s, _ in found),
                    f"{cpu:.2f}",
                    f"{seconds / ours:.1f}",
                ]
            )
    return rows


def _run(contender: Contender, task: str, source: Path, out: Path) -> tuple[float, float]:
    shutil.rmtree(out, ignore_errors=True)
    os.sync()
    begun = time.perf_counter()
    ended = processes.run(
        contender.command(task, str(source), str(out)), processes.clean_environment(), MOST_SECONDS
    )
    seconds = time.perf_counter() - begun
    if ended.code != 0:
        raise RuntimeError(f"{contender.name}: {ended.error[-2000:]}")
    return seconds, ended.cpu


def _check(source: Path, out: Path) -> None:
    import zarr

    made = zarr.open(str(out), mode="r")["data"]
    with h5py.File(source) as file:
        for plane in (0, made.shape[0] // 2, made.shape[0] - 1):
            assert np.array_equal(made[plane], file["data"][plane])


def text_of(rows: list[list[str]], planes: int, repeat: int) -> str:
    """The table with what it is of."""
    size = planes * SIDE * SIDE * 2 / 1e9
    head = wrapped(
        f"A cube of {planes} × {SIDE} × {SIDE} integers ({size:.1f} GB; gzip and shuffle) into a Zarr store"
        " on disk, with the chunks that it has: copied as they are stored (scripts use zarr-python's"
        " defaults), or decoded and encoded with zstd or blosc; whole processes, 2 cores,"
        f" {'one run each' if repeat == 1 else f'medians of {repeat} interleaved runs'}."
    )
    columns = ["task", "contender", "seconds", "min–max", "CPU s", "× h5s3"]
    command = f"python -m tests.benchmarks.zarr.convert --planes {planes} --repeat {repeat}"
    return f"{head}\n\n{markdown(columns, rows, 2)}\n\nMeasured by `{command}`."


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--planes", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=CODECS, nargs="+", default=list(CODECS))
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), asked.planes, asked.repeat, asked.only)
        text = text_of(rows, asked.planes, asked.repeat)
    if asked.write:
        replace_between(ROOT / "README.md", "peers: convert", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
