"""What a Delta table of many files is made of: h5s3 meta and deltalake, each a whole process.

uv run python -m tests.benchmarks.lake.delta [--files 10000] [--commits 12] [--repeat 3]

A table of `--files` data files in a checkpoint, and `--commits` commits after it. On loopback, and 50 ms
away. deltalake opens the table and tells its files. Both must tell the same numbers of files and rows.
Seconds are of the wall, processor seconds those of the process and its children; the cache is empty.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.lake.contenders import OURS, measure
from tests.benchmarks.tables import markdown, wrapped
from tests.formats.tables.delta.making import add, checkpoint, write_log
from tests.support.servers.files import serving

BUCKET, TABLE, DELAY, ROWS = "lab", "table", 0.05, 100
THEIRS = "deltalake, get_add_actions()"
BASE = 100  # version of the checkpoint
SCRIPT = """
import os, sys
import pyarrow as pa, pyarrow.compute as pc
from deltalake import DeltaTable
table = DeltaTable(sys.argv[1], storage_options={"AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"})
files = pa.table(table.get_add_actions())
print(files.num_rows, pc.sum(files["num_records"]).as_py())
"""


def make_table(root: Path, files: int, commits: int) -> None:
    """The log. There are no data files: nobody asks for them."""
    table = root / BUCKET / TABLE
    after = [
        [
            {"commitInfo": {"timestamp": number}},
            add(f"new{number}", ROWS, partitionValues={"day": "2024-01-01"}),
        ]
        for number in range(commits)
    ]
    write_log(table, *after, first=BASE + 1)
    (table / "_delta_log" / f"{BASE:020}.checkpoint.parquet").write_bytes(checkpoint(files))
    (table / "_delta_log" / "_last_checkpoint").write_text(json.dumps({"version": BASE, "size": files + 2}))


def commands() -> dict[str, list[str]]:
    """The contenders."""
    place = f"s3://{BUCKET}/{TABLE}/"
    script = [sys.executable, "-W", "ignore", "-c", SCRIPT, place]
    return {OURS: [sys.executable, "-m", "h5s3", "meta", place, "--json", "--no-cache"], THEIRS: script}


def text_of(rows: list[list[str]], files: int, commits: int, repeat: int) -> str:
    """The table with what it is of."""
    runs = "one run" if repeat == 1 else f"medians of {repeat} runs"
    head = wrapped(
        f"The data files of a Delta table: {files:,} in a checkpoint, and {commits} commits after it;"
        f" loopback, or 50 ms a request; empty cache, whole processes, 2 cores, {runs}."
    )
    table = markdown(["distance", "contender", "seconds", "min–max", "CPU s", "× h5s3"], rows, 2)
    return f"{head}\n\n{table}\n\nMeasured by `python -m tests.benchmarks.lake.delta`."


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--commits", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        make_table(Path(folder), asked.files, asked.commits)
        addresses = {
            "loopback": stack.enter_context(serving(Path(folder))),
            "50 ms": stack.enter_context(serving(Path(folder), DELAY)),
        }
        expected = (asked.files + asked.commits, sum(range(asked.files)) + asked.commits * ROWS)
        rows = measure(commands(), addresses, asked.repeat, expected)
    print(text_of(rows, asked.files, asked.commits, asked.repeat))


if __name__ == "__main__":
    main()
