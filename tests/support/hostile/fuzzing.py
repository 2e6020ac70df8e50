"""Damaged files, shown to the commands: how each of them ends.

As a program, a worker: `python -m tests.support.hostile.fuzzing JOB`, the job as JSON; each line out is a
case as JSON. The commands run in forks of the worker, for HDF5 may crash on such files, or never return.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py

from tests.support import ROOT

PROCESSOR = 3  # seconds for one command: what takes longer is a hang
SECONDS = 30.0  # for one command that waits
TIMEOUT = 2  # that the real command is given where it hangs
MEMORY = 4 << 30  # bytes, as of a guarded command
LARGEST = 100_000  # bytes of a file that is damaged
DOCUMENTED = (0, 2, 3, 4, 5, 6, 7, 8)  # exit codes
NOT_OURS = ("AWS_", "H5S3_C", "H5S3_B", "H5S3_M")  # beginnings of variables that a worker does not get
FORMATS = (".npy", ".csv", ".json", ".h5", ".npz", ".parquet")
KEEP = os.environ.get("H5S3_FUZZ_KEEP")

Case = dict[str, Any]
Report = Callable[[Any], None]


def run_cases(
    seed: int, count: int, files: Path | None = None, workers: int = 1, report: Report = lambda case: None
) -> list[Case]:
    """How the cases 0 to `count` of a seed went; of damaged generated files, or of those in a folder.

    Where `H5S3_FUZZ_KEEP` names a folder, the files of cases that crashed, hung or went wrong stay there.
    """
    jobs = [
        {"seed": seed, "numbers": [first, count, workers], "files": files and str(files)}
        for first in range(workers)
    ]
    with ThreadPoolExecutor(workers) as pool:
        found = [case for cases in pool.map(lambda job: _run_job(job, report), jobs) for case in cases]
    return sorted(found, key=lambda case: int(case["number"]))


def _run_job(job: Any, report: Report) -> list[Case]:
    command = [sys.executable, "-m", "tests.support.hostile.fuzzing", json.dumps(job)]
    with tempfile.TemporaryDirectory(prefix="h5s3-fuzz-") as home:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)},
            **{"HOME": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home, "H5S3_CACHE_DIR": f"{home}/c"},
            **{"TMPDIR": home, "COLUMNS": "100", "OPENBLAS_NUM_THREADS": "1"},
        }
        cases: list[Case] = []
        with (
            tempfile.TemporaryFile("w+") as said,
            subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=said, text=True
            ) as worker,
        ):
            assert worker.stdout
            for line in worker.stdout:
                cases.append(json.loads(line))
                report(cases[-1])
            code = worker.wait()
            said.seek(0)
            assert code == 0, said.read()[-2000:]
    return cases


# -------------------------------------------------------------------------------------- in the worker


def _serve(job: Any) -> None:
    from tests.support.hostile import mutate

    answers = os.fdopen(os.dup(1), "w")  # what HDF5 prints is no answer
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        bases = _bases(job["files"], Path(folder))
        _load()
        for number in range(*job["numbers"]):
            chance = random.Random(f"{job['seed']}:{number}")
            name, other = chance.choice(list(bases)), chance.choice(list(bases))
            damage = mutate.damaged(bases[name], bases[other], chance)
            case: Case = {"number": number, "base": name, "done": damage.done}
            path = Path(folder) / "damaged.h5"
            path.write_bytes(damage.data)
            case |= Looks(path, chance).run()
            if KEEP and (case["wrong"] or case["crashes"] or case["hangs"]):
                Path(KEEP, f"{job['seed']}-{number}.h5").write_bytes(damage.data)
            print(json.dumps(case), file=answers, flush=True)


def _bases(files: str | None, folder: Path) -> dict[str, bytes]:
    """The files to be damaged, by name."""
    from tests.support.h5files import make as h5files

    if files is None:
        found = h5files.make_all(folder)
    else:
        root = Path(files)
        found = {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if 96 < path.stat().st_size < LARGEST}


def _load() -> None:
    """Import what the forks need, once: with a first run of each command."""
    from tests.support.cli import run, validator
    from tests.support.h5files import make as h5files
    from tests.support.reference import compare_files

    with tempfile.TemporaryDirectory() as folder:
        path = h5files.make("plugins", Path(folder))
        with h5py.File(path) as file:
            names = sorted(file)
        for words in (
            ["tree", path],
            ["meta", path],
            ["preview", path, names[0]],
            ["du", path],
            ["doctor", path],
        ):
            assert run(*words, "--json", "--no-cache").code in DOCUMENTED
        for suffix in FORMATS:
            run("get", path, names[0], "-o", Path(folder) / f"values{suffix}", "--no-cache")
        compare_files.disagreements(path)
    for name in ("tree", "meta", "preview", "du"):
        validator(name)


class Looks:
    """One damaged file, shown to each command."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.path, self.chance = path, chance
        self.case: Case = {"ends": [], "wrong": [], "crashes": [], "hangs": [], "memory": 0, "agreed": 0}
        self.nodes: list[tuple[str, str]] = []

    def run(self) -> Case:
        """What became of it."""
        start = time.monotonic()
        self._all([["tree", str(self.path), "-r", "--attrs"]])
        if self.case["hangs"]:  # all others would, too
            self._all([["du", str(self.path)]])
        else:
            self._all(list(self._commands()))
            self._fork([["agree"]])
        self.case["seconds"] = round(time.monotonic() - start, 3)
        return self.case

    def _commands(self) -> Iterator[list[str]]:
        """The other commands: of some objects that the tree names."""
        path, some = str(self.path), self.chance.sample(self.nodes, min(4, len(self.nodes)))
        yield ["meta", path]
        yield ["tree", path, "--view", "auto"]
        yield ["du", path, "-d", "9"]
        for found, _ in some:
            yield ["meta", path, found, "--all-attrs"]
        datasets = [found for found, kind in self.nodes if kind == "dataset"] or ["/data"]
        for found in self.chance.sample(datasets, min(3, len(datasets))):
            yield ["preview", path, found]
            if self.chance.random() < 0.3:
                target = self.path.with_name("values" + self.chance.choice(FORMATS))
                yield ["get", path, found, "-o", str(target), "--overwrite", "--max-bytes", "8M"]
        if self.chance.random() < 0.15:
            yield ["doctor", path]

    def _all(self, commands: list[list[str]]) -> None:
        """Run them all, those behind a crash in another fork."""
        while commands:
            commands = commands[self._fork(commands) :]

    def _fork(self, commands: list[list[str]]) -> int:
        """Run commands in a fork; how many ended, or made it end."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            try:
                _in_fork(commands, write)
            finally:  # nothing of the worker's is to be cleaned up here
                os._exit(1)
        os.close(write)
        ended, rest, late = 0, b"", False
        while not late:
            late = not select.select([read], [], [], SECONDS)[0]
            piece = b"" if late else os.read(read, 1 << 20)
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
                ended += 1
        os.close(read)
        if late:
            os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        self.case["memory"] = max(self.case["memory"], usage.ru_maxrss >> 10)
        code = os.waitstatus_to_exitcode(status)
        if ended < len(commands):
            self._lost(commands[ended], late or code == -signal.SIGXCPU, code)
        return ended + 1

    def _take(self, answer: Any) -> None:
        """What one command said."""
        self.nodes += answer.pop("nodes", [])
        self.case["agreed"] += answer.pop("agreed", 0)
        self.case["wrong"] += answer.pop("wrong", [])
        if "code" in answer:
            self.case["ends"].append([answer["command"], answer["code"]])

    def _lost(self, command: list[str], late: bool, code: int) -> None:
        """A crash or a hang, which the command itself is to survive."""
        if command == ["agree"]:  # where plain h5py crashes, too, there is nothing to agree with
            self.case["ends"].append(["agree", "hang" if late else "crash"])
            if code == 1:
                self.case["wrong"].append(["agree", "did not end by itself"])
            return
        self.case["hangs" if late else "crashes"].append(command)
        timeout = ["--timeout", str(TIMEOUT)] if late else []
        words = [sys.executable, "-m", "h5s3", *command, "--no-cache", "--json", *timeout]
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=90)
        self.case["ends"].append([command[0], done.returncode])
        guarded = done.returncode == (5 if late else 6) and done.stderr.count("\n") == 1 and not done.stdout
        if not guarded and not (late and done.returncode in DOCUMENTED):  # slow, and this time fast enough
            told = [code, done.returncode, done.stdout[-200:], done.stderr[-600:]]
            self.case["wrong"].append([*command, "not guarded", *told])


# ---------------------------------------------------------------------------------------- in the fork


def _in_fork(commands: list[list[str]], write: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nodes: list[tuple[str, str]] = []
    with os.fdopen(write, "wb") as answers:
        for command in commands:
            used = os.times()
            most = int(used.user + used.system) + PROCESSOR
            resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
            answer = _agree() if command == ["agree"] else _run(command)
            nodes += answer.get("nodes", ())
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()
    os._exit(0)


def _agree() -> Case:
    from tests.support.reference.compare_files import disagreements

    path = Path(tempfile.gettempdir())
    (found,) = path.glob("*/damaged.h5")
    try:
        agreed, wrong = disagreements(found)
    except Exception as error:  # noqa: BLE001 - whatever leaves it is a finding
        agreed, wrong = 0, [["no answer", *traceback.format_exception(error)[-3:]]]
    return {"agreed": agreed, "wrong": [["agree", *item] for item in wrong]}


def _run(command: list[str]) -> Case:
    """A command in this process: how it ended, and what was wrong with that."""
    from tests.support.cli import Result, run

    try:
        result: Result = run(*command, "--no-cache", "--json")
    except BaseException as error:  # noqa: BLE001 - whatever leaves a command is a finding
        return {"command": command[0], "code": None, "wrong": [[*command, repr(error)[:600]]]}
    answer: Case = {"command": command[0], "code": result.code, "wrong": []}
    if result.code not in DOCUMENTED:
        shown = run(*command, "--no-cache", "--json", "--debug").err
        answer["wrong"].append([*command, result.code, shown[-3000:]])
    elif command[0] != "doctor" or not result.out:
        answer["wrong"] += [[*command, said] for said in _ill_said(command[0], result)]
    if command[0] == "tree" and result.code == 0:
        answer["nodes"] = list(_nodes(json.loads(result.out)))[:2000]
    return answer


def _ill_said(name: str, result: Any) -> Iterator[str]:
    """What is wrong with the form of an answer, or of an error."""
    try:
        if result.code:
            assert "internal error" not in result.failed(result.code)
        elif name != "get":
            assert result.json
    except Exception as error:  # noqa: BLE001 - among them what the schema does not allow
        yield repr(error)[:600]


def _nodes(node: Case) -> Iterator[tuple[str, str]]:
    for child in node.get("children", ()):
        yield child["path"], child["type"]
        yield from _nodes(child)


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
