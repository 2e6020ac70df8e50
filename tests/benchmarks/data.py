"""Values of a large dataset: h5s3 and its peers, each a whole process on the same server.

python -m tests.benchmarks.data [--planes 60] [--rtt 50] [--repeat 3] [--before FOLDER] [--only get plane]

A cube of `--planes` x 2048 x 2048 integers of 4 bytes in chunks of 256 x 256 (gzip behind shuffle, six to
one) stands on an rclone server behind a proxy that delays each answer by `--rtt` milliseconds. `get`: all of
it into a .npy file, at 400 Mbit/s; `plane`: one plane, 64 chunks; `column`: one value of each plane, both at
200 Mbit/s. The contenders take turns, `--repeat` times (once, who takes more than three times as long as
h5s3); what stands in the table are medians. Seconds are of the wall, from the start of the process to its
end; processor seconds and the largest memory are those of the process and its children; requests, rounds and
MB (10^6 bytes) are the proxy's counts. All must have read the same bytes. Those on the local file are
compared with h5s3 on the local file. `--before`: a folder with another version of this project, measured as
well.

Server, proxy and contender share the processors of one machine: what they decode and send competes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import h5py
import numpy as np

from tests.benchmarks import processes
from tests.benchmarks.tables import below, markdown, marks, wrapped
from tests.benchmarks.turns import again, spread, tell, turns_told
from tests.benchmarks.versions import beside
from tests.support import ROOT
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

BUCKET, KEY, SIDE, CHUNK = "bench", "cube.h5", 2048, 256
LEAST_PLANES = 8  # the eighth is the one that is read
JITTER = 0.25
MOST_SECONDS = 60.0
TASKS = {
    "get": (":,:,:", 400.0),
    "plane": ("7,:,:", 200.0),
    "column": (":,{middle},{middle}", 200.0),
}  # slice, Mbit/s
OURS = "h5s3"
LOCAL = "on the local file"
OURS_LOCAL = f"h5s3 {LOCAL}"
HIDEFIX = f"hidefix {LOCAL}"
CONTENDERS = {
    OURS: "",
    "download by boto3, h5py": "download",
    "h5py over s3fs, blocks of 1 MiB": "s3fs",
    OURS_LOCAL: "",
    f"h5py {LOCAL}": "local",
    HIDEFIX: "hidefix",
}  # the name of a peer's read
COLUMNS = (
    *("task", "contender", "seconds", "min–max", "CPU s", "requests", "rounds", "MB", "× h5s3"),
    "peak MiB",
)
_MEASURE = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[3:], stdout=subprocess.DEVNULL, cwd=sys.argv[2])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
"""


@dataclass(frozen=True)
class Sample:
    """One process: seconds of the wall and of processors, what the proxy counted, MiB of memory, and a
    checksum of the values it saved."""

    seconds: float
    processor: float
    requests: int
    rounds: int
    megabytes: float
    memory: float
    checksum: int


@dataclass
class Row:
    """All samples of a contender at one task, or words that say why there are none."""

    task: str
    name: str
    samples: list[Sample] = field(default_factory=list)
    words: str = ""

    @property
    def seconds(self) -> float:
        """The median."""
        return self.middle(lambda sample: sample.seconds)

    def middle(self, what: Callable[[Sample], float]) -> float:
        """The median of one figure."""
        return median(map(what, self.samples))

    def cells(self, own: Row) -> list[str]:
        """The figures of the row; `own`: that of h5s3."""
        if not self.samples:
            return ["–"] * (len(COLUMNS) - 2)
        return [
            f"{self.seconds:.2f}",
            spread(sample.seconds for sample in self.samples),
            f"{self.middle(lambda s: s.processor):.2f}",
            *(f"{self.middle(what):.0f}" for what in (lambda s: s.requests, lambda s: s.rounds)),
            f"{self.middle(lambda s: s.megabytes):.1f}",
            f"{self.seconds / own.seconds:.1f}",
            f"{self.middle(lambda s: s.memory):.0f}",
        ]


def make(path: Path, planes: int, side: int = SIDE) -> None:
    """The cube: of each chunk of a plane one content, in a random order in each plane."""
    chance = np.random.default_rng(5)
    contents = []
    for number in range(64):
        values = (np.abs(chance.normal(size=(CHUNK, CHUNK))) * 16).astype("<i4") + number
        shuffled = values.view("u1").reshape(-1, 4).T.tobytes()
        contents.append(zlib.compress(shuffled, 4))
    with h5py.File(path, "w") as file:
        shape, chunks = (planes, side, side), (1, CHUNK, CHUNK)
        data = file.create_dataset("data", shape, "<i4", chunks=chunks, compression="gzip", shuffle=True)
        for plane in range(planes):
            order = chance.permutation(64)
            for number, (row, column) in enumerate(np.ndindex(side // CHUNK, side // CHUNK)):
                data.id.write_direct_chunk((plane, row * CHUNK, column * CHUNK), contents[order[number % 64]])


@dataclass(frozen=True)
class Track:
    """What all contenders share."""

    proxy: Proxy
    server: S3Server
    home: Path
    side: int

    @property
    def file(self) -> Path:
        """The object's file on this machine."""
        return Path(self.server.root or "", BUCKET, KEY)

    def slice(self, task: str) -> str:
        """What is read."""
        return TASKS[task][0].format(middle=self.side // 2)

    def commands(self, task: str) -> dict[str, list[str]]:
        """The contenders' commands for a task."""
        python, where = [sys.executable, "-m"], self.slice(task)
        commands = {}
        for name, peer in CONTENDERS.items():
            location = str(self.file) if name == OURS_LOCAL else f"s3://{BUCKET}/{KEY}"
            ours = ["h5s3", "get", location, "/data", "--slice", where, "-o", "$OUTPUT"]
            commands[name] = [*python, *(["tests.benchmarks.peers.reads", peer, where] if peer else ours)]
        return commands

    def run(self, command: list[str], folder: Path) -> Sample:
        """One process, in the folder of a version of this project, with an empty cache.

        Raises `RuntimeError` where it fails or takes too long.
        """
        with tempfile.TemporaryDirectory(dir=self.home) as own:
            output, noted = Path(own, "values.npy"), Path(own, "noted")
            self.proxy.reset()
            words = [word.replace("$OUTPUT", str(output)) for word in command]
            measured = [sys.executable, "-S", "-E", "-c", _MEASURE, str(noted), str(folder), *words]
            began = time.perf_counter()
            ended = processes.run(measured, self._environment(own, output), MOST_SECONDS)
            seconds = time.perf_counter() - began
            if ended.code is None:
                raise RuntimeError(f"took more than {MOST_SECONDS:g} s")
            code, processor, memory = json.loads(noted.read_text())
            if ended.code or code:
                last = (ended.error.strip().splitlines() or ["without a word"])[-1]
                raise RuntimeError(f"failed: {last}")
            counts = self.proxy.count(), self.proxy.rounds(), self.proxy.bytes() / 1e6
            return Sample(seconds, processor, *counts, memory, _checksum(output))

    def _environment(self, own: str, output: Path) -> dict[str, str]:
        ours = {"HOME": own, "TMPDIR": own, "H5S3_CACHE_DIR": f"{own}/cache"}
        told = {"OUTPUT": output, "BUCKET": BUCKET, "KEY": KEY, "FILE": self.file}
        peers = {f"BENCH_{name}": str(value) for name, value in told.items()}
        return {**processes.clean_environment(), **self.server.at(self.proxy.url).env(), **ours, **peers}


def _checksum(path: Path) -> int:
    """Of the values in a .npy file, without their shape."""
    values = np.load(path, mmap_mode="r")
    return zlib.crc32(values.reshape(-1).view("u1"))


@contextmanager
def track_of(planes: int, rtt: float, side: int = SIDE) -> Iterator[Track]:
    """The cube behind a line with so many milliseconds."""
    with tempfile.TemporaryDirectory(prefix="data-") as folder:
        home, served = Path(folder, "home"), Path(folder, "served")
        (served / BUCKET).mkdir(parents=True)
        home.mkdir()
        make(served / BUCKET / KEY, max(LEAST_PLANES, planes), side)
        with rclone_server(served, auth=False) as server, Proxy(server) as proxy:
            server.client().head_object(Bucket=BUCKET, Key=KEY)  # the server hashes the file once
            proxy.delay = rtt / 1000 / (1 + JITTER / 2)
            proxy.jitter = JITTER
            yield Track(proxy, server, home, side)


def missing(name: str) -> str:
    """Why a contender cannot run here, in words; empty where it can."""
    absent = name == HIDEFIX and not find_spec("hidefix")
    return "not installed: hidefix (uv sync --group bench)" if absent else ""


def measure(track: Track, tasks: Sequence[str], repeat: int, before: Path | None = None) -> list[Row]:
    """Let the contenders take turns; who is slow runs once."""
    rows: list[Row] = []
    for task in tasks:
        track.proxy.bandwidth = TASKS[task][1] * 1e6 / 8
        contenders = {name: (command, ROOT) for name, command in track.commands(task).items()}
        if before is not None:
            contenders["h5s3, before"] = (contenders[OURS][0], before)
        found = {name: Row(task, name, words=missing(name)) for name in contenders}
        for turn in range(repeat):
            for name, (command, folder) in contenders.items():
                row = found[name]
                slow = (
                    turn and row.samples and not again(row.samples[0].seconds, found[OURS].samples[0].seconds)
                )
                if not row.words and not slow:
                    run(track, row, command, folder)
                    told = row.words or f"{row.samples[-1].seconds:.2f} s"
                    tell(f"data, {task}, turn {turn + 1}: {name}: {told}")
        rows += found.values()
    return rows


def run(track: Track, row: Row, command: list[str], folder: Path) -> None:
    """One process, noted in the row. Raises `RuntimeError` where it is h5s3 that fails."""
    try:
        row.samples.append(track.run(command, folder))
    except RuntimeError as error:
        if row.name in (OURS, OURS_LOCAL):
            raise
        row.words, row.samples = str(error), []


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table; under it why some have no figures."""
    notes = {row.name: row.words for row in rows if row.words}
    mark = marks(notes)
    by_name = {(row.task, row.name): row for row in rows}
    body = []
    for row in rows:
        own = by_name[row.task, OURS_LOCAL if LOCAL in row.name else OURS]
        body.append([row.task, beside(row.name) + mark.get(row.name, ""), *row.cells(own)])
    return markdown(COLUMNS, body, 2) + below(notes)


def disagreement(rows: Sequence[Row]) -> str:
    """Who read other values than h5s3, in words; empty where all agree."""
    right = {row.task: row.samples[0].checksum for row in rows if row.name == OURS}
    wrong = [
        f"{row.task}: {row.name}"
        for row in rows
        if any(sample.checksum != right[row.task] for sample in row.samples)
    ]
    return f"Not all read the values that h5s3 read: {'; '.join(wrong)}" if wrong else ""


def report(options: argparse.Namespace) -> tuple[str, str]:
    """Measure; the text for the README, and what is wrong with it if anything is."""
    planes = max(LEAST_PLANES, options.planes)
    with track_of(planes, options.rtt) as track:
        stored = track.file.stat().st_size
        rows = measure(track, list(TASKS), options.repeat)
    text = (
        f"Values of a dataset of {planes} × {SIDE} × {SIDE} integers (gzip and shuffle, "
        f"{planes * SIDE * SIDE * 4 / 1e9:.1f} GB, {stored / 1e6:.0f} MB stored; {options.rtt:g} ms for each "
        "answer): all into a file (`get`, 400 Mbit/s), one plane, and a column through all planes "
        f"(200 Mbit/s); whole processes, {turns_told(options.repeat)}."
    )
    return f"{wrapped(text)}\n\n{table(rows)}", disagreement(rows)


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.data", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--planes", type=int, default=60, help="of 17 MB each, 8 at least [60]")
    parser.add_argument("--side", type=int, default=SIDE, help="of a plane, a multiple of 256 [2048]")
    parser.add_argument("--rtt", type=float, default=50, help="milliseconds before each answer [50]")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each contender [3]")
    parser.add_argument("--before", type=Path, help="a folder with another version of this project")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), help="tasks [all]")
    options = parser.parse_args(words)
    with track_of(options.planes, options.rtt, options.side) as track:
        rows = measure(track, options.only, options.repeat, options.before)
    wrong = disagreement(rows)
    print(f"{table(rows)}\n{wrong}".rstrip())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
