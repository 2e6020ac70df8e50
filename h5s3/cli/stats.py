"""`h5s3 stats`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from h5s3.errors import UsageError


def stats(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The receipts. [default: H5S3_RECEIPTS]", show_default=False),
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option(
            "--prices",
            metavar="PRICES",
            help="Dollars for 1,000 requests and for a GB: 'GET=0.0004,HEAD=0.0004,LIST=0.005,GB=0.09'.",
        ),
    ] = None,
    prometheus: Annotated[bool, typer.Option("--prometheus", help="Print Prometheus' text format.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Sum up what commands cost: by command, bucket and day.

    Each command appends a line to the file that H5S3_RECEIPTS names: time, command, location, requests,
    bytes, rounds, waiting, cache hits, exit code. Dollars are by AWS's list prices; within a region bytes
    cost nothing (GB=0).

    \b
    Examples:
      H5S3_RECEIPTS=~/h5s3.jsonl h5s3 tree s3://bucket/scan.nxs
      h5s3 stats ~/h5s3.jsonl --prices GB=0
      h5s3 stats ~/h5s3.jsonl --prometheus > /var/lib/node_exporter/h5s3.prom
    """
    from h5s3.explore.stats import parse_prices
    from h5s3.explore.stats import stats as ask

    named = file or os.environ.get("H5S3_RECEIPTS")
    if not named:
        raise UsageError("no FILE, and H5S3_RECEIPTS names none")
    found = ask(Path(named).expanduser(), parse_prices(prices))
    if as_json:
        from h5s3.render.json import show_json

        show_json(found)
    elif prometheus:
        from h5s3.render.stats import prometheus as lines

        sys.stdout.write("".join(lines(found)))
    else:
        from h5s3.render.stats import show_stats

        show_stats(found)
