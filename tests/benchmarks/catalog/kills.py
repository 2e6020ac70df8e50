"""A catalog whose readers are killed again and again has the rows of one that is built undisturbed.

uv run --extra dask python -m tests.benchmarks.catalog.kills [--kills 20] [--files 4000] [--seed 0]

Small files on this machine are read by the workers of `--dask local`, while at random moments SIGKILL ends a
worker, or a cell below one. As many builds follow each other as it takes for so many kills. Rows that differ
are an error.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter, sleep

from tests.benchmarks import processes
from tests.benchmarks.turns import tell
from tests.explore.catalog.test_build import all_rows, scan
from tests.support.cli import command
from tests.support.hostile.kills import kill_one

WORKER, CELL = "multiprocessing.spawn", "h5s3.cell.inside"
LONGEST_PAUSE = 4.0  # seconds between kills: a worker takes two to start


def make_files(folder: Path, count: int) -> None:
    """Small files, and a damaged one."""
    folder.mkdir()
    bodies = [scan(number) for number in range(7)]
    for number in range(count):
        (folder / f"{number:05d}.h5").write_bytes(bodies[number % len(bodies)])
    (folder / "bad.h5").write_bytes(bodies[0][:-300])


def build(files: Path, out: Path, left: int, chance: random.Random) -> dict[str, int]:
    """One build, its workers and cells killed up to so many times; how many were of each."""
    words = command("catalog", "build", files, "-o", out, *(["--dask", "local"] if left else []))
    environment = {**processes.clean_environment(), "H5S3_CACHE_DIR": str(out.with_suffix(".cache"))}
    killed = {WORKER: 0, CELL: 0}
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while left and not (out / "parts").exists() and process.poll() is None:
            sleep(0.01)  # the cluster starts
        while left > sum(killed.values()) and process.poll() is None:
            sleep(chance.random() * LONGEST_PAUSE)
            word = chance.choice((WORKER, WORKER, CELL))
            killed[word] += kill_one(chance, process.pid, word)
        _, said = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(said)
    return killed


def main() -> None:
    """Build undisturbed, then with kills, and hold the rows against each other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance, done, builds = random.Random(asked.seed), {WORKER: 0, CELL: 0}, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder / "files", asked.files)
        build(folder / "files", folder / "whole", 0, chance)
        expected = all_rows(folder / "whole")
        while sum(done.values()) < asked.kills:
            builds, begun = builds + 1, perf_counter()
            out = folder / f"out{builds}"
            killed = build(folder / "files", out, asked.kills - sum(done.values()), chance)
            if all_rows(out) != expected:
                raise RuntimeError(f"build {builds}: other rows")
            done = {word: done[word] + killed[word] for word in done}
            workers, cells = killed.values()
            tell(
                f"build {builds}: {workers} workers and {cells} cells killed, {perf_counter() - begun:.0f} s"
            )
    print(f"{done[WORKER]} workers and {done[CELL]} cells killed in {builds} builds: the same rows each time")


if __name__ == "__main__":
    main()
