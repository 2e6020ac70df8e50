"""What `bench` says is true, by the proxy's own counts, and its summary follows from its samples."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import UNSET
from rich.cells import cell_len

from h5s3.explore.bench.bench import bench
from h5s3.explore.bench.samples import percentile
from h5s3.explore.session import Session
from h5s3.records import Bench, from_json, json_schema
from h5s3.settings import Settings
from tests.support.bench import BUCKET, DATA, FEW, KEY, KIB, THERE, by_name, one, ranged, reads, settings_for
from tests.support.cli import on_terminal, run, without_colour
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.wire import Seen


def test_a_new_connection_is_told_from_a_reused_one(session: Session, proxy: Proxy) -> None:
    document = bench(session, THERE, sizes=[4 * KIB], count=8, concurrency=[1])
    new, reused = one(document, 4 * KIB, new=True), one(document, 4 * KIB)
    assert new.tcp_seconds is not UNSET and len(new.tcp_seconds) == 8 and new.tcp_p50 is not UNSET
    assert new.dns_seconds is UNSET and new.tls_seconds is UNSET  # an address, and plain HTTP
    assert reused.tcp_seconds is UNSET
    assert all(a < b for a, b in zip(new.tcp_seconds, new.seconds, strict=True))
    assert proxy.connections >= 8


# What the server does


def test_the_server_that_ignores_range_is_found(session: Session, proxy: Proxy) -> None:
    fault = proxy.fault("ignore_range", when=lambda seen: seen.method == "GET")
    checks = by_name(bench(session, THERE, **FEW))
    assert fault.hits > 0
    assert not checks["range"].ok and "ignores Range" in checks["range"].detail


def test_the_server_that_ignores_if_match_is_found(session: Session, proxy: Proxy) -> None:
    fault = proxy.fault("drop_if_match")
    checks = by_name(bench(session, THERE, **FEW))
    assert fault.hits > 0
    assert not checks["If-Match"].ok and "ignores If-Match" in checks["If-Match"].detail
    assert checks["range"].ok and checks["drops"].ok


def test_the_server_that_drops_every_tenth_connection_is_found(session: Session, proxy: Proxy) -> None:
    turn = itertools.count(1)
    fault = proxy.fault("reset", when=lambda seen: next(turn) % 10 == 0)
    document = bench(session, THERE, sizes=[4 * KIB, 64 * KIB], count=15, concurrency=[1, 4])
    assert fault.hits == proxy.count() // 10 > 10
    drops = by_name(document)["drops"]
    assert not drops.ok
    assert drops.detail.startswith(f"{fault.hits} of {proxy.count()} requests broke off")
    assert 0 < session.trace.retries <= fault.hits  # not of a request that was dropped twice
    assert session.trace.total == proxy.count()
    measured = [samples for samples in document.samples if samples.operation != "connect"]
    assert all(samples.errors == 0 and samples.seconds for samples in measured)
    raw = [failure for samples in measured for failure in samples.failures]
    assert len(raw) == sum(samples.retries for samples in measured)
    assert 0 < fault.hits - len(raw) <= 5  # those met by the checks, and while connections were opened
    assert all("breaks off" in failure.cause and failure.retried for failure in raw)
    assert by_name(document)["range"].ok and by_name(document)["suffix range"].ok
    assert any("sent again" in warning for warning in document.warnings)


def test_what_fails_twice_is_an_error_and_a_retry(session: Session, proxy: Proxy) -> None:
    turn = itertools.count()
    fault = proxy.fault("reset", when=lambda seen: ranged(seen) and next(turn) in (22, 23))
    document = bench(session, THERE, sizes=[4 * KIB], count=6, concurrency=[1])
    assert fault.hits == 2
    (hit,) = [samples for samples in reads(document) if samples.failures]
    assert (hit.errors, hit.retries, len(hit.seconds)) == (1, 1, 5)
    assert [failure.retried for failure in hit.failures] == [True, False]
    assert by_name(document)["drops"].detail.startswith(f"2 of {proxy.count()} requests")


def test_retries_never_take_more_bytes_than_there_may_be(settings: Settings, proxy: Proxy) -> None:
    limit = 512 * KIB
    fault = proxy.fault("short_body", when=lambda seen: ranged(seen))
    with Session(replace(settings, max_bytes=limit)) as session:
        bench(session, THERE, sizes=[4 * KIB], count=20, concurrency=[1, 8])
    assert fault.hits > 3
    assert sum(seen.sent for seen in proxy.requests if seen.range and seen.status < 300) <= limit


def test_a_server_that_caches_is_suspected(session: Session, proxy: Proxy) -> None:
    known: set[object] = set()

    def new(seen: Seen) -> bool:
        return ranged(seen) and not (seen.range in known or known.add(seen.range))

    fault = proxy.fault("hang", seconds=0.03, when=new)
    document = bench(session, THERE, sizes=[4 * KIB], count=10, concurrency=[1])
    first = one(document, 4 * KIB, pattern="first")
    second = one(document, 4 * KIB, pattern="second")
    assert fault.hits >= 10 and first.p50 and second.p50 and first.p50 - second.p50 > 0.02
    assert any(warning.startswith("the server seems to cache") for warning in document.warnings)


def test_a_server_that_waits_for_late_acknowledgements_is_found(session: Session, proxy: Proxy) -> None:
    proxy.held = 0.042
    document = bench(session, THERE, sizes=[4 * KIB], count=5, concurrency=[1])
    told = [warning for warning in document.warnings if "TCP_NODELAY" in warning]
    assert len(told) == 1 and told[0].startswith("GET of 4 KiB: answers stop for ")
    new = one(document, 4 * KIB, new=True)
    assert new.head_seconds is not UNSET and new.first_byte_seconds is not UNSET
    assert all(a <= b for a, b in zip(new.head_seconds, new.first_byte_seconds, strict=True))


# The document


@pytest.fixture
def words(server: S3Server, proxy: Proxy) -> list[object]:
    settings_for(server, proxy)
    return ["bench", f"s3://{BUCKET}/{KEY}", "--sizes", "4K,64K", "--count", 6, "--concurrency", "1,4"]


def test_the_summary_can_be_recomputed_from_the_raw_samples(
    words: list[object], server: S3Server, proxy: Proxy
) -> None:
    turn = itertools.count(1)
    proxy.fault("reset", when=lambda seen: ranged(seen) and next(turn) % 7 == 0)
    result = run(*words, "--json", on=server.at(proxy.url))
    assert result.code == 0
    document = json.loads(result.out)
    jsonschema.validate(document, json_schema("bench"))
    assert len(document["samples"]) == 12
    for samples in document["samples"]:
        recomputed(samples)


def recomputed(samples: dict[str, Any]) -> None:
    """Every figure of a series, from its raw values alone."""
    seconds, started, failures = samples["seconds"], samples["started"], samples["failures"]
    assert len(seconds) == len(started) == 6 - samples["errors"]
    for name, percent in (("p50", 50), ("p90", 90), ("p99", 99), ("min", 0), ("max", 100)):
        assert samples[name] == percentile(seconds, percent)
    for step in ("first_byte", "dns", "tcp", "tunnel", "tls"):
        assert (f"{step}_seconds" in samples) == (f"{step}_p50" in samples)
        if f"{step}_seconds" in samples:
            assert samples[f"{step}_p50"] == percentile(samples[f"{step}_seconds"], 50)
    ends = [begun + took for begun, took in zip(started, seconds, strict=True)]
    ends += [failure["started"] + failure["seconds"] for failure in failures]
    begun = min(started + [failure["started"] for failure in failures])
    wall = sum(seconds) if samples["concurrency"] == 1 else max(ends) - begun
    assert samples["wall_seconds"] == pytest.approx(wall, abs=1e-6)
    assert samples["requests_per_second"] == pytest.approx(len(seconds) / wall, rel=1e-3)
    assert samples["bytes"] == sum(samples.get("received", []))
    assert samples["bytes_per_second"] == pytest.approx(samples["bytes"] / wall, rel=1e-3)
    assert samples["errors"] == sum(not failure["retried"] for failure in failures)
    assert samples["retries"] == sum(failure["retried"] for failure in failures)
    counted = len(seconds) + sum(failure["started"] >= 0 for failure in failures)
    assert samples["cpu_seconds_per_request"] == pytest.approx(samples["cpu_seconds"] / counted, abs=1e-6)


def test_the_cost_is_said_first_and_never_on_standard_output(
    words: list[object], server: S3Server, proxy: Proxy
) -> None:
    for more in ([], ["--json"]):
        result = run(*words, *more, on=server.at(proxy.url))
        assert result.err.startswith(
            f"up to {proxy.count()} requests; up to 2.5 MB, and pages of LIST; what fails is sent again once"
        )
        assert len(result.err.splitlines()) == 1
        assert "up to" not in result.out
        proxy.reset()


def test_pictures_are_ascii_in_a_pipe_and_can_be_left_out(
    words: list[object], server: S3Server, proxy: Proxy
) -> None:
    text = run(*words, on=server.at(proxy.url)).out
    assert "where the samples are" in text and "o 1 at once   x 4 at once" in text
    start = text.index("where the samples are")
    picture = text[start : text.index("what the server does")]
    assert picture.isascii() and max(map(len, picture.splitlines())) <= 80
    assert "\x1b" not in text
    without = run(*words, "--no-plot", on=server.at(proxy.url)).out
    assert "where the samples are" not in without and "what it comes to" in without


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 200])
def test_pictures_on_a_terminal(words: list[object], rclone: S3Server, columns: int) -> None:
    with Proxy(rclone) as proxy:
        settings_for(rclone, proxy)
        at = rclone.at(proxy.url)
        for environment, marks in (({}, "●"), ({"NO_COLOR": "1"}, "o")):
            code, sent = on_terminal(*words, columns=columns, on=at, **environment)
            shown = without_colour(sent[sent.rindex("where the samples are") :])
            picture = shown[: shown.index("what the server does")]
            assert code == 0
            assert f"{marks} 1 at once" in picture
            assert picture.isascii() == bool(environment)
            assert max(map(cell_len, picture.splitlines())) <= columns


# Against an earlier run


@pytest.mark.slow
def test_a_slower_server_is_found_against_a_saved_run(
    words: list[object], server: S3Server, proxy: Proxy, tmp_path: Path
) -> None:
    place, at = tmp_path / "run.json", server.at(proxy.url)
    saved = run(*words, "--save", place, "--json", on=at)
    assert saved.code == 0
    assert json.loads(place.read_text()) == json.loads(saved.out)
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]  # no temporary file is left
    proxy.delay = 0.05
    again = run(*words, "--against", place, "--json", on=at)
    document = from_json(again.out.encode(), Bench)
    assert document.against is not UNSET
    ratios = {(ratio.operation, ratio.pattern, ratio.size): ratio for ratio in document.against.ratios}
    assert len(document.against.ratios) == 12
    slower = ratios["GET", "sequential", 4 * KIB]
    assert slower.verdict == "slower" and 1 < slower.low <= slower.ratio <= slower.high
    assert slower.ratio == pytest.approx(slower.now / slower.before, rel=1e-3)
    jsonschema.validate(json.loads(again.out), json_schema("bench"))
    text = run(*words, "--against", place, on=at).out
    assert "against the run of 20" in text and "slower" in text and "95 % interval" in text


def test_a_run_against_itself_shows_no_difference(
    words: list[object], server: S3Server, proxy: Proxy, tmp_path: Path
) -> None:
    from h5s3.explore.bench.saved import against

    place = tmp_path / "run.json"
    run(*words, "--save", place, on=server.at(proxy.url))
    document = from_json(place.read_bytes(), Bench)
    first, second = against(document, document), against(document, document)
    assert first == second  # the same numbers are drawn each time
    assert {ratio.verdict for ratio in first.ratios} == {"no difference"}
    assert all(ratio.ratio == 1 and ratio.low <= 1 <= ratio.high for ratio in first.ratios)
    assert len(DATA) == document.object_size
