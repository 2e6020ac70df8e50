"""References: h5s3 and its peers, each a whole process on the same server.

python -m tests.benchmarks.zarr.references [--scans 200] [--planes 60] [--rtt 50] [--repeat 3] [--only cube]

`scattered`: a file of the earliest format whose 2,200 objects lie scattered; `cube`: one array of `--planes`
x 2048 x 2048 integers in chunks of 256 x 256, 64 chunks a plane. The file stands on an rclone server behind a
proxy that delays each answer by `--rtt` milliseconds, at 200 Mbit/s. The contenders take turns, `--repeat`
times (once, who takes more than three times as long as h5s3); medians stand in the table. Seconds are of the
wall, from the start of the process to its end; requests, rounds and MB are the proxy's counts. All must have
found the same number of chunks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from tests.benchmarks import data, files, processes
from tests.benchmarks.tables import below, markdown, marks
from tests.benchmarks.turns import again, spread, tell
from tests.benchmarks.versions import beside
from tests.benchmarks.zarr.generators import count
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

BUCKET, KEY, JITTER, MBIT = "bench", "file.h5", 0.25, 200.0
MOST_SECONDS = 120.0
FILES = ("scattered", "cube")
OURS = "h5s3 refs"
CONTENDERS = {
    OURS: "",
    "kerchunk scan over s3fs": "kerchunk",
    "kerchunk scan over s3fs, reading ahead": "kerchunk-plain",
    "VirtualiZarr over obstore": "virtualizarr",
}
COLUMNS = ("file", "contender", "seconds", "min–max", "requests", "rounds", "MB", "× h5s3")


@dataclass(frozen=True)
class Sample:
    """One process: seconds of the wall, what the proxy counted, the chunks that it found."""

    seconds: float
    requests: int
    rounds: int
    megabytes: float
    chunks: int


@dataclass
class Row:
    """All samples of a contender, or words that say why there are none."""

    file: str
    name: str
    samples: list[Sample] = field(default_factory=list)
    words: str = ""

    @property
    def seconds(self) -> float:
        """The median."""
        return median(sample.seconds for sample in self.samples)

    def cells(self, own: Row) -> list[str]:
        """The figures of the row; `own`: that of h5s3."""
        if not self.samples:
            return ["–"] * (len(COLUMNS) - 2)
        middle = sorted(self.samples, key=lambda one: one.seconds)[len(self.samples) // 2]
        return [
            f"{self.seconds:.2f}",
            spread(sample.seconds for sample in self.samples),
            f"{middle.requests}",
            f"{middle.rounds}",
            f"{middle.megabytes:.1f}",
            f"{self.seconds / own.seconds:.1f}",
        ]


@dataclass(frozen=True)
class Track:
    """What all contenders share."""

    proxy: Proxy
    server: S3Server
    home: Path

    def run(self, peer: str) -> Sample:
        """One process with an empty cache. Raises `RuntimeError` where it fails or takes too long."""
        with tempfile.TemporaryDirectory(dir=self.home) as own:
            output = Path(own, "refs.json")
            location = f"s3://{BUCKET}/{KEY}"
            ours = [sys.executable, "-m", "h5s3", "refs", location, "-o", str(output)]
            theirs = [sys.executable, "-m", "tests.benchmarks.zarr.generators", peer]
            self.proxy.reset()
            began = time.perf_counter()
            ended = processes.run(theirs if peer else ours, self._environment(own, output), MOST_SECONDS)
            seconds = time.perf_counter() - began
            if ended.code is None:
                raise RuntimeError(f"took more than {MOST_SECONDS:g} s")
            if ended.code:
                raise RuntimeError(f"failed: {_last(ended.error)}")
            counts = self.proxy.count(), self.proxy.rounds(), self.proxy.bytes() / 1e6
            return Sample(seconds, *counts, count(output))

    def _environment(self, own: str, output: Path) -> dict[str, str]:
        ours = {"HOME": own, "TMPDIR": own, "H5S3_CACHE_DIR": f"{own}/cache"}
        peers = {"BENCH_OUTPUT": str(output), "BENCH_BUCKET": BUCKET, "BENCH_KEY": KEY}
        return {**processes.clean_environment(), **self.server.at(self.proxy.url).env(), **ours, **peers}


def _last(error: str) -> str:
    """The last line of a traceback that says something."""
    lines = [line.strip() for line in error.splitlines() if len(line.strip()) > 1]
    return (lines or ["without a word"])[-1][:200]


def make(name: str, path: Path, options: argparse.Namespace) -> None:
    """One of the files."""
    if name == "cube":
        data.make(path, options.planes)
    else:
        files.make("v1", path.parent, options.scans).rename(path)


@contextmanager
def track_of(name: str, options: argparse.Namespace) -> Iterator[Track]:
    """A file behind a line with so many milliseconds."""
    with tempfile.TemporaryDirectory(prefix="references-") as folder:
        home, served = Path(folder, "home"), Path(folder, "served")
        (served / BUCKET).mkdir(parents=True)
        home.mkdir()
        make(name, served / BUCKET / KEY, options)
        with rclone_server(served, auth=False) as server, Proxy(server) as proxy:
            server.client().head_object(Bucket=BUCKET, Key=KEY)  # the server hashes the file once
            proxy.delay, proxy.jitter = options.rtt / 1000 / (1 + JITTER / 2), JITTER
            proxy.partial = True
            proxy.bandwidth = MBIT * 1e6 / 8
            yield Track(proxy, server, home)


def missing(peer: str) -> str:
    """Why a contender cannot run here, in words; empty where it can."""
    module = peer.partition("-")[0]
    return f"not installed: {module} (uv sync --group bench)" if module and not find_spec(module) else ""


def measure(name: str, options: argparse.Namespace) -> list[Row]:
    """Let the contenders take turns over one file; who is slow runs once."""
    rows = {one: Row(name, one, words=missing(peer)) for one, peer in CONTENDERS.items()}
    with track_of(name, options) as track:
        for turn in range(options.repeat):
            for one, row in rows.items():
                slow = (
                    turn and row.samples and not again(row.samples[0].seconds, rows[OURS].samples[0].seconds)
                )
                if row.words or slow:
                    continue
                try:
                    row.samples.append(track.run(CONTENDERS[one]))
                except RuntimeError as error:
                    if one == OURS:
                        raise
                    row.words, row.samples = str(error), []
                told = row.words or f"{row.samples[-1].seconds:.2f} s, {row.samples[-1].chunks} chunks"
                tell(f"references, {name}, turn {turn + 1}: {one}: {told}")
    return list(rows.values())


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table; under it why some have no figures."""
    notes = {f"{row.file}: {row.name}": row.words for row in rows if row.words}
    mark = marks(notes)
    own = {row.file: row for row in rows if row.name == OURS}
    body = [
        [row.file, beside(row.name) + mark.get(f"{row.file}: {row.name}", ""), *row.cells(own[row.file])]
        for row in rows
    ]
    return markdown(COLUMNS, body, 2) + below(notes)


def disagreement(rows: Sequence[Row]) -> str:
    """Who found other chunks than h5s3, in words; empty where all agree."""
    right = {row.file: row.samples[0].chunks for row in rows if row.name == OURS}
    wrong = [
        f"{row.file}: {row.name} ({sample.chunks}, not {right[row.file]})"
        for row in rows
        for sample in row.samples[:1]
        if sample.chunks != right[row.file]
    ]
    return f"Not all found the chunks that h5s3 found: {'; '.join(wrong)}" if wrong else ""


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.zarr.references", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--scans", type=int, default=200, help="of 11 objects each [200]")
    parser.add_argument("--planes", type=int, default=60, help="of 64 chunks each [60]")
    parser.add_argument("--rtt", type=float, default=50, help="milliseconds before each answer [50]")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each contender [3]")
    parser.add_argument("--only", nargs="+", choices=FILES, default=list(FILES), help="files [all]")
    options = parser.parse_args(words)
    rows = [row for name in options.only for row in measure(name, options)]
    wrong = disagreement(rows)
    print(f"{table(rows)}\n{wrong}".rstrip())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
