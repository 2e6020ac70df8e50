"""CPU seconds per ranged GET, by client.

python -m tests.benchmarks.cpu [--count 400] [--length 65536] [--repeat 5]

Each client is a process of its own that reads the same ranges from the same rclone server, 64 in flight
(see `fetches`); they take turns, `--repeat` times, and medians stand in the table. CPU seconds are those of
the client's process alone; what else runs on the machine changes them a little, and the wall's a lot.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.fetches import CLIENTS
from tests.benchmarks.files import make
from tests.benchmarks.processes import clean_environment, run
from tests.benchmarks.tables import markdown
from tests.support.servers.s3 import S3Server, rclone_server
from tests.support.shapes import SCANS

BUCKET = "bench"
IN_FLIGHT = 64
MOST_SECONDS = 300.0  # that one process may take
NAMES = {"boto3": "boto3 get_object", "s3fs": "s3fs cat_ranges", "h5s3": "h5s3 get_ranges"}
COLUMNS = ("client", "CPU s", "min–max", "CPU ms per GET", "wall s", "× h5s3")


@dataclass(frozen=True)
class Sample:
    """One process: seconds of CPU and of the wall for all its ranges."""

    cpu: float
    wall: float


def measure(count: int, length: int, repeat: int, scans: int = SCANS) -> dict[str, list[Sample]]:
    """Samples by client. Raises `RuntimeError` for a client that fails or received too little."""
    samples: dict[str, list[Sample]] = {client: [] for client in CLIENTS}
    with tempfile.TemporaryDirectory(prefix="cpu-") as folder:
        bucket = Path(folder, "served", BUCKET)
        bucket.mkdir(parents=True)
        path = make("v1", bucket, scans)
        with rclone_server(bucket.parent) as server:
            server.client().head_object(Bucket=BUCKET, Key=path.name)  # the server hashes the file once
            for _ in range(repeat):
                for client, found in samples.items():
                    found.append(_run(server, client, path, count, length))
    return samples


def _run(server: S3Server, client: str, path: Path, count: int, length: int) -> Sample:
    numbers = map(str, (path.stat().st_size, count, length, IN_FLIGHT))
    command = [sys.executable, "-m", "tests.benchmarks.fetches", client, BUCKET, path.name, *numbers]
    ended = run(command, clean_environment() | server.env(), MOST_SECONDS)
    if ended.code != 0:
        raise RuntimeError(f"{client} failed:\n{ended.error}")
    told = json.loads(ended.output)
    if told["bytes"] != count * length:
        raise RuntimeError(f"{client} received {told['bytes']} bytes, not {count * length}")
    return Sample(told["cpu"], told["wall"])


def table(samples: dict[str, list[Sample]], count: int) -> str:
    """Medians and ratios as a Markdown table."""
    ours = median(sample.cpu for sample in samples["h5s3"])
    rows = []
    for client, found in samples.items():
        seconds = [sample.cpu for sample in found]
        middle = median(seconds)
        wall = median(sample.wall for sample in found)
        spread = f"{min(seconds):.2f}–{max(seconds):.2f}"
        figures = [f"{middle:.2f}", spread, f"{middle / count * 1e3:.2f}", f"{wall:.2f}"]
        rows.append([NAMES[client], *figures, f"{middle / ours:.1f}"])
    return markdown(COLUMNS, rows)


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cpu", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--count", type=int, default=400, help="ranges [400]")
    parser.add_argument("--length", type=int, default=64 * 1024, help="bytes of a range [65536]")
    parser.add_argument("--repeat", type=int, default=5, help="processes of each client [5]")
    options = parser.parse_args(words)
    samples = measure(options.count, options.length, options.repeat)
    print(f"{options.count} ranges of {options.length} bytes, {IN_FLIGHT} in flight, on this machine\n")
    print(table(samples, options.count))


if __name__ == "__main__":
    main()
