"""Walks over very many objects as whole processes: `h5s3 tree -r --jsonl`, and plain h5py on the local file.

`python -m tests.benchmarks.many --groups 1000 --each 1000` makes a file of a thousand groups with a thousand
empty datasets each (or takes the one that a run before left in `--folder`), and prints seconds, processor
seconds and peak memory of both. A million objects take some ten minutes, and 320 MB on the disk. The server
runs on the same machine; its processor time is in the seconds alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py

from tests.benchmarks.processes import clean_environment
from tests.benchmarks.tables import markdown
from tests.benchmarks.turns import tell
from tests.support import ROOT
from tests.support.servers.s3 import rclone_server

BUCKET = "many"
COLUMNS = ("walk", "s", "CPU s", "× h5py", "peak MiB", "lines")
OURS, PLAIN = "h5s3 tree -r --jsonl", "h5py, local file"
USED = """
import json, os, subprocess, sys
with open(sys.argv[2], "wb") as output:
    process = subprocess.Popen(sys.argv[3:], stdout=output)
_, status, used = os.wait4(process.pid, 0)
json.dump([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], open(sys.argv[1], "w"))
sys.exit(os.waitstatus_to_exitcode(status))
"""  # a small process between: a child's peak is never less than its parent's memory was


@dataclass(frozen=True)
class Sample:
    """What one walk took, with all processes of it."""

    seconds: float
    cpu: float
    mebibytes: float  # of the largest process
    lines: int


def make(folder: Path, groups: int, each: int) -> Path:
    """The file: so many groups, so many empty datasets in each."""
    path = folder / f"many-{groups}-{each}.h5"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part")
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    with h5py.File(unfinished, "w", libver="latest") as file:
        for number in range(groups):
            group = file.create_group(f"group_{number:06d}")
            for place in range(each):
                h5py.h5d.create(group.id, b"data_%07d" % place, h5py.h5t.IEEE_F64LE, space)
    return unfinished.rename(path)


def measure(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Sample:
    """Run a command to its end. Raises `RuntimeError` where it fails."""
    used, output = folder / "used", folder / "output"
    begun = time.perf_counter()
    around = [sys.executable, "-S", "-c", USED, str(used), str(output), *command]
    done = subprocess.run(around, cwd=ROOT, env={**clean_environment(), **environment}, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}")
    with open(output, "rb") as lines:
        count = sum(piece.count(b"\n") for piece in iter(lambda: lines.read(1 << 20), b""))
    cpu, mebibytes = json.loads(used.read_text())
    return Sample(seconds, cpu, mebibytes, count)


def walks(groups: int, each: int, folder: Path, only: str = "") -> dict[str, Sample]:
    """Both walks, or the one that has `only` in its name."""
    (folder / BUCKET).mkdir(exist_ok=True)
    path = make(folder / BUCKET, groups, each)
    tell(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
    found: dict[str, Sample] = {}
    with rclone_server(folder) as server, tempfile.TemporaryDirectory(prefix="many-") as own:
        server.client().head_object(Bucket=BUCKET, Key=path.name)  # the server hashes the file once
        python = [sys.executable, "-m"]
        ours = ["h5s3", "tree", f"s3://{BUCKET}/{path.name}", "-r", "--limit", "0", "--jsonl"]
        plain = ["tests.benchmarks.peers.walks", "local", BUCKET, str(path)]
        for name, command in {OURS: ours, PLAIN: plain}.items():
            if only in name:
                environment = {**server.env(), "H5S3_CACHE_DIR": f"{own}/cache"}
                found[name] = measure([*python, *command], environment, Path(own))
                tell(f"{name}: {found[name].cpu:.1f} s of processors, {found[name].mebibytes:.0f} MiB")
    return found


def table(found: Mapping[str, Sample]) -> str:
    """The figures, in Markdown."""
    plain = found.get(PLAIN)
    rows = []
    for name, one in found.items():
        ratio = f"{one.cpu / plain.cpu:.2f}" if plain else "–"
        figures = [f"{one.seconds:.1f}", f"{one.cpu:.1f}", ratio, f"{one.mebibytes:.0f}", str(one.lines)]
        rows.append([name, *figures])
    return markdown(COLUMNS, rows)


@contextmanager
def place(folder: str) -> Iterator[Path]:
    """The folder that was named, or one of our own."""
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="many-") as own:
        yield Path(own)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--each", type=int, default=1000, help="datasets in each group")
    parser.add_argument("--folder", default="", help="where the file is kept from one run to the next")
    parser.add_argument("--only", default="", help="a part of the name of the one to measure")
    given = parser.parse_args(arguments)
    with place(given.folder) as folder:
        found = walks(given.groups, given.each, folder, given.only)
    print(f"{given.groups:,} groups, {given.each:,} datasets in each\n\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
