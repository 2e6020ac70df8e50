"""The README's console blocks: run them, and write their outputs into it.

`python -m tests.support.readme` renews the outputs in place. A block after `<!-- varies -->` shows times,
dates or sizes of the wire: it is run, and its output is not compared.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT, cli

README = ROOT / "README.md"
BLOCK = re.compile(
    r"(?P<varies><!-- varies -->\n)?```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.S
)


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


def renew() -> None:
    """Write every output anew, as the demo server's files give it."""
    from h5s3.demo.samples import make_samples
    from h5s3.demo.server import serve

    with tempfile.TemporaryDirectory() as folder:
        make_samples(Path(folder) / "demo")
        with serve(Path(folder)) as server:
            environment = {**server.env(), "COLUMNS": "100", "H5S3_CACHE_DIR": f"{folder}/cache"}

            def block(match: re.Match[str]) -> str:
                code, output = run(match["command"], environment)
                assert code == 0, output
                return f"{match['varies'] or ''}```console\n$ {match['command']}\n{output}```"

            README.write_text(BLOCK.sub(block, README.read_text()))


if __name__ == "__main__":
    renew()
