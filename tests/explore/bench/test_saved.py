"""Benchmarks in files: written whole, never over anything else, and read as what anybody may have made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from h5s3.errors import H5s3Error, UsageError
from h5s3.explore.bench import saved as bench_files
from h5s3.explore.bench.samples import Kind, Outcome, summarize
from h5s3.explore.bench.saved import against, check_place, earlier, save
from h5s3.records import Bench, Samples, from_json, to_json
from h5s3.storage.http.timed_connection import Timing
from tests.support.bench import BUCKET, KEY, settings_for
from tests.support.cli import run
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server


def series(seconds: list[float], kind: Kind | None = None) -> Samples:
    timings = [Timing(value, value, 10, begun=float(index)) for index, value in enumerate(seconds)]
    return summarize(kind or Kind("GET", 10, pattern="random"), Outcome(timings, begun=0.0))


def document(*samples: Samples, **changes: Any) -> Bench:
    given: dict[str, Any] = {"location": "s3://b/k", "endpoint": "http://here", "object_size": 10**6}
    return Bench(**{**given, **changes}, samples=list(samples), checks=[])


# Writing


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    place = str(tmp_path / "run.json")
    one, other = document(series([0.1] * 6)), document(series([0.2] * 6))
    save(one, place)
    assert earlier(place) == one
    save(other, place)  # one of ours is replaced
    assert earlier(place) == other
    assert os.listdir(tmp_path) == ["run.json"]
    umask = os.umask(0)
    os.umask(umask)
    assert os.stat(place).st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(
    "content", [b"", b"precious", b"{}", b'{"schema": "h5s3/ls/1"}', b"[" * 100_000, b'{"schema": 1}']
)
def test_nothing_else_is_replaced(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "notes.txt"
    place.write_bytes(content)
    for act in (lambda: check_place(str(place)), lambda: save(document(), str(place))):
        with pytest.raises(UsageError, match="is no benchmark of h5s3, so it is not replaced"):
            act()
    assert place.read_bytes() == content
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_places_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("nowhere/run.json", "no such folder"),
        ("folder", "not replaced"),
        ("pipe", "not replaced"),
        ("null\0", "null character"),
    ):
        with pytest.raises(H5s3Error, match=words):
            check_place(f"{tmp_path}/{name}")


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("run.json")
    save(document(), str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink() and earlier(str(tmp_path / "run.json")) == document()
    (tmp_path / "other").write_text("precious")
    (tmp_path / "trap").symlink_to("other")
    with pytest.raises(UsageError, match="not replaced"):
        save(document(), str(tmp_path / "trap"))


# Reading


def spoilt(change: Callable[[dict[str, Any]], object]) -> bytes:
    made = json.loads(to_json(document(series([0.1] * 6))))
    change(made)
    return json.dumps(made).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "names no schema"),
        (b"not JSON", "names no schema"),
        (b"[" * 100_000, "names no schema"),
        (b'{"schema": "h5s3/ls/1"}', "its schema is 'h5s3/ls/1', not 'h5s3/bench/1'"),
        (spoilt(lambda d: d.update(schema="h5s3/bench/2")), "its schema is 'h5s3/bench/2'"),
        (b'{"schema": "h5s3/bench/1"}', "damaged"),
        (spoilt(lambda d: d["samples"][0].update(seconds=["x"])), "damaged"),
        (spoilt(lambda d: d["samples"][0].update(seconds=[0.1])), "damaged"),
        (spoilt(lambda d: d["samples"][0].update(seconds=[-0.1] * 6)), "damaged"),
        (spoilt(lambda d: d["samples"][0].update(seconds=[1e300] * 6)), "damaged"),
        (spoilt(lambda d: d["samples"][0].update(operation="DELETE")), "damaged"),
        (spoilt(lambda d: d.update(samples=None)), "damaged"),
        (b'{"schema": "h5s3/bench/1", "x": ' + b"[" * 100_000, "names no schema|damaged"),
    ],
)
def test_what_is_no_earlier_run_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    place = tmp_path / "run.json"
    place.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        earlier(str(place))


def test_files_are_bounded_and_regular(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "run.json"
    save(document(series([0.1] * 6)), str(place))
    monkeypatch.setattr(bench_files, "LARGEST", 100)
    with pytest.raises(UsageError, match="larger than"):
        earlier(str(place))
    for path, words in (
        ("/dev/zero", "not a regular file"),
        (str(tmp_path / "none"), "no such file"),
        (str(tmp_path), "not a regular"),
        ("\0", "not a name"),
    ):
        with pytest.raises(UsageError, match=words):
            earlier(path)


# Comparing


def test_ratios_and_their_intervals() -> None:
    before = series([0.100, 0.101, 0.102, 0.103, 0.104, 0.105, 0.106])
    twice = series([0.200, 0.202, 0.204, 0.206, 0.208, 0.210, 0.212])
    (slower,) = against(document(twice), document(before)).ratios
    (faster,) = against(document(before), document(twice)).ratios
    assert (slower.ratio, slower.verdict) == (2, "slower") and 1.85 < slower.low <= 2 <= slower.high < 2.15
    assert (faster.ratio, faster.verdict) == (0.5, "faster")
    noisy = series([0.05, 0.3, 0.11, 0.02, 0.2, 0.09, 0.4])
    (unclear,) = against(document(noisy), document(before)).ratios
    assert unclear.verdict == "no difference" and unclear.low < 1 < unclear.high
    assert against(document(noisy), document(before)).ratios == [unclear]


def test_what_cannot_be_compared_is_said() -> None:
    few = series([0.1] * 4, Kind("GET", 20, pattern="random"))
    nothing = series([0.0] * 9, Kind("HEAD"))
    now = document(series([0.1] * 6), few, nothing, series([0.1] * 6, Kind("GET", 30, pattern="random")))
    before = document(
        few, nothing, series([0.1] * 6), series([0.1] * 9, Kind("LIST")), location="s3://b/other"
    )
    found = against(now, before)
    assert [ratio.size for ratio in found.ratios] == [10]
    assert found.warnings[:4] == [
        "another location then: s3://b/other",
        "not measured then: GET of 30 B",
        "not measured now: LIST",
        "fewer than 5 samples, not compared: GET of 20 B, HEAD",
    ]
    other = document(series([0.1] * 6), endpoint="http://there", object_size=2048)
    warnings = against(document(series([0.1] * 6)), other).warnings
    assert "another endpoint then: http://there" in warnings
    assert "another object size then: 2 KiB, now 977 KiB" in warnings
    assert against(document(), document()).warnings == []


def test_many_samples_take_little_memory() -> None:
    many = series([0.1 + index % 7 / 1000 for index in range(10_000)])
    (ratio,) = against(document(many), document(many)).ratios
    assert ratio.low <= 1 <= ratio.high


# On the command line


def test_what_cannot_be_saved_is_shown_all_the_same(
    server: S3Server, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_for(server, proxy)

    def full(*_: object) -> None:
        raise H5s3Error("cannot be written: No space left on device", location="run.json")

    monkeypatch.setattr(bench_files, "save", full)
    words = ["bench", f"s3://{BUCKET}/{KEY}", "--sizes", "4K", "--count", 3, "--concurrency", "1", "--json"]
    result = run(*words, "--save", tmp_path / "run.json", on=server.at(proxy.url))
    assert (result.code, json.loads(result.out)["schema"]) == (1, "h5s3/bench/1")
    assert result.err.endswith("h5s3: run.json: cannot be written: No space left on device\n")


def test_files_are_looked_at_before_anything_is_sent(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    settings_for(server, proxy)
    (tmp_path / "precious").write_text("precious")
    for option in ("--save", "--against"):
        result = run("bench", f"s3://{BUCKET}/{KEY}", option, tmp_path / "precious", on=server.at(proxy.url))
        assert (result.code, result.out) == (2, "")
        assert "precious: " in result.err and len(result.err.splitlines()) == 1
    assert proxy.count() == 0


def test_a_run_can_replace_what_it_is_held_against(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    settings_for(server, proxy)
    words = ["bench", f"s3://{BUCKET}/{KEY}", "--sizes", "4K", "--count", 5, "--concurrency", "1"]
    place = tmp_path / "run.json"
    assert run(*words, "--save", place, on=server.at(proxy.url)).code == 0
    first = place.read_bytes()
    result = run(*words, "--save", place, "--against", place, on=server.at(proxy.url))
    assert result.code == 0 and "against the run of" in result.out
    assert result.err.splitlines()[-1] == f"saved to {place}"
    assert place.read_bytes() != first
    assert from_json(place.read_bytes(), Bench).against is not UNSET
