"""Whatever a file does to libhdf5 ends in the process that reads it, with a sentence, and leaves nothing."""

from __future__ import annotations

import ast
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from h5s3.cli import app
from h5s3.cli.process import cells
from tests.support import cli
from tests.support.cli import Result, environment, file, spawn
from tests.support.servers.s3 import S3Server

pytestmark = pytest.mark.slow

UNREAD = ("ls", "serve", "cache", "demo", "schema", "stats", "completion")  # commands that read no HDF5
TREE = ("tree", "nexus")


@pytest.fixture(autouse=True)
def _misbehaving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first word of each command says how libhdf5 misbehaves; the third names a generated file."""
    monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path / "cache"))

    def command(how: str, name: str, where: object, *args: object) -> list[str]:
        words = [name, str(where), *map(str, args)]
        return [sys.executable, "-m", "tests.support.hostile.misbehaving", how, *words]

    monkeypatch.setattr(cli, "command", command)


def local(name: str = "nexus") -> Path:
    return file(name)


@contextmanager
def spinning(*args: object, **more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command whose child is deaf to everything, and the number of that child."""
    with cli.started("spin", *args, **more) as process:
        assert process.stderr is not None
        word, number = process.stderr.readline().split()
        assert word == "spinning" and int(number) != process.pid
        time.sleep(0.1)  # the loop begins
        try:
            yield process, int(number)
        finally:
            until = time.monotonic() + 5
            while alive(int(number)) and time.monotonic() < until:
                time.sleep(0.01)
            outlived = alive(int(number))
            if outlived:
                os.kill(int(number), signal.SIGKILL)
            assert not outlived


def alive(number: int) -> bool:
    try:
        with open(f"/proc/{number}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


SEGFAULT, ABORT = ("segfault", "Segmentation fault"), ("abort", "Aborted")
CRASHES = [("tree", *SEGFAULT), ("get", *SEGFAULT), ("preview", *ABORT)]


@pytest.mark.parametrize(("name", "how", "said"), CRASHES)
def test_a_crash_is_a_sentence(name: str, how: str, said: str, tmp_path: Path) -> None:
    path = {"preview": ["/entry/data/counts"], "get": ["/entry/data/counts"]}.get(name, [])
    result = spawn(how, name, local(), *path, HOME=str(tmp_path))
    cause = f"the HDF5 library crashed while it read this ({said}): the file is damaged, or made to do that"
    assert result == Result(6, "", f"h5s3: {local()}: {cause}\n")


def test_doctor_says_that_a_file_crashes_the_library() -> None:
    found = spawn("segfault", "doctor", local(), "--json")
    assert found.code == 6
    assert "crashed while it read this (Segmentation fault)" in json.loads(found.out)["file"][0]["detail"]


def test_a_crash_of_libhdf5_itself() -> None:
    crafted = {"RECURSION": str(local("virtual_cycle")), "PYTHONFAULTHANDLER": ""}
    assert "crashed" in spawn("recursion", "tree", local(), **crafted).failed(6)


def test_the_c_library_says_nothing_of_a_crash() -> None:
    assert "crashed" in spawn("double_free", "tree", local()).failed(6)
    shown = spawn("double_free", "tree", local(), "--debug").err
    assert "Fatal Python error: Aborted" in shown and "crashed" in shown


def test_every_command_that_reads_hdf5_has_a_cell() -> None:
    assert set(cells.COMMANDS) == set(app.COMMANDS) - set(UNREAD)


def test_nothing_is_remembered_of_a_crash(rclone: S3Server, tmp_path: Path) -> None:
    where = cli.sample(rclone, "nexus")
    crashed = spawn("segfault", "tree", where, on=rclone, PYTHONFAULTHANDLER="")
    assert crashed.code == 6 and where in crashed.err
    assert cli.run("tree", where, "--json", on=rclone).json["cached"] is False
    assert spawn("segfault", "tree", where, "--json", on=rclone).code == 0  # an answer needs no libhdf5


def test_an_end_from_outside_is_said() -> None:
    result = spawn("killed", "tree", local())
    assert result.code == 6
    assert result.failed(6) == f"{local()}: the reading was killed, as the system does when memory runs out"


def test_a_signal_that_is_no_crash_is_not_the_fault_of_the_file() -> None:
    with spinning("tree", local()) as (process, child):
        os.kill(child, signal.SIGALRM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert err == f"h5s3: {local()}: ended by a signal (Alarm clock)\n"


def test_a_hang_ends_at_the_time_limit() -> None:
    with spinning("tree", local(), "--timeout", "4") as (process, _):  # within which it begins to hang
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (5, "")
    assert err == f"h5s3: {local()}: not done within 4 s; raise --timeout\n"


def test_a_hang_ends_when_its_processor_time_is_used_up() -> None:
    with spinning("tree", local(), H5S3_CPU_SECONDS="1") as (process, _):
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (6, "")
    assert "its processor time is used up" in err and "H5S3_CPU_SECONDS allows more than 1" in err


def test_memory_that_runs_out_is_said() -> None:
    result = spawn("devour", "tree", local(), H5S3_MEMORY="300M")
    assert (result.code, result.out) == (6, "")
    cause = "reading it takes more than the 300M of memory that are allowed; H5S3_MEMORY=600M allows more"
    assert result.err == f"h5s3: {local()}: {cause}\n"


def test_open_files_that_run_out_are_said() -> None:
    result = spawn("descriptors", "tree", local())
    assert (result.code, result.out) == (1, "")
    assert result.err == "h5s3: too many open files: see ulimit -n\n"


def test_too_few_open_files_to_start() -> None:
    said = set()
    for most in range(4, 14):  # with fewer, Python itself does not start
        line = f"ulimit -n {most}; exec {shlex.join([sys.executable, '-m', 'h5s3', 'tree', str(local())])}"
        done = subprocess.run(
            ["sh", "-c", line], env=environment(), capture_output=True, text=True, timeout=60
        )
        assert "Traceback" not in done.stderr
        said.add(done.stderr)
    assert "h5s3: cannot start: Too many open files\n" in said


@pytest.mark.parametrize("how", ["no_thread", "no_room", pytest.param("no_lock", marks=pytest.mark.slow)])
def test_memory_that_runs_out_in_other_words(how: str) -> None:
    assert "reading it takes more than" in spawn(how, "tree", local()).failed(6)


def test_ctrl_c_while_it_starts() -> None:
    """It is the system's to deal with, as long as nothing of ours is there that would."""
    told = "print(signal.getsignal(signal.SIGINT) is signal.SIG_DFL, *sys.modules)"
    code = f"import h5s3.__main__, signal, sys; {told}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("True") and "h5s3.cli" not in done.stdout


def limits(*args: object, **more: str) -> dict[str, Any]:
    result = spawn("limits", "preview", local(), "/entry/data/counts", "--only", "stats", *args, **more)
    assert result.code == 0, result
    found, _, forked = result.err.strip().rpartition(" ")
    assert forked == "True"
    return dict(ast.literal_eval(found))


def test_the_limits_hold() -> None:
    found = limits(H5S3_MEMORY="1G")
    assert found["RLIMIT_CORE"] == 0  # it would hold credentials
    assert found["RLIMIT_DATA"] == 1 << 30
    assert found["RLIMIT_NOFILE"] <= 1024
    assert 0 < found["RLIMIT_CPU"] <= 610


def test_what_libhdf5_would_load_for_the_environment_is_not() -> None:
    """It looks at these before any file is opened, and loads what HDF5_PLUGIN_PATH holds."""
    found = limits(HDF5_VOL_CONNECTOR="none_such", HDF5_DRIVER="none_such")
    assert 0 < found["RLIMIT_DATA"] <= 4 << 30  # which nobody asked for


def test_what_may_be_fetched_may_be_held() -> None:
    assert limits("--max-bytes", "1G", H5S3_MEMORY="1G")["RLIMIT_DATA"] == 5 << 30


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("H5S3_MEMORY", "much"),
        ("H5S3_MEMORY", "20M"),
        ("H5S3_CPU_SECONDS", "-1"),
        ("H5S3_CPU_SECONDS", "1.5"),
    ],
)
def test_limits_that_make_no_sense(variable: str, value: str) -> None:
    result = spawn("limits", "tree", local(), **{variable: value})
    line = result.failed(2)
    assert value in line and variable in line


def test_ctrl_c_ends_what_is_deaf() -> None:
    with spinning("tree", local()) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 130


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    with spinning("tree", local()) as (process, _):
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 130 and time.monotonic() - begin < 3


def test_ctrl_c_of_a_terminal_reaches_the_command_once() -> None:
    """A terminal sends it to the whole group."""
    with subprocess.Popen(
        cli.command("patient", "doctor", local()), env=environment(H5S3_CELL="0"),
        text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr and process.stderr.readline() == "waiting\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "interrupted\n")
    assert process.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_end_of_the_parent_is_one_of_the_child(number: signal.Signals) -> None:
    with spinning("tree", local()) as (process, _):
        process.send_signal(number)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == -number


def test_a_get_that_is_ended_leaves_no_file(tmp_path: Path) -> None:
    target = tmp_path / "out.npy"
    with spinning("get", local(), "/entry/data/counts", "-o", target) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 130
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_without_fork_it_is_read_here(tmp_path: Path) -> None:
    driver = "import os, sys, h5s3.cli\ndel os.fork\nsys.argv = ['h5s3', *sys.argv[1:]]\nh5s3.cli.main()"
    for args, code in ((("tree", local()), 0), (("tree", tmp_path / "none.h5"), 3)):
        done = subprocess.run(
            [sys.executable, "-c", driver, *map(str, args)],
            env=environment(), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, bool(done.stdout)) == (code, code == 0), done.stderr
