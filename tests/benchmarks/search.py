"""One question to many files: h5s3 find and the script that one would write, each a whole process.

uv run python -m tests.benchmarks.search [--small 200] [--large 100] [--warm 10000] [--repeat 3] [--write]

"Which objects are named temperature?" in a prefix of `--small` scans of 250 kB and 92 objects, on rclone's
S3 server: on loopback, and behind a proxy that adds 50 ms to each request. And in one of `--large` files of
20 MB whose metadata lie scattered: 50 ms away, over a line without a limit and one of 200 Mbit/s. Those are
on a server that takes a tenth of a millisecond for a request: rclone and the proxy would take more
processor time for a hundred requests a file than what is measured. The script opens files with s3fs and
h5py, one after the other; or on 16 threads. h5s3 starts with an empty cache; `again` asks a second time.
All must find the same objects. Seconds are of the wall, processor seconds those of the process and its
children. `--write` puts the table into the README.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import h5py
import numpy as np

from tests.benchmarks import processes
from tests.benchmarks.tables import markdown, replace_between, wrapped
from tests.benchmarks.turns import spread, tell
from tests.support import ROOT, shapes
from tests.support.servers.files import serving
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import rclone_server

BUCKET, DELAY, MBIT, MOST_SECONDS, THREADS = "lab", 0.05, 200, 3600.0, 16
NAME = "temperature"
SCRIPT = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
import h5py, s3fs
storage = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
prefix, name, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
def look(key):
    found = []
    with storage.open(key, "rb") as raw, h5py.File(raw) as file:
        paths = []
        file.visit(paths.append)
        found += [f"s3://{key}\\t/{path}" for path in paths if path.split("/")[-1] == name]
    return found
keys = sorted(key for key in storage.ls(prefix) if key.endswith(".h5"))
pool = ThreadPoolExecutor(threads)
for found in map(look, keys) if threads == 1 else pool.map(look, keys):
    for line in found:
        print(line)
"""


Address = dict[str, str]  # what leads a client to a server: variables of the environment


@dataclass(frozen=True)
class Task:
    """A prefix, and where it is."""

    name: str
    prefix: str
    address: Address


def make_scan(path: Path, number: int) -> None:
    """A scan of 10 groups and 81 datasets; every tenth has a temperature."""
    random = np.random.default_rng(number)
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        for group in range(9):
            for value in range(9):
                data = entry.create_dataset(f"group{group}/value{value}", data=random.normal(size=(10, 32)))
                data.attrs["units"] = "K"
        if number % 10 == 0:
            entry[NAME] = random.normal(size=(100, 4))


def make_files(root: Path, small: int, large: int, warm: int) -> None:
    """The files of all tasks. Large ones, and those of the cache, are one file of several names."""
    for folder in ("scans", "scattered", "many"):
        (root / BUCKET / folder).mkdir(parents=True)
    for number in range(small):
        make_scan(root / BUCKET / f"scans/{number:05d}.h5", number)
    if large:
        shapes.scattered(root / "large.h5", scans=53)
    for number in range(large):
        os.link(root / "large.h5", root / BUCKET / f"scattered/{number:05d}.h5")
    make_scan(root / "one.h5", 0)
    for number in range(warm):
        os.link(root / "one.h5", root / BUCKET / f"many/{number:05d}.h5")


@contextmanager
def served(root: Path) -> Iterator[tuple[Address, Address]]:
    """The files, at once and with a delay; the server has hashed those that are small."""
    with rclone_server(root) as server, Proxy(server) as proxy:
        proxy.delay, proxy.partial = DELAY, True
        run(ours("scans/", "--missing", "/x"), server.env())
        yield server.env(), server.at(proxy.url).env()


def ours(prefix: str, *more: str) -> list[str]:
    """The command."""
    return [sys.executable, "-m", "h5s3", "find", f"s3://{BUCKET}/{prefix}", *(more or ("--name", NAME))]


def script(prefix: str, threads: int) -> list[str]:
    """The script, on so many threads."""
    words = [f"{BUCKET}/{prefix}", NAME, str(threads)]
    return [sys.executable, "-W", "ignore", "-c", SCRIPT, *words]


def run(command: list[str], address: Address, cache: Path | None = None) -> Sample:
    """One run."""
    environment = {**processes.clean_environment(), **address}
    if cache is not None:
        environment["H5S3_CACHE_DIR"] = str(cache)
    begun = perf_counter()
    ended = processes.run(command, environment, MOST_SECONDS)
    seconds = perf_counter() - begun
    if ended.code != 0:
        raise RuntimeError(f"{' '.join(command[:5])}: {ended.error[-2000:]}")
    lines = ["\t".join(line.split("\t")[:2]) for line in ended.output.splitlines()]
    return Sample(seconds, ended.cpu, lines)


@dataclass(frozen=True)
class Sample:
    """Seconds, processor seconds, and what was found."""

    seconds: float
    cpu: float
    lines: list[str]


def measure(tasks: Sequence[Task], repeat: int, slow: int) -> list[list[str]]:
    """The rows of the tasks. The script over files that take it long runs `slow` times."""
    rows = []
    for task in tasks:
        samples: dict[str, list[Sample]] = {}
        for turn in range(repeat):
            with tempfile.TemporaryDirectory() as folder:
                cache = Path(folder, "cache")
                turns = [("h5s3 find", ours(task.prefix)), ("h5s3 find, again", ours(task.prefix))]
                if turn < (slow if task.prefix == "scattered/" else repeat):
                    turns.append(("s3fs and h5py", script(task.prefix, 1)))
                    turns.append((f"s3fs and h5py, {THREADS} threads", script(task.prefix, THREADS)))
                for name, command in turns:
                    samples.setdefault(name, []).append(run(command, task.address, cache))
                    tell(f"{task.name}: {name}: {samples[name][-1].seconds:.2f} s")
        rows += _rows(task, samples)
    return rows


def warm(address: Address, count: int) -> list[str]:
    """The row of a second question to so many files."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder, "cache")
        run(ours("many/"), address, cache)
        again = run(ours("many/", "--name", "value5", "--files"), address, cache)
    assert len(again.lines) == count
    figures = [f"{again.seconds:.2f}", "", f"{again.cpu:.2f}", ""]
    return [f"{count:,} small files", "h5s3 find, again", *figures]


def _rows(task: Task, samples: dict[str, list[Sample]]) -> list[list[str]]:
    first = samples["h5s3 find"][0].lines
    base = median(one.seconds for one in samples["h5s3 find"])
    rows = []
    for name, found in samples.items():
        assert all(sorted(one.lines) == sorted(first) for one in found), name
        seconds = median(one.seconds for one in found)
        figures = [f"{seconds:.2f}", spread(one.seconds for one in found)]
        cpu = median(one.cpu for one in found)
        rows.append([task.name, name, *figures, f"{cpu:.2f}", f"{seconds / base:.1f}"])
    return rows


def text_of(rows: list[list[str]], repeat: int) -> str:
    """The table with what it is of."""
    runs = "one run" if repeat == 1 else f"medians of {repeat} runs"
    head = wrapped(
        f"Objects named `{NAME}` in the files of a prefix: small scans of 250 kB and 92 objects, and files of"
        " 20 MB whose metadata lie scattered; loopback, or 50 ms a request, over a line without a limit or of"
        f" {MBIT} Mbit/s; empty cache, or a second question (`again`); whole processes, 2 cores, {runs}."
    )
    columns = ["task", "contender", "seconds", "min–max", "CPU s", "× h5s3"]
    return f"{head}\n\n{markdown(columns, rows, 2)}\n\nMeasured by `python -m tests.benchmarks.search`."


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--small", type=int, default=200)
    parser.add_argument("--large", type=int, default=100)
    parser.add_argument("--warm", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        make_files(root, asked.small, asked.large, asked.warm)
        near, far = stack.enter_context(served(root))
        tasks = [
            Task(f"{asked.small} small files, loopback", "scans/", near),
            Task(f"{asked.small} small files, 50 ms", "scans/", far),
        ]
        if asked.large:
            free, limited = (
                stack.enter_context(serving(root, DELAY, bandwidth)) for bandwidth in (None, MBIT)
            )
            tasks.append(Task(f"{asked.large} scattered files, 50 ms", "scattered/", free))
            tasks.append(Task(f"{asked.large} scattered files, 50 ms, {MBIT} Mbit/s", "scattered/", limited))
        rows = measure(tasks, asked.repeat, slow=1)
        rows += [warm(near, asked.warm)] if asked.warm else []
    text = text_of(rows, asked.repeat)
    if asked.write:
        replace_between(ROOT / "README.md", "many files", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
