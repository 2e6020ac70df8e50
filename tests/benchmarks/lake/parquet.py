"""What a folder of Parquet files holds: h5s3 meta, and pyarrow.dataset over s3fs, each a whole process.

uv run python -m tests.benchmarks.lake.parquet [--files 1000] [--repeat 3]

`--files` small files in folders of partitions. On loopback, and 50 ms away. pyarrow lists the files, and
reads the footer of each for its rows. Both must tell the same numbers of files and rows. Seconds are of the
wall, processor seconds those of the process and its children; the cache is empty.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.lake.contenders import OURS, measure
from tests.benchmarks.tables import markdown, wrapped
from tests.support.servers.files import serving

BUCKET, TABLE, DELAY, ROWS = "lab", "table", 0.05, 100
THEIRS = "pyarrow.dataset over s3fs"
SCRIPT = """
import os, sys
import pyarrow.dataset as ds, s3fs
from pyarrow.fs import FSSpecHandler, PyFileSystem
files = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
dataset = ds.dataset(sys.argv[1], filesystem=PyFileSystem(FSSpecHandler(files)), partitioning="hive")
print(len(dataset.files), dataset.count_rows())
"""


def make_table(root: Path, files: int) -> None:
    """The files: all with the same rows."""
    made = root / "one.parquet"
    pq.write_table(pa.table({"id": range(ROWS), "name": [f"name {n}" for n in range(ROWS)]}), made)
    data = made.read_bytes()
    made.unlink()
    for number in range(files):
        path = root / BUCKET / TABLE / f"day={number % 20}" / f"part-{number:05}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def commands() -> dict[str, list[str]]:
    """The contenders."""
    place = f"s3://{BUCKET}/{TABLE}/"
    script = [sys.executable, "-W", "ignore", "-c", SCRIPT, f"{BUCKET}/{TABLE}"]
    return {OURS: [sys.executable, "-m", "h5s3", "meta", place, "--json", "--no-cache"], THEIRS: script}


def text_of(rows: list[list[str]], files: int, repeat: int) -> str:
    """The table with what it is of."""
    runs = "one run" if repeat == 1 else f"medians of {repeat} runs"
    head = wrapped(
        f"Files and rows of a folder of {files:,} Parquet files; loopback, or 50 ms a request; empty cache,"
        f" whole processes, 2 cores, {runs}."
    )
    table = markdown(["distance", "contender", "seconds", "min–max", "CPU s", "× h5s3"], rows, 2)
    return f"{head}\n\n{table}\n\nMeasured by `python -m tests.benchmarks.lake.parquet`."


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        make_table(Path(folder), asked.files)
        addresses = {
            "loopback": stack.enter_context(serving(Path(folder))),
            "50 ms": stack.enter_context(serving(Path(folder), DELAY)),
        }
        expected = (asked.files, asked.files * ROWS)
        rows = measure(commands(), addresses, asked.repeat, expected)
    print(text_of(rows, asked.files, asked.repeat))


if __name__ == "__main__":
    main()
