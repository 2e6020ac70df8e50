"""Listings of many keys as whole processes: h5s3 in its three forms, s5cmd, the AWS CLI, obstore.

`python -m tests.benchmarks.listing --keys 1000000 --delay 50` lists that many keys from a server that answers
each page after 50 ms, and prints seconds to the first line and to the end, peak memory and requests. The
server runs on the same machine: its processor time is part of all figures.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processes import clean_environment
from tests.benchmarks.tables import markdown
from tests.support import ROOT
from tests.support.servers.listing import BUCKET, SHAPES, ListServer, serving

COLUMNS = ("listing", "s", "× s5cmd", "s to the first line", "MB", "requests", "lines")
PEER = "s5cmd ls"
OBSTORE = """
import sys
from obstore.store import S3Store
options = {{"allow_http": True}}
store = S3Store({bucket!r}, endpoint={url!r}, client_options=options, virtual_hosted_style_request=False)
for page in store.list(chunk_size=1000):
    sys.stdout.write("".join(f"{{item['size']}} {{item['path']}}\\n" for item in page))
"""
PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(process.pid, 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""  # a small process between: a child's peak is never less than its parent's memory was


@dataclass(frozen=True)
class Sample:
    """What one process took."""

    seconds: float
    first: float  # seconds until something was written
    megabytes: float
    requests: int
    lines: int


def contenders(url: str) -> dict[str, list[str]]:
    """The commands, of those that are installed."""
    here = f"s3://{BUCKET}/"
    ours = [sys.executable, "-m", "h5s3", "ls", "-r", here, "--no-cache"]
    found = {" ".join(["h5s3 ls -r", *form]): [*ours, *form] for form in ([], ["--jsonl"], ["--json"])}
    folder = Path(sys.executable).parent
    if (folder / "s5cmd").exists():
        found[PEER] = [str(folder / "s5cmd"), "--endpoint-url", url, "ls", f"{here}*"]
    if command := shutil.which("aws"):
        found["aws s3 ls --recursive"] = [command, "s3", "ls", "--recursive", here]
    script = OBSTORE.format(bucket=BUCKET, url=url)
    if subprocess.run([sys.executable, "-c", "import obstore"], capture_output=True).returncode == 0:
        found["obstore list"] = [sys.executable, "-c", script]
    return found


def measure(command: Sequence[str], server: ListServer) -> Sample:
    """Run a command to its end. Raises `RuntimeError` where it fails."""
    with tempfile.NamedTemporaryFile("r") as peak:
        server.counts()
        environment = {**clean_environment(), **server.environment()}
        begun = time.perf_counter()
        around = [sys.executable, "-S", "-c", PEAK, peak.name, *command]
        with subprocess.Popen(around, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
            assert process.stdout is not None
            piece = os.read(process.stdout.fileno(), 1 << 20)
            first, lines = time.perf_counter() - begun, 0
            while piece:
                lines += piece.count(b"\n")
                piece = os.read(process.stdout.fileno(), 1 << 20)
        seconds = time.perf_counter() - begun
        if process.returncode:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}")
        return Sample(seconds, first, int(peak.read()) / 1000, server.counts().requests, lines)


def table(found: dict[str, list[Sample]]) -> str:
    """Medians, as Markdown."""
    ranked = {name: sorted(samples, key=lambda one: one.seconds) for name, samples in found.items()}
    best = {name: samples[len(samples) // 2] for name, samples in ranked.items()}
    peer = best.get(PEER)
    rows = []
    for name, one in best.items():
        ratio = f"{one.seconds / peer.seconds:.2f}" if peer else "–"
        figures = [f"{one.seconds:.2f}", ratio, f"{one.first:.2f}", f"{one.megabytes:.0f}"]
        rows.append([name, *figures, str(one.requests), str(one.lines)])
    return markdown(COLUMNS, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--shape", choices=SHAPES, default="dated")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before each page")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="", help="a part of the names of those to measure")
    given = parser.parse_args(arguments)
    with serving(given.keys, given.shape, given.delay) as server:
        found: dict[str, list[Sample]] = {}
        for name, command in contenders(server.url).items():
            if given.only in name:
                found[name] = [measure(command, server) for _ in range(given.repeat)]
    print(f"{given.keys:,} keys ({given.shape}), {given.delay:g} ms a page, median of {given.repeat}\n")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
