"""Receipts of commands over time, and what `stats` makes of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cli import environment, file, run, sample, spawn
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def receipts(rclone: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of some commands, each a process of its own; the last one fails, and one is for a local file."""
    path = tmp_path_factory.mktemp("receipts") / "receipts.jsonl"
    where = sample(rclone, "nexus")
    for words in (("tree", where), ("tree", where), ("ls", "s3://cli/"), ("meta", where, "/no")):
        spawn(*words, on=rclone, H5S3_RECEIPTS=str(path))
    spawn("tree", file("nexus"), H5S3_RECEIPTS=str(path))
    return path


def test_each_command_leaves_a_line(receipts: Path, rclone: S3Server) -> None:
    found = lines_of(receipts)
    where = sample(rclone, "nexus")
    assert [one["command"] for one in found] == ["tree", "tree", "ls", "meta", "tree"]
    assert [one["exit_code"] for one in found] == [0, 0, 0, 3, 0]
    assert [one["location"] for one in found] == [where, where, "s3://cli/", where, str(file("nexus"))]
    first, second = found[:2]
    assert first["by_method"] == {"GET": first["requests"]} and first["bytes"]
    assert (second["requests"], second["bytes"]) == (0, 0) and second["cache_hits"]
    assert found[2]["by_method"] == {"LIST": 1}


def test_a_line_says_what_was_requested(rclone: S3Server, tmp_path: Path) -> None:
    path, where = tmp_path / "receipts", sample(rclone, "plenty")
    with Proxy(rclone) as proxy:
        spawn("tree", where, "-r", "--no-cache", on=rclone.at(proxy.url), H5S3_RECEIPTS=str(path))
        (line,) = lines_of(path)
        assert line["requests"] == len(proxy.requests) and line["bytes"] == proxy.bytes()


@pytest.mark.slow
def test_many_at_once(tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: spawn("tree", file("nexus"), H5S3_RECEIPTS=str(path)), range(8)))
    assert [one["command"] for one in lines_of(path)] == ["tree"] * 8


def test_a_command_that_is_killed_leaves_one_too(rclone: S3Server, tmp_path: Path) -> None:
    path, where = tmp_path / "receipts", sample(rclone, "plenty")
    with Proxy(rclone) as proxy:
        proxy.delay = 20
        variables = rclone.at(proxy.url).env() | {"H5S3_RECEIPTS": str(path)}
        words = [sys.executable, "-m", "h5s3", "tree", where, "--no-cache"]
        with subprocess.Popen(words, env=environment(None, **variables), stderr=subprocess.PIPE) as process:
            while not proxy.requests:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    (line,) = lines_of(path)
    assert (line["location"], line["exit_code"]) == (where, 130)


def test_no_line_without_a_question_and_a_word_where_it_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    spawn("schema", "tree", H5S3_RECEIPTS=str(path))
    assert not path.exists()
    done = spawn("tree", file("nexus"), H5S3_RECEIPTS=str(tmp_path / "no" / "receipts"))
    assert (
        done.code == 0 and done.out and done.err.startswith("h5s3: warning: H5S3_RECEIPTS: cannot be written")
    )


def test_sums(receipts: Path, rclone: S3Server) -> None:
    found = run("stats", receipts, "--json").json
    lines = lines_of(receipts)
    assert found["total"]["commands"] == 5 and found["total"]["failed"] == 1
    for name in ("requests", "bytes", "rounds", "cache_hits"):
        assert found["total"][name] == sum(int(str(one[name])) for one in lines)
    assert [one["name"] for one in found["commands"]] == ["ls", "meta", "tree"]
    assert [one["name"] for one in found["buckets"]] == ["local files", "s3://cli"]
    gets, listings = (sum(one.get("by_method", {}).get(m, 0) for one in lines) for m in ("GET", "LIST"))  # type: ignore[attr-defined]
    dollars = gets * 0.0004 / 1000 + listings * 0.005 / 1000 + 0.09 * found["total"]["bytes"] / 1e9
    assert found["total"]["dollars"] == pytest.approx(dollars)
    free = run("stats", receipts, "--json", "--prices", "GB=0,GET=0").json
    assert free["total"]["dollars"] == pytest.approx(listings * 0.005 / 1000)
    assert run("stats", "--json", H5S3_RECEIPTS=str(receipts)).json == found


def test_text_and_prometheus(receipts: Path) -> None:
    text = run("stats", receipts).out
    assert "tree" in text and "s3://cli" in text and "local files" in text
    metrics = run("stats", receipts, "--prometheus").out
    assert 'h5s3_commands_total{command="tree"} 3\n' in metrics
    assert 'h5s3_requests_total{command="ls",method="LIST"} 1\n' in metrics
    assert "# TYPE h5s3_received_bytes_total counter\n" in metrics


def test_lines_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    good = {"schema": "h5s3/receipt/1", "time": "2026-01-02T03:04:05Z", "command": "tree", "exit_code": 6}
    bad = ["", "no JSON", "[]", '{"schema": "other"}', json.dumps(good | {"bytes": -1}), "[" * 100_000]
    bad += [json.dumps(good | {"by_method": {"GET": "many"}}), json.dumps(good | {"time": 5}), "\x1b[31m"]
    path.write_text("\n".join([*bad, json.dumps(good | {"location": "s3://b\x1b[31m/k"})]))
    found = run("stats", path, "--json").json
    assert (found["other_lines"], found["total"]["commands"]) == (len(bad), 1)
    assert "\x1b" not in run("stats", path).out


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ((), 2, "no FILE, and H5S3_RECEIPTS names none"),
        (("/no/such/file",), 3, "/no/such/file: no file of receipts; set H5S3_RECEIPTS"),
        (
            ("x", "--prices", "GET=much"),
            2,
            "--prices 'GET=much' is not of the form GET=0.0004; names are GET, HEAD, LIST, GB",
        ),
    ],
)
def test_failures(words: tuple[str, ...], code: int, line: str) -> None:
    assert run("stats", *words).failed(code) == line
