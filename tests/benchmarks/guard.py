"""What the guarding parent process costs a command.

python -m tests.benchmarks.guard [--repeat 60]

The same warm `tree` of a small local file, guarded and not, in turns; medians, and what lies between them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.processes import ROOT, clean_environment
from tests.benchmarks.tables import markdown
from tests.support.h5files.make import make

COLUMNS = ("", "median ms", "min ms", "cost in ms")
NAMES = {"0": "in one process", "1": "guarded"}


def measure(repeat: int) -> dict[str, list[float]]:
    """Wall seconds of each run by the value of `H5S3_GUARD`. Raises where a run fails."""
    seconds: dict[str, list[float]] = {guard: [] for guard in NAMES}
    with tempfile.TemporaryDirectory(prefix="guard-") as folder:
        path = make("nexus", Path(folder))
        environment = {**clean_environment(), "H5S3_CACHE_DIR": str(Path(folder, "cache"))}
        for turn in range(repeat + 1):
            for guard, found in seconds.items():
                begin = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "h5s3", "tree", str(path)],
                    env={**environment, "H5S3_GUARD": guard},
                    cwd=ROOT,
                    stdout=subprocess.DEVNULL,
                    check=True,
                    timeout=60,
                )
                if turn:  # the first one fills caches
                    found.append(time.perf_counter() - begin)
    return seconds


def table(seconds: dict[str, list[float]]) -> str:
    """The figures, in Markdown."""
    plain = median(seconds["0"])
    rows = [
        (
            NAMES[guard],
            f"{median(found) * 1e3:.1f}",
            f"{min(found) * 1e3:.1f}",
            f"{(median(found) - plain) * 1e3:.1f}",
        )
        for guard, found in seconds.items()
    ]
    return markdown(COLUMNS, rows)


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--repeat", type=int, default=60)
    print(table(measure(options.parse_args().repeat)))
