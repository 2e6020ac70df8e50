"""What an Iceberg table of many manifests is made of: h5s3 meta and pyiceberg, each a whole process.

uv run python -m tests.benchmarks.lake.iceberg [--manifests 500] [--files 20] [--repeat 3]

A table of `--manifests` manifests with `--files` data files each, of ten columns with sizes, counts of nulls
and bounds. On loopback, and 50 ms away. pyiceberg is given the document of metadata, as it has to be, and
plans a scan: it reads manifests on threads of its own. h5s3 is given the prefix, and has to find the
document. Both must tell the same numbers of files and rows. Seconds are of the wall, processor seconds those
of the process and its children; the cache is empty.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.lake.contenders import OURS, measure
from tests.benchmarks.tables import markdown, wrapped
from tests.formats.tables.iceberg.making import Made, Part, column
from tests.support.servers.files import serving

BUCKET, TABLE, DELAY, COLUMNS, ROWS = "lab", "table", 0.05, 10, 100
THEIRS = "pyiceberg, scan().plan_files()"
SCRIPT = """
import os, sys
from pyiceberg.table import StaticTable
access = {
    "s3.endpoint": os.environ["AWS_ENDPOINT_URL"],
    "s3.region": "us-east-1",
    "s3.access-key-id": os.environ["AWS_ACCESS_KEY_ID"],
    "s3.secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"],
}
table = StaticTable.from_metadata(sys.argv[1], access)
files = [task.file for task in table.scan().plan_files()]
print(len(files), sum(file.record_count for file in files))
"""


def make_table(root: Path, manifests: int, files: int) -> None:
    """The metadata. There are no data files: nobody asks for them."""
    columns = [column(number, f"c{number}", "long") for number in range(1, COLUMNS + 1)]
    table = Made(root / BUCKET / TABLE, columns=columns, location=f"s3://{BUCKET}/{TABLE}")
    for number in range(manifests):
        told = [statistics(number * files + one) for one in range(files)]
        paths = [f"data/part-{number:05}-{one:05}-{number * 2654435761 % 2**64:020}" for one in range(files)]
        listed = [
            table.file(f"{path}.parquet", ROWS, 12_345, **more)
            for path, more in zip(paths, told, strict=True)
        ]
        table.manifest(*listed)
    table.finish()


def statistics(number: int) -> Part:
    """Sizes, counts of nulls and bounds of all columns of a file."""
    ids = range(1, COLUMNS + 1)
    return {
        "column_sizes": [{"key": one, "value": 100 + one} for one in ids],
        "null_value_counts": [{"key": one, "value": 0} for one in ids],
        "lower_bounds": [{"key": one, "value": struct.pack("<q", number)} for one in ids],
        "upper_bounds": [{"key": one, "value": struct.pack("<q", number + ROWS)} for one in ids],
    }


def commands() -> dict[str, list[str]]:
    """The contenders."""
    place = f"s3://{BUCKET}/{TABLE}"
    script = [sys.executable, "-W", "ignore", "-c", SCRIPT, f"{place}/metadata/v1.metadata.json"]
    return {OURS: [sys.executable, "-m", "h5s3", "meta", f"{place}/", "--json", "--no-cache"], THEIRS: script}


def text_of(rows: list[list[str]], manifests: int, files: int, repeat: int) -> str:
    """The table with what it is of."""
    runs = "one run" if repeat == 1 else f"medians of {repeat} runs"
    head = wrapped(
        f"The data files of an Iceberg table of {manifests} manifests and {manifests * files:,} files;"
        f" loopback, or 50 ms a request; empty cache, whole processes, 2 cores, {runs}."
    )
    table = markdown(["distance", "contender", "seconds", "min–max", "CPU s", "× h5s3"], rows, 2)
    return f"{head}\n\n{table}\n\nMeasured by `python -m tests.benchmarks.lake.iceberg`."


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--manifests", type=int, default=500)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        make_table(Path(folder), asked.manifests, asked.files)
        addresses = {
            "loopback": stack.enter_context(serving(Path(folder))),
            "50 ms": stack.enter_context(serving(Path(folder), DELAY)),
        }
        expected = (asked.manifests * asked.files, asked.manifests * asked.files * ROWS)
        rows = measure(commands(), addresses, asked.repeat, expected)
    print(text_of(rows, asked.manifests, asked.files, asked.repeat))


if __name__ == "__main__":
    main()
