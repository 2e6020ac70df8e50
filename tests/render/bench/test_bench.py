"""The figures, the advice and the tables of `bench`."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from rich.cells import cell_len
from rich.console import Console

from h5s3.errors import NetworkError
from h5s3.explore.bench.advice import advice
from h5s3.explore.bench.bench import bench
from h5s3.explore.bench.compare import BLOCKS, WHOLE
from h5s3.explore.bench.samples import Failed, Kind, Outcome, percentile, summarize
from h5s3.explore.session import Session
from h5s3.records import Against, Bench, Check, Ratio, Samples, Strategy, from_json, json_schema, to_json
from h5s3.render.bench.bench import bench_lines, pictures
from h5s3.storage.http.timed_connection import Timing
from tests.support.bench import FEW, MIB, THERE
from tests.support.cli import without_colour

# Figures


def test_percentiles_are_nearest_ranks() -> None:
    assert percentile([], 50) is None
    assert percentile([7.0], 99) == 7.0
    ten = [float(value) for value in range(10, 0, -1)]
    assert [percentile(ten, p) for p in (0, 10, 11, 50, 90, 91, 99, 100)] == [1, 1, 2, 5, 9, 10, 10, 10]
    hundred = [float(value) for value in range(1, 101)]
    assert [percentile(hundred, p) for p in (50, 90, 99)] == [50, 90, 99]


def even(count: int = 20, seconds: float = 0.1) -> list[Timing]:
    """One request after another, hardly different from each other."""
    return [Timing(seconds + i / 10_000, seconds, 10, begun=i * seconds) for i in range(count)]


def gets(concurrency: int, timings: list[Timing], cpu: float = 0.0, pattern: Any = "random") -> Samples:
    return summarize(Kind("GET", 10, concurrency, pattern=pattern), Outcome(timings, begun=0.0, cpu=cpu))


def test_advice() -> None:
    assert advice([gets(1, even())]) == []
    wild = gets(8, [*even(), Timing(3.0, 3.0, 10)])
    assert "outliers in 1 of 2 series (the worst: GET of 10 B at 8, 3e+03 ms" in " ".join(
        advice([gets(1, even()), wild])
    )
    few = advice([summarize(Kind("HEAD"), Outcome(even(9)))])
    assert len(few) == 1 and "fewer than 10" in few[0] and "raise --count" in few[0]
    assert "processor was the limit" in advice([gets(8, even(), cpu=1.9)])[0]
    assert advice([gets(8, even(), cpu=1.0)]) == []
    assert "one burst" in advice([gets(32, even())])[0]
    nothing = Outcome(failed=[Failed(0.0, 1.0, NetworkError("no"), False)])
    assert advice([summarize(Kind("GET", 10), nothing)]) == []


def test_a_slow_client_is_not_taken_for_a_slow_store() -> None:
    own = advice([gets(1, even(seconds=0.001), cpu=0.0015 * 20)])
    assert len(own) == 1 and "this machine's own" in own[0] and "1.5 ms of 1.9 ms" in own[0]
    assert advice([gets(1, even(seconds=0.001), cpu=0.0005 * 20)]) == []


def held(pauses: list[float], size: int = 4096, concurrency: int = 1, fresh: bool = False) -> str:
    """What is advised where answers stop for so long after their heads."""
    timings = [
        Timing(0.01 + pause, 0.01 + pause, size, number, head=0.01) for number, pause in enumerate(pauses)
    ]
    told = advice([summarize(Kind("GET", size, concurrency, fresh), Outcome(timings, begun=0.0))])
    return " ".join(sentence for sentence in told if "answers stop" in sentence)


def test_a_server_without_tcp_nodelay_is_named() -> None:
    assert held([0.0402, 0.0437, 0.041, 0.0398] * 3).startswith("GET of 4 KiB: answers stop for 40.6 ms")
    assert "(Ceph: tcp_nodelay=1 in rgw_frontends)" in held([0.04] * 9 + [0.0005])
    assert held([0.04] * 7 + [0.0005] * 3) == ""  # not steady
    assert held([0.001] * 10) == held([0.1] * 10) == ""
    assert held([0.04] * 10, size=1 << 20) == ""  # so much may take as long to send
    assert held([0.04] * 10, concurrency=4) == held([0.04] * 10, fresh=True) == ""


def test_caching_is_suspected_where_second_reads_are_much_faster() -> None:
    slow, fast = gets(1, even(10, 0.02), pattern="first"), gets(1, even(10, 0.005), pattern="second")
    assert advice([slow, fast])[0].startswith("the server seems to cache: a place read again takes 5.4 ms")
    assert advice([slow, gets(1, even(10, 0.018), pattern="second")]) == []
    assert advice([fast, gets(1, even(10, 0.02), pattern="second")]) == []
    barely = gets(1, even(10, 0.0002), pattern="first"), gets(1, even(10, 0.0001), pattern="second")
    assert advice(list(barely)) == []  # a tenth of a millisecond is anybody's


def test_rates_are_over_the_time_that_the_samples_span() -> None:
    failed = [Failed(1.0, 3.0, NetworkError("no"), True)]
    both = Outcome([Timing(1.0, 0.5, 10, 0.0), Timing(1.0, 0.5, 10, 1.0)], failed, begun=0.0)
    together = summarize(Kind("GET", 10, 2), both)
    assert (together.wall_seconds, together.requests_per_second, together.bytes_per_second) == (4, 0.5, 5)
    assert (together.errors, together.retries, together.failures[0].cause) == (0, 1, "no")
    alone = summarize(Kind("GET", 10, 1), both)
    assert (alone.wall_seconds, alone.requests_per_second) == (2, 1)


# What is shown


def shown(document: Bench, width: int = 80, unicode: bool = True) -> str:
    console = Console(width=width, color_system=None, markup=True, emoji=True)
    with console.capture() as capture:
        console.print(bench_lines(document, width, unicode))
    return capture.get()


def extreme() -> Bench:
    slow = Outcome([Timing(12.345 + i, 1.5, 8 * MIB, i) for i in range(20)], begun=0.0, warm_up=Timing(99.0))
    fast = Outcome([Timing(0.00012, 0.0001, 4096)] * 20, begun=0.0, cpu=1.0)
    failed = Outcome(
        failed=[Failed(0.0, 1.0, NetworkError("no"), i % 2 == 0) for i in range(2468)], begun=0.0
    )
    return Bench(
        location="s3://bucket/\x1b[31m[bold]evil\u202e.h5",
        endpoint="http://localhost:9000",
        object_size=10**13,
        samples=[
            summarize(Kind("GET", 4096, 1, fresh=True, pattern="random"), fast),
            summarize(Kind("GET", 8 * MIB, 256, pattern="random"), slow),
            summarize(Kind("GET", 4096, 1, pattern="random"), fast),
            summarize(Kind("GET", 4096, 256, pattern="random"), fast),
            summarize(Kind("GET", 4096, 1, pattern="sequential"), fast),
            summarize(Kind("GET", 1000, 256, pattern="random"), failed),
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
        against=Against(
            location="s3://other/\x1b.h5",
            endpoint="http://localhost:9001",
            measured_at="\x1b[31mlong ago",
            ratios=[
                Ratio(
                    operation="GET",
                    connection="reused",
                    pattern="sequential",
                    size=256 * MIB,
                    concurrency=256,
                    before=12.345,
                    now=0.000012,
                    ratio=0.0,
                    low=0.0,
                    high=1234.0,
                    verdict="no difference",
                )
            ],
            warnings=["another \x07 location"],
        ),
        warnings=["a \x07 bell", "word " * 40],
    )


def test_tables_fit_and_are_safe() -> None:
    for unicode in (True, False):
        text = shown(extreme(), 80, unicode)
        assert max(map(len, text.splitlines())) <= 80
        assert text.replace("\n", "").isprintable()
        assert "[bold]evil" in text and "\\x1b" in text and "[red]" in text and "stopped" in text
        assert "8 MiB" in text and "1,234" in text and "no difference" in text
        assert unicode or text.isascii()
    wide = shown(extreme(), 120)
    assert all(word in wide for word in ("1st byte", "min", "max", "errors", "retries"))
    assert "1st byte" not in shown(extreme(), 80) and " min " not in shown(extreme(), 80)
    assert "a read on a new connection takes 1.00 times as long" in wide
    assert "50.0 ms of processor time" in wide


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_pictures_fit_their_page(width: int) -> None:
    for color, unicode in (("truecolor", True), ("", True), ("", False), ("256", False)):
        for picture in pictures(extreme(), width, color, unicode):  # type: ignore[arg-type]
            plain = without_colour(picture)
            assert max(map(cell_len, plain.splitlines())) <= width
            assert unicode or plain.isascii()
            assert bool(color) == ("\x1b" in picture)
    assert len(pictures(extreme(), 80, "", False)) == 2


def test_a_strip_has_its_samples_where_they_are() -> None:
    outcome = Outcome([Timing(value, 0.0, 1) for value in (0.001, 0.001, 0.01, 0.1)], begun=0.0)
    document = Bench(
        location="", endpoint="", object_size=1, samples=[summarize(Kind("HEAD"), outcome)], checks=[]
    )
    title, strip, ruler = pictures(document, 56, "", True)[0].splitlines()
    assert "higher: more of them" in title
    assert strip == "HEAD █" + " " * 23 + "▄" + " " * 24 + "▄"
    assert ruler.split() == ["1", "10", "100"] or ruler.split()[:2] == ["1", "10"]
    assert (ruler.index("1"), ruler.index("10")) == (5, 29)


def test_nothing_to_draw_is_no_picture() -> None:
    assert pictures(Bench(location="", endpoint="", object_size=0, samples=[], checks=[]), 80, "", True) == []


def test_a_real_run_is_shown_and_fits_its_schema(session: Session) -> None:
    document = bench(session, THERE, **FEW)
    text = shown(document)
    for word in (
        "connect",
        "HEAD",
        "LIST",
        "GET, new",
        "GET, sequential",
        "GET, second",
        "256 KiB",
        "If-Match",
        "p99",
    ):
        assert word in text
    data = to_json(document)
    assert from_json(data, Bench) == document
    assert document.version and document.measured_at.endswith("+00:00")
    jsonschema.validate(json.loads(data), json_schema("bench"))
