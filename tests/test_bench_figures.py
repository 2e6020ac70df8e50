"""The figures, the advice and the tables of `bench`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import pytest
from rich.console import Console

from h5s3.errors import NetworkError
from h5s3.explore.bench import bench
from h5s3.explore.bench_samples import Outcome, advice, percentile, summarize
from h5s3.explore.session import Session
from h5s3.explore.strategies import BLOCKS, WHOLE
from h5s3.records import Bench, Check, Strategy, from_json, json_schema, to_json
from h5s3.render.bench import bench_lines
from h5s3.settings import Settings
from h5s3.storage.lines import Timing
from tests.support.bench import FEW, MIB, THERE, settings_for
from tests.support.proxy import Proxy
from tests.support.servers import S3Server


@pytest.fixture
def settings(server: S3Server, proxy: Proxy) -> Settings:
    """Those of a session that reaches the server through the proxy; the object is there."""
    return settings_for(server, proxy)


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    with Session(settings) as opened:
        yield opened


# Figures


def test_percentiles_are_nearest_ranks() -> None:
    assert percentile([], 50) is None
    assert percentile([7.0], 99) == 7.0
    ten = [float(value) for value in range(10, 0, -1)]
    assert [percentile(ten, p) for p in (0, 10, 11, 50, 90, 91, 99, 100)] == [1, 1, 2, 5, 9, 10, 10, 10]
    hundred = [float(value) for value in range(1, 101)]
    assert [percentile(hundred, p) for p in (50, 90, 99)] == [50, 90, 99]


def test_advice() -> None:
    even = Outcome([Timing(0.1 + i / 10_000, 0.1, 10) for i in range(20)], wall=2.0)
    assert advice([summarize("GET", 10, 1, even)]) == []
    wild = Outcome([*even.timings, Timing(3.0, 3.0, 10)], wall=5.0)
    assert "outliers in 1 of 2 series (the worst: GET of 10 B at 8, 3e+03 ms" in " ".join(
        advice([summarize("GET", 10, 1, even), summarize("GET", 10, 8, wild)])
    )
    assert "fewer than 10" in advice([summarize("HEAD", 0, 1, Outcome(even.timings[:9], wall=1.0))])[0]
    busy = Outcome(even.timings, wall=1.0, cpu=0.9)
    assert "processor was the limit" in advice([summarize("GET", 10, 8, busy)])[0]
    assert advice([summarize("GET", 10, 1, Outcome(errors=[NetworkError("no")]))]) == []


# What is shown


def shown(document: Bench, width: int = 80, unicode: bool = True) -> str:
    console = Console(width=width, color_system=None, markup=True, emoji=True)
    with console.capture() as capture:
        console.print(bench_lines(document, width, unicode))
    return capture.get()


def extreme() -> Bench:
    slow = Outcome([Timing(12.345 + i, 1.5, 8 * MIB) for i in range(20)], wall=100.0, warm_up=Timing(99.0))
    fast = Outcome([Timing(0.00012, 0.0001, 4096)] * 20, wall=0.001)
    failed = Outcome(errors=[NetworkError("no")] * 1234)
    return Bench(
        location="s3://bucket/\x1b[31m[bold]evil\u202e.h5",
        endpoint="http://localhost:9000",
        object_size=10**13,
        samples=[
            summarize("GET, new connection", 4096, 1, fast),
            summarize("GET", 8 * MIB, 256, slow),
            summarize("GET", 1000, 256, failed),
        ],
        checks=[
            Check(name="range", ok=True, detail="fine " * 30),
            Check(name="ETag", ok=False, detail="[red]\x1b"),
        ],
        strategies=[
            Strategy(
                name=BLOCKS,
                seconds=1234.5,
                requests=12345,
                bytes=10**12,
                rounds=None,
                objects=None,
                complete=False,
            ),
            Strategy(name=WHOLE, seconds=0.5, requests=1, bytes=0, rounds=1, objects=1_000_000),
        ],
        warnings=["a \x07 bell", "word " * 40],
    )


def test_tables_fit_and_are_safe() -> None:
    for unicode in (True, False):
        text = shown(extreme(), 80, unicode)
        assert max(map(len, text.splitlines())) <= 80
        assert text.replace("\n", "").isprintable()
        assert "[bold]evil" in text and "\\x1b" in text and "[red]" in text and "stopped" in text
        assert "8 MiB" in text and "> 1.0 TB" in text and "1,234" in text
        assert unicode or text.isascii()
    assert "1st byte" in shown(extreme(), 120) and "1st byte" not in shown(extreme(), 80)


def test_a_real_run_is_shown_and_fits_its_schema(session: Session) -> None:
    document = bench(session, THERE, **FEW)
    text = shown(document)
    for word in ("connect", "HEAD", "LIST", "GET, new", "256 KiB", "If-Match", "p99"):
        assert word in text
    data = to_json(document)
    assert from_json(data, Bench) == document
    jsonschema.validate(json.loads(data), json_schema("bench"))
