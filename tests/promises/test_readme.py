"""What the documents promise: the README's two commands and its examples, the reference, the pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples import pictures
from tests.support import readme

TEXT = readme.README.read_text()


@pytest.fixture(scope="module")
def demo(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of the demo server's files."""
    with readme.demo(samples, tmp_path_factory.mktemp("readme")) as environment:
        yield environment


def test_the_first_fenced_block_is_the_two_commands() -> None:
    first = re.search(r"```\n(.*?)```", TEXT, re.S)
    assert first is not None
    assert first[1].splitlines() == [
        "pip install uv && uv run --no-dev --extra demo h5s3 demo",
        "uv run pytest",
    ]


@pytest.mark.parametrize("example", readme.examples(), ids=lambda example: example.command)
def test_examples_show_what_the_commands_print(example: readme.Example, demo: dict[str, str]) -> None:
    code, output = readme.run(example.command, demo)
    assert code == 0, output
    assert output.strip()
    if not example.varies:
        assert output == example.output, "renew with: python -m tests.support.readme"


def test_enough_examples_are_compared() -> None:
    assert len(readme.examples()) == 17
    assert len([example for example in readme.examples() if not example.varies]) >= 5


def test_the_reference_is_what_help_prints() -> None:
    assert readme.REFERENCE.read_text() == readme.reference(), "renew with: python -m tests.support.readme"


def test_every_command_is_named() -> None:
    assert set(readme.COMMANDS) <= set(re.findall(r"`(\w+)`", TEXT))


def texts(svg: str) -> list[str]:
    """All that is written in a picture, in order; the rest may change with rich."""
    return re.findall(r">([^<>]+)</text>", svg)


@pytest.mark.parametrize("name", pictures.COMMANDS)
def test_the_pictures_show_what_the_commands_print(name: str, demo: dict[str, str]) -> None:
    made = pictures.picture(pictures.COMMANDS[name], demo)
    assert texts(made) == texts((readme.EXAMPLES / name).read_text()), (
        "renew with: python -m tests.support.readme"
    )
    assert f"(examples/{name})" in TEXT


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
    assert str(Path.home()) not in TEXT + readme.REFERENCE.read_text()
