"""A catalog over many files: built, built again, built from a warm cache, and asked; each a whole process.

uv run python -m tests.benchmarks.catalog [--files 5000] [--warm 20000] [--write]

The files are scans of 250 kB and 92 objects on rclone's S3 server on loopback (names of 50 different ones).
They are read with an empty cache, then listed again, then taken from the cache into another catalog.
`--warm` files are taken from a cache alone, which was filled with what was learned of the 50; rclone lists
all keys anew for each page, so those are on a server that does not. Memory is the largest sum over the
command and its cells. `--write` puts the table into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from tests.benchmarks import processes
from tests.benchmarks.search import make_scan
from tests.benchmarks.tables import markdown, replace_between, wrapped
from tests.benchmarks.turns import tell
from tests.support import ROOT
from tests.support.servers.files import serving
from tests.support.servers.s3 import rclone_server

BUCKET, BODIES = "lab", 50
SQL = "SELECT dtype, count(*), sum(nbytes) FROM objects GROUP BY ALL ORDER BY ALL"
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Run:
    """Seconds, processor seconds, bytes of memory and requests of one process, and its JSON."""

    seconds: float
    cpu: float
    memory: int
    requests: int
    found: dict[str, object]


def make_files(root: Path, count: int) -> None:
    """So many names of a few files."""
    root.mkdir()
    for number in range(BODIES):
        make_scan(root / f"{number}.h5", number)
    (root / BUCKET / "scans").mkdir(parents=True)
    for number in range(count):
        os.link(root / f"{number % BODIES}.h5", root / BUCKET / "scans" / f"{number:06d}.h5")


def run(address: dict[str, str], cache: Path, *words: object) -> Run:
    """One command. `address`: what leads it to a server."""
    environment = {**processes.clean_environment(), **address, "H5S3_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "h5s3", "catalog", *map(str, words), "--json", "--stats"]
    most, begun, before = [0], perf_counter(), os.times()
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        watch = threading.Thread(target=_watch, args=(process, most), daemon=True)
        watch.start()
        output, error = process.communicate()
    after = os.times()
    if process.returncode not in (0, 9):  # some fall out of line
        raise RuntimeError(f"{words}: {error[-2000:]}")
    receipt = next(line for line in error.splitlines() if line.startswith("stats: "))
    requests = int(receipt.split()[1].replace(",", ""))
    cpu = sum(after[2:4]) - sum(before[2:4])
    return Run(perf_counter() - begun, cpu, most[0], requests, json.loads(output))


def _watch(process: subprocess.Popen[str], most: list[int]) -> None:
    """Note the largest memory of a session of processes."""
    while process.poll() is None:
        listed = subprocess.run(["ps", "-o", "rss=", "-s", str(process.pid)], capture_output=True, text=True)
        most[0] = max(most[0], sum(map(int, listed.stdout.split())) * 1024)
        sleep(0.25)


def row(task: str, files: int, one: Run) -> list[str]:
    """A row of the table."""
    tell(f"{task}: {one.seconds:.1f} s")
    return [
        task, f"{one.seconds:.1f}", f"{files / one.seconds:,.0f}", f"{one.cpu:.1f}",
        f"{1000 * one.cpu / files:.1f}", f"{one.memory / 1e6:.0f}", f"{one.requests:,}",
    ]  # fmt: skip


def measure(server: dict[str, str], folder: Path, files: int) -> tuple[list[list[str]], Run]:
    """The rows, and the first run."""
    place, out, cache = f"s3://{BUCKET}/scans/", folder / "1.catalog", folder / "cache"
    first = run(server, cache, "build", place, "-o", out)
    rows = [row("build", files, first)]
    again = run(server, cache, "build", place, "-o", out, "--refresh")
    assert again.found["unchanged"] == files
    rows.append(row("build again, nothing changed", files, again))
    once = run(server, cache, "build", place, "-o", folder / "2.catalog", "--refresh")
    assert once.found["cached"] == files
    rows.append(row("build another, from a warm cache", files, once))
    rows.append(row("query: types of all objects", files, run(server, cache, "query", out, SQL)))
    rows.append(row("check", files, run(server, cache, "check", out)))
    return rows, first


def warm(folder: Path, files: int) -> Run:
    """A catalog over files that the cache knows."""
    make_files(folder / "warm", files)
    cache, place = folder / "warm.cache", f"s3://{BUCKET}/scans/"
    with serving(folder / "warm") as address:
        environment = {**processes.clean_environment(), **address, "H5S3_CACHE_DIR": str(cache)}
        filling = [sys.executable, "-m", "tests.benchmarks.catalog.fill", place, str(BODIES)]
        subprocess.run(filling, env=environment, cwd=ROOT, check=True)
        once = run(address, cache, "build", place, "-o", folder / "warm.catalog", "--refresh")
    assert once.found["cached"] == files
    return once


def estimate(files: int, one: Run) -> str:
    """What more files would take, by the processor time of each."""
    each = one.cpu / files
    told = []
    for count in (10**5, 10**6):
        hours = count * each / 3600
        told.append(
            f"{count:,} such files take {hours:.1f} processor hours ({count:,} × {1000 * each:.1f} ms), "
            f"{hours / CORES:.1f} hours on {CORES} cores that do nothing else"
        )
    shared = one.cpu < 0.5 * CORES * one.seconds
    note = " (Other work shared the processors here: the seconds are more than it takes.)" if shared else ""
    return f"By its processor time, {'; '.join(told)}.{note}"


def estimate_known(files: int, one: Run) -> str:
    """The same of files that the cache knows, which one process takes from it."""
    each = one.cpu / files
    hours = 10**6 * each / 3600
    return f"From a warm cache {10**6:,} take {hours:.1f} hours of one processor ({1000 * each:.1f} ms each)."


def text_of(rows: list[list[str]], files: int, told: str) -> str:
    """The table with what it is of."""
    head = wrapped(
        f"A catalog of {files:,} scans of 250 kB and 92 objects on loopback, with an empty cache unless said;"
        f" whole processes, {CORES} cores, one run each; memory of all processes together. A warm cache of"
        " more files was filled with what 50 of the same bytes had told."
    )
    columns = ["task", "seconds", "files/s", "CPU s", "CPU ms/file", "MB", "requests"]
    table = markdown(columns, rows)
    return "\n\n".join([head, table, wrapped(told), "Measured by `python -m tests.benchmarks.catalog`."])


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--warm", type=int, default=20_000)
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder / "served", asked.files)
        with rclone_server(folder / "served") as server:
            for _ in server.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
                pass  # the server hashes all of them
            rows, first = measure(server.env(), folder, asked.files)
        told = estimate(asked.files, first)
        if asked.warm:
            known = warm(folder, asked.warm)
            rows.append(row(f"build, {asked.warm:,} files from a warm cache", asked.warm, known))
            told += f" {estimate_known(asked.warm, known)}"
    text = text_of(rows, asked.files, told)
    if asked.write:
        replace_between(ROOT / "README.md", "a catalog", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
