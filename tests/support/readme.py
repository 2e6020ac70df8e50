"""What stands in the documents because a program put it there: run the programs, and write it.

`python -m tests.support.readme` renews the outputs of the README's console blocks, the reference of all
commands and the pictures. A block after `<!-- varies -->` shows times, dates or sizes of the wire: it is run,
and its output is not compared.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples import pictures
from h5s3.cli.app import COMMANDS
from h5s3.demo.samples import make_samples
from h5s3.demo.server import serve
from tests.support import ROOT, cli
from tests.support.tables.lake import BUCKET, make_lake

README = ROOT / "README.md"
EXAMPLES = ROOT / "examples"
REFERENCE = EXAMPLES / "REFERENCE.md"
BLOCK = re.compile(
    r"(?P<varies><!-- varies -->\n)?```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.S
)
PARTS = {"catalog": ("build", "query", "check"), "cache": ("info", "verify", "clear", "path")}
ABOUT = """# Reference

What `h5s3 COMMAND --help` prints. `python -m tests.support.readme` writes this file; a test compares it.
"""


@dataclass(frozen=True)
class Example:
    """One console block."""

    command: str
    output: str
    varies: bool


def examples() -> list[Example]:
    """All console blocks in order."""
    return [Example(m["command"], m["output"], bool(m["varies"])) for m in BLOCK.finditer(README.read_text())]


def run(command: str, environment: dict[str, str]) -> tuple[int, str]:
    """Exit code and output (diagnostics last) of `h5s3 …`."""
    words = shlex.split(command)
    assert words[0] == "h5s3"
    done = cli.run(*words[1:], **environment)
    return done.code, done.out + done.err


def commands() -> list[str]:
    """Every command, the commands of a group after it."""
    return [
        " ".join(words)
        for name in COMMANDS
        for words in [(name,), *((name, part) for part in PARTS.get(name, ()))]
    ]


def reference() -> str:
    """The text of the reference: the help of every command, at 80 columns."""
    sections = [ABOUT]
    for command in ["", *commands()]:
        shown = cli.run(*command.split(), "--help", COLUMNS="80")
        assert shown.code == 0, shown
        sections.append(f"## {f'h5s3 {command}'.strip()}\n\n```\n{shown.out}```\n")
    return "\n".join(sections)


@contextmanager
def demo(samples: Path, cache: Path) -> Iterator[dict[str, str]]:
    """The environment of a server with the demo's files, below `samples`, and with tables."""
    with tempfile.TemporaryDirectory(dir=samples.parent) as made:
        shutil.copytree(samples / "demo", Path(made) / "demo", copy_function=os.link)
        make_lake(Path(made) / BUCKET)
        with serve(Path(made)) as server:
            yield {**server.env(), "COLUMNS": "100", "H5S3_CACHE_DIR": str(cache)}


def renew(environment: dict[str, str]) -> None:
    """Write the outputs of the README's blocks, the reference and the pictures."""

    def block(match: re.Match[str]) -> str:
        code, output = run(match["command"], environment)
        assert code == 0, output
        return f"{match['varies'] or ''}```console\n$ {match['command']}\n{output}```"

    README.write_text(BLOCK.sub(block, README.read_text()))
    REFERENCE.write_text(reference())
    for name, command in pictures.COMMANDS.items():
        (EXAMPLES / name).write_text(pictures.picture(command, environment))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as cache:
        make_samples(Path(made) / "demo")
        with demo(Path(made), Path(cache)) as environment:
            renew(environment)
