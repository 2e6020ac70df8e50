"""Values of a large dataset: h5s3 and its peers, each a whole process on the same server.

python -m tests.benchmarks.data [--planes 60] [--rtt 50] [--repeat 3] [--before FOLDER] [--only get plane]

A cube of `--planes` x 2048 x 2048 integers of 4 bytes in chunks of 256 x 256 (gzip behind shuffle, six to
one) stands on an rclone server behind a proxy that delays each answer by `--rtt` milliseconds. `get`: all of
it into a .npy file, at 400 Mbit/s; `plane`: one plane, 64 chunks; `column`: one value of each plane, both at
200 Mbit/s. The contenders take turns, `--repeat` times; what stands in the table are medians. Seconds are of
the wall, from the start of the process to its end; processor seconds and the largest memory are those of the
process and its children; requests, rounds and MB (10^6 bytes) are the proxy's counts. `--before`: a folder
with another version of this project, measured as well.

Server, proxy and contender share the processors of one machine: what they decode and send competes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import h5py
import numpy as np

from tests.benchmarks import processes
from tests.benchmarks.tables import markdown
from tests.support import ROOT
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

BUCKET, KEY, SIDE, CHUNK = "bench", "cube.h5", 2048, 256
JITTER = 0.25
MOST_SECONDS = 300.0
TASKS = {
    "get": (":,:,:", 400.0),
    "plane": ("7,:,:", 200.0),
    "column": (":,1000,1000", 200.0),
}  # slice, Mbit/s
OURS = "h5s3"
COLUMNS = ("task", "contender", "seconds", "min–max", "processor s", "requests", "rounds", "MB", "peak MiB")
_MEASURE = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[3:], stdout=subprocess.DEVNULL, cwd=sys.argv[2])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
"""


@dataclass(frozen=True)
class Sample:
    """One process: seconds of the wall and of processors, what the proxy counted, MiB of memory."""

    seconds: float
    processor: float
    requests: int
    rounds: int
    megabytes: float
    memory: float


@dataclass
class Row:
    """All samples of a contender at one task."""

    task: str
    name: str
    samples: list[Sample] = field(default_factory=list)

    def middle(self, what: Callable[[Sample], float]) -> float:
        """The median of one figure."""
        return median(map(what, self.samples))

    def cells(self) -> list[str]:
        """The row of the table."""
        seconds = [sample.seconds for sample in self.samples]
        return [
            *(self.task, self.name, f"{median(seconds):.2f}", f"{min(seconds):.2f}–{max(seconds):.2f}"),
            f"{self.middle(lambda s: s.processor):.2f}",
            *(f"{self.middle(what):.0f}" for what in (lambda s: s.requests, lambda s: s.rounds)),
            *(f"{self.middle(lambda s: s.megabytes):.1f}", f"{self.middle(lambda s: s.memory):.0f}"),
        ]


def make(path: Path, planes: int) -> None:
    """The cube: of each chunk of a plane one content, in a random order in each plane."""
    chance = np.random.default_rng(5)
    contents = []
    for number in range(64):
        values = (np.abs(chance.normal(size=(CHUNK, CHUNK))) * 16).astype("<i4") + number
        shuffled = values.view("u1").reshape(-1, 4).T.tobytes()
        contents.append(zlib.compress(shuffled, 4))
    with h5py.File(path, "w") as file:
        shape, chunks = (planes, SIDE, SIDE), (1, CHUNK, CHUNK)
        data = file.create_dataset("data", shape, "<i4", chunks=chunks, compression="gzip", shuffle=True)
        for plane in range(planes):
            order = chance.permutation(64)
            for number, (row, column) in enumerate(np.ndindex(SIDE // CHUNK, SIDE // CHUNK)):
                data.id.write_direct_chunk((plane, row * CHUNK, column * CHUNK), contents[order[number % 64]])


@dataclass(frozen=True)
class Track:
    """What all contenders share."""

    proxy: Proxy
    server: S3Server
    home: Path

    def run(self, command: list[str], folder: Path) -> Sample:
        """One process, in the folder of a version of this project, with an empty cache."""
        with tempfile.TemporaryDirectory(dir=self.home) as own:
            ours = {"HOME": own, "TMPDIR": own, "H5S3_CACHE_DIR": f"{own}/cache"}
            variables = {**processes.clean_environment(), **self.server.at(self.proxy.url).env(), **ours}
            variables |= {"BENCH_OUTPUT": f"{own}/values.npy"}
            self.proxy.reset()
            noted = f"{own}/noted"
            words = [word.replace("$OUTPUT", f"{own}/values.npy") for word in command]
            began = time.perf_counter()
            measured = [sys.executable, "-S", "-E", "-c", _MEASURE, noted, str(folder), *words]
            ended = processes.run(measured, variables, MOST_SECONDS)
            seconds = time.perf_counter() - began
            code, processor, memory = json.loads(Path(noted).read_text())
            if ended.code or code:
                raise SystemExit(f"{words} failed: {ended.error[-500:]}")
            proxy = self.proxy
            return Sample(seconds, processor, proxy.count(), proxy.rounds(), proxy.bytes() / 1e6, memory)


@contextmanager
def track_of(planes: int, rtt: float) -> Iterator[Track]:
    """The cube behind a line with so many milliseconds."""
    with tempfile.TemporaryDirectory(prefix="data-") as folder:
        home, served = Path(folder, "home"), Path(folder, "served")
        (served / BUCKET).mkdir(parents=True)
        home.mkdir()
        make(served / BUCKET / KEY, planes)
        with rclone_server(served, auth=False) as server, Proxy(server) as proxy:
            server.client().head_object(Bucket=BUCKET, Key=KEY)  # the server hashes the file once
            proxy.delay = rtt / 1000 / (1 + JITTER / 2)
            proxy.jitter = JITTER
            yield Track(proxy, server, home)


def ours(task: str) -> list[str]:
    """h5s3's command for a task."""
    where = f"s3://{BUCKET}/{KEY}"
    return [
        sys.executable,
        "-m",
        "h5s3",
        "get",
        where,
        "/data",
        "--slice",
        TASKS[task][0],
        "-o",
        "$OUTPUT",
    ]


def peer(name: str, task: str) -> list[str]:
    """A peer's: this module, in a process of its own."""
    return [sys.executable, "-m", "tests.benchmarks.data", "--peer", name, task]


def act(name: str, task: str) -> None:
    """What a peer does: read the values of a task, and save them."""
    index = {"get": (), "plane": (7,), "column": (slice(None), 1000, 1000)}[task]
    if name == "download":
        import boto3

        path = os.environ["BENCH_OUTPUT"] + ".h5"
        boto3.client("s3").download_file(BUCKET, KEY, path)
        with h5py.File(path) as file:
            np.save(os.environ["BENCH_OUTPUT"], file["data"][index])
        return
    import s3fs

    storage = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    with storage.open(f"{BUCKET}/{KEY}", "rb", cache_type="blockcache", block_size=1 << 20) as remote:
        with h5py.File(remote, "r") as file:
            np.save(os.environ["BENCH_OUTPUT"], file["data"][index])


def measure(track: Track, tasks: Sequence[str], repeat: int, before: Path | None) -> list[Row]:
    """Let the contenders take turns."""
    rows: list[Row] = []
    for task in tasks:
        track.proxy.bandwidth = TASKS[task][1] * 1e6 / 8
        contenders = {OURS: (ours(task), ROOT), "download, h5py": (peer("download", task), ROOT)}
        if before is not None:
            contenders["h5s3, before"] = (ours(task), before)
        if task != "get":
            contenders["h5py over s3fs, 1 MiB"] = (peer("s3fs", task), ROOT)
        found = {name: Row(task, name) for name in contenders}
        for turn in range(repeat):
            for name, (command, folder) in contenders.items():
                found[name].samples.append(track.run(command, folder))
                print(
                    f"{task}, turn {turn + 1}: {name}: {found[name].samples[-1]}", file=sys.stderr, flush=True
                )
        rows += found.values()
    return rows


def ratios(rows: Sequence[Row]) -> list[str]:
    """By how much each contender takes longer than h5s3: the median of the ratios of each turn."""
    told = []
    for row in rows:
        own = next(other for other in rows if other.task == row.task and other.name == OURS)
        if row is not own:
            pairs = zip(row.samples, own.samples, strict=True)
            ratio = median(theirs.seconds / mine.seconds for theirs, mine in pairs)
            told.append(f"{row.task}: {row.name} takes {ratio:.2f} times as long as {OURS}")
    return told


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.data", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--planes", type=int, default=60, help="of 17 MB each [60]")
    parser.add_argument("--rtt", type=float, default=50, help="milliseconds before each answer [50]")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each contender [3]")
    parser.add_argument("--before", type=Path, help="a folder with another version of this project")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), help="tasks [all]")
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.peer:
        act(*options.peer)
        return
    with track_of(max(8, options.planes), options.rtt) as track:
        rows = measure(track, options.only, options.repeat, options.before)
    print(markdown(COLUMNS, [row.cells() for row in rows]))
    print("\n".join(ratios(rows)))


if __name__ == "__main__":
    main()
