"""What the README promises: its two commands, the output of its examples, every command documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from h5s3.demo.server import serve
from tests.support import readme

TEXT = readme.README.read_text()
COMMANDS = ["ls", "tree", "meta", "preview", "get", "du", "bench", "doctor", "cache", "demo", "schema"]


@pytest.fixture(scope="module")
def demo(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of the demo server's files."""
    cache = tmp_path_factory.mktemp("readme")
    with serve(samples) as server:
        yield {**server.env(), "H5S3_CACHE_DIR": str(cache), "COLUMNS": "100"}


def test_the_first_fenced_block_is_the_two_commands() -> None:
    first = re.search(r"```\n(.*?)```", TEXT, re.S)
    assert first is not None
    assert first[1].splitlines() == ["pip install uv && uv run h5s3 demo", "uv run pytest"]


@pytest.mark.parametrize("example", readme.examples(), ids=lambda example: example.command)
def test_examples_show_what_the_commands_print(example: readme.Example, demo: dict[str, str]) -> None:
    code, output = readme.run(example.command, demo)
    assert code == 0, output
    assert output.strip()
    if not example.varies:
        assert output == example.output, "renew with: python -m tests.support.readme"


def test_enough_examples_are_compared() -> None:
    assert len([example for example in readme.examples() if not example.varies]) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"^### .*\b{command}\b", TEXT, re.M)


def test_every_exit_code_is_documented() -> None:
    from h5s3 import errors

    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and hasattr(kind, "exit_code")
    }
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.M)}
    assert codes - {1} <= documented
    assert {0, 130} <= documented


def test_no_path_of_a_machine() -> None:
    assert str(Path.home()) not in TEXT
