"""The manners of the process: pipes, Ctrl-C, what is loaded, how it ends."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cli import Result, command, environment, file, sample, spawn, started
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.wire import Seen

LONG = ("tree", "many_datasets", "/group", "--limit", "0")


def local(args: tuple[str, ...]) -> list[str]:
    """A command on a generated file, which is named in its place."""
    return [args[0], str(file(args[1])), *args[2:]]


def through(line: str, *args: object, on: S3Server | None = None) -> Result:
    """A command in a shell line, where it is `$CMD`."""
    script = line.replace("$CMD", shlex.join(command(*args)))
    shell = ["bash", "-o", "pipefail", "-c", script]
    done = subprocess.run(shell, env=environment(on), capture_output=True, text=True, timeout=60)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("args", [(*LONG,), (*LONG, "--jsonl", "--stats")])
def test_head_is_silent(args: tuple[str, ...]) -> None:
    result = through("$CMD | head -n 1", *local(args))
    assert result.code == 0 and result.out.count("\n") == 1
    assert "--stats" in args or result.err == ""


STREAMED = ("tree", "many_waves", "-r", "--limit", "0", "--jsonl")  # told in parts, while it is walked


@pytest.mark.slow
def test_head_ends_a_walk_that_is_told() -> None:
    result = through("$CMD | head -n 1", *local(STREAMED))
    assert result == Result(0, '{"type":"group","name":"/","path":"/","num_children":1}\n', "")


@pytest.mark.slow
def test_ctrl_c_ends_a_walk_that_is_told() -> None:
    with started(*local(STREAMED)) as process:
        assert process.stdout is not None
        first = process.stdout.readline()  # and no more: the pipe is full before the walk is at its end
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "") and first.startswith('{"type":"group"')
    assert rest.count("\n") < 15_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--help",), 0),
        (("schema", "tree"), 0),
        (("cache", "info"), 0),
        (("tree", "/no/such/file"), 3),
        (("tree", "--nothing"), 2),
        (("nothing",), 2),
    ],
)
def test_a_pipe_that_nobody_reads(args: tuple[str, ...], code: int) -> None:
    for line in ("$CMD | true", "$CMD 2>&1 | true"):
        result = through(f"{line.replace('$CMD', '(sleep 0.1; $CMD)')}", *args)
        assert (result.code, result.out) == (code, "") and result.err.count("\n") == (
            code > 0 and "&1" not in line
        )


@pytest.mark.parametrize("args", [("preview", "netcdf4", "/sst"), ("tree", "nexus", "--json")])
def test_a_closed_output(args: tuple[str, ...]) -> None:
    assert through("$CMD >&-", *local(args)) == Result(0, "", "")


def test_closed_streams() -> None:
    assert through("$CMD >&- 2>&-", "tree", "/no/such/file") == Result(3, "", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("args", [LONG, ("tree", "nexus", "--json")])
def test_a_full_disk_is_said_in_words(args: tuple[str, ...]) -> None:
    result = through("$CMD >/dev/full", *local(args))
    assert result == Result(1, "", "h5s3: the output cannot be written: No space left on device\n")


def test_help_on_a_full_disk() -> None:
    result = through("$CMD >/dev/full", "--help")
    assert result == Result(1, "", "h5s3: the output cannot be written: No space left on device\n")


@pytest.fixture
def slow(moto: S3Server) -> Iterator[Proxy]:
    with Proxy(moto) as proxy:
        yield proxy


def interrupted(proxy: Proxy, when: Callable[[], bool], *args: object) -> Result:
    """A command that gets Ctrl-C once `when` says so; it ends long before the server goes on."""
    assert not isinstance(proxy.server, str)
    with started(*args, on=proxy.server.at(proxy.url)) as process:
        deadline = time.monotonic() + 20
        while not when() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    return Result(process.returncode, out, err)


@pytest.mark.parametrize("args", [("tree",), ("ls",)])
def test_ctrl_c_while_the_first_answer_is_awaited(slow: Proxy, args: tuple[str, ...]) -> None:
    assert not isinstance(slow.server, str)
    where = sample(slow.server, "plenty")
    slow.delay = 60
    name, *rest = args
    result = interrupted(slow, lambda: slow.count() > 0, name, where, *rest)
    assert result == Result(130, "", "")


def test_ctrl_c_while_ranges_are_on_the_wire(slow: Proxy) -> None:
    assert not isinstance(slow.server, str)
    where = sample(slow.server, "plenty")

    def later(seen: Seen) -> bool:
        return seen.range is not None and seen.range[0] > 0

    hanging = slow.fault("hang", when=later, seconds=60)
    result = interrupted(slow, lambda: hanging.hits > 0, "preview", where, "/data")
    assert result == Result(130, "", "")


def test_ctrl_c_while_a_server_fails(slow: Proxy) -> None:
    assert not isinstance(slow.server, str)
    where = sample(slow.server, "plenty")
    slow.fault("status", status=503, headers={"Retry-After": "60"})
    result = interrupted(slow, lambda: slow.count() > 0, "tree", where)
    assert result == Result(130, "", "")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("tree", "corrupted_btree", "-r"), 6),
        (("preview", "broken_chunks", "/garbage"), 6),
        (("preview", "virtual_cycle", "/itself"), 8),
        (("meta", "cyclic_hard_link", "/group/child"), 0),
    ],
)
def test_every_end_is_orderly(args: tuple[str, ...], code: int) -> None:
    """h5py objects that outlive their file end in a segmentation fault of the interpreter."""
    result = spawn(*local(args))
    assert result.code == code and "Fatal" not in result.err
    assert result.err.count("\n") == (code > 0) and bool(result.out) == (code == 0)


def test_an_unknown_command_gives_2() -> None:
    result = spawn("tre", "s3://bucket/key")
    assert (result.code, result.out) == (2, "") and "Did you mean 'tree'?" in result.err


def test_the_tool_reads_no_standard_input(tmp_path: Path) -> None:
    result = through("printf 'left\\n' | ($CMD >/dev/null; cat)", "tree", file("nexus"))
    assert result == Result(0, "left\n", "")


@pytest.mark.parametrize("args", [("tree", "--help"), ("preview", file("contiguous"), "/grid")])
def test_nothing_in_the_environment_brings_colour_into_a_pipe(args: tuple[object, ...]) -> None:
    result = spawn(*args, GITHUB_ACTIONS="true", PY_COLORS="1", TERM="xterm", COLUMNS="wide", LINES="few")
    assert result.code == 0 and result.out and "\x1b" not in result.out + result.err
