"""Completion in the shells themselves, at a terminal: the keys are pressed, and the shell reads the line."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.support.cli import environment, file, spawn
from tests.support.servers.s3 import S3Server

BUCKET = "shells"
SCAN = f"s3://{BUCKET}/scan.h5"
KEYS = [
    "with space.h5", "it's.h5", 'quo"te.h5', "dol$HOME.h5", "tick`touch pwned`.h5", "$(touch pwned).h5",
    "semi;touch pwned", "bang!x", "folder/x:1.h5", "folder/x:2.h5", "smörgås.h5",
]  # fmt: skip
PROMPT = "@@ "
ARGUMENTS = re.compile("«(.*?)»")
START = {
    "bash": [
        "bind 'set enable-bracketed-paste off'",
        "PS1='@@ '",
        "source <(h5s3 completion bash)",
        "show() { printf '«%s»' \"$@\"; printf '\\n'; }",
        "complete -F _h5s3_completion show",
    ],
    "zsh": [
        "unset zle_bracketed_paste; unsetopt prompt_sp prompt_cr",
        "PS1='@@ '",
        "autoload -Uz compinit; compinit -u -D",
        "source <(h5s3 completion zsh)",
        "show() { printf '«%s»' \"$@\"; printf '\\n'; }",
        "compdef _h5s3 show",
    ],
    "fish": [
        "function fish_prompt; echo -n '@@ '; end",
        "h5s3 completion fish | source",
        "function show; printf '«%s»' $argv; printf '\\n'; end",
        "complete --command show --no-files --arguments '(__h5s3_complete)'",
    ],
}
COMMANDS = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}
TYPED = [  # what is typed before TAB, and the arguments that the shell makes of the line then
    ("tr", ["tree"]),
    ("tree --ref", ["tree", "--refresh"]),
    ("cache ver", ["cache", "verify"]),
    (f"ls s3://{BUCKET[:-2]}", ["ls", f"s3://{BUCKET}/"]),
    (f"ls s3://{BUCKET}/fo", ["ls", f"s3://{BUCKET}/folder/"]),
    (f"ls s3://{BUCKET}/folder/x:2", ["ls", f"s3://{BUCKET}/folder/x:2.h5"]),
    (f"ls s3://{BUCKET}/wi", ["ls", f"s3://{BUCKET}/with space.h5"]),
    (f'ls "s3://{BUCKET}/wi', ["ls", f"s3://{BUCKET}/with space.h5"]),
    (f"ls 's3://{BUCKET}/it", ["ls", f"s3://{BUCKET}/it's.h5"]),
    (f'ls "s3://{BUCKET}/quo', ["ls", f's3://{BUCKET}/quo"te.h5']),
    (f"ls s3://{BUCKET}/dol", ["ls", f"s3://{BUCKET}/dol$HOME.h5"]),
    (f"ls s3://{BUCKET}/tic", ["ls", f"s3://{BUCKET}/tick`touch pwned`.h5"]),
    (f'ls "s3://{BUCKET}/tic', ["ls", f"s3://{BUCKET}/tick`touch pwned`.h5"]),
    (f"ls s3://{BUCKET}/\\$", ["ls", f"s3://{BUCKET}/$(touch pwned).h5"]),
    (f"ls s3://{BUCKET}/sem", ["ls", f"s3://{BUCKET}/semi;touch pwned"]),
    (f"ls s3://{BUCKET}/ban", ["ls", f"s3://{BUCKET}/bang!x"]),
    (f"ls s3://{BUCKET}/sm", ["ls", f"s3://{BUCKET}/smörgås.h5"]),
    (f"tree {SCAN} /en", ["tree", SCAN, "/entry/"]),
    (f"get {SCAN} /entry/data/co", ["get", SCAN, "/entry/data/counts"]),
    ("get $SCAN /entry/data/co", ["get", SCAN, "/entry/data/counts"]),
    (f"meta {SCAN} /entry --attr NX", ["meta", SCAN, "/entry", "--attr", "NX_class"]),
    ("ls --profile la", ["ls", "--profile", "lab"]),
    ("ls --profile=la", ["ls", "--profile=lab"]),
    ("ls --sort si", ["ls", "--sort", "size"]),
    ("tree loc", ["tree", "local file.h5"]),
    ("get x /y -o ~/in-h", ["get", "x", "/y", "-o", "HOME/in-home"]),
    (f"tree s3://{BUCKET}/nothing", ["tree", f"s3://{BUCKET}/nothing"]),
]
PLAIN = ("tr", "tree --ref", "cache ver", "ls --profile la", "ls --sort si", f"meta {SCAN} /entry --attr NX")
QUOTED = [line for line in TYPED if line[0] not in PLAIN]  # what each shell reads in its own way


@pytest.fixture
def place(rclone: S3Server, tmp_path: Path) -> S3Server:
    """A server with KEYS and a file; a folder with a local file, and one with profiles."""
    for key in KEYS:
        rclone.put(BUCKET, key, b"x")
    rclone.put_file(BUCKET, "scan.h5", file("nexus"))
    (tmp_path / "local file.h5").touch()
    (tmp_path / "config").write_text("[profile lab]\n")
    Path(os.environ["HOME"]).mkdir()
    Path(os.environ["HOME"], "in-home").touch()
    return rclone


@contextmanager
def terminal(shell: str, on: S3Server, folder: Path) -> Iterator[Any]:
    """A shell at a terminal that completes the words of h5s3, and of `show`, which shows its arguments."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell} on this machine")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    config = {"AWS_CONFIG_FILE": str(folder / "config"), "SCAN": SCAN, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    env = environment(on, PATH=path, **config)
    child = pexpect.spawn(
        shell, COMMANDS[shell], env=env, cwd=str(folder), encoding="utf-8", dimensions=(50, 200), timeout=20
    )
    try:
        child.sendline("; ".join(START[shell]) + "; show started")
        child.expect("«started»")
        yield child
    finally:
        child.close(force=True)


def completed(child: Any, typed: str) -> list[str]:
    """The arguments of the command once a line was completed and entered."""
    child.send(f"show {typed}\t\r")
    child.expect(r"((«[^»]*»)+)\r*\n")
    return [argument.replace(os.environ["HOME"], "HOME") for argument in ARGUMENTS.findall(child.match[1])]


def test_bash_completes_locations(place: S3Server, tmp_path: Path) -> None:
    """Some of it in each run: bash breaks words where other shells do not."""
    some = [line for line in TYPED if line[0].startswith((f"ls s3://{BUCKET}/", "get $"))][1:4]
    with terminal("bash", place, tmp_path) as child:
        assert [completed(child, typed) for typed, _ in some] == [words for _, words in some]


@pytest.mark.slow
@pytest.mark.parametrize("shell", START)
def test_lines_are_completed(shell: str, place: S3Server, tmp_path: Path) -> None:
    """Nothing of what names hold is run, and the shell reads each as it is."""
    lines = TYPED if shell == "bash" else QUOTED
    with terminal(shell, place, tmp_path) as child:
        found = {typed: completed(child, typed) for typed, _ in lines}
    assert found == {typed: words for typed, words in lines}
    assert not list(tmp_path.rglob("pwned")) and not Path("pwned").exists()


@pytest.mark.slow
@pytest.mark.parametrize("shell", START)
def test_the_script_is_installed(shell: str, place: S3Server, tmp_path: Path) -> None:
    """A shell that is started anew, as its user starts it, completes."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell} on this machine")
    done = spawn("completion", shell, "--install")
    assert done.code == 0 and done.err == ""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = environment(place, PATH=path, TERM="xterm", LC_ALL="C.UTF-8")
    child = pexpect.spawn(shell, ["-i"], env=env, cwd=str(tmp_path), encoding="utf-8", timeout=20)
    try:
        child.send("echo rea''dy\r")
        child.expect("ready\r")
        child.send("h5s3 --ver\t\r")
        child.expect(r"h5s3 \d")
    finally:
        child.close(force=True)
