"""Command lines taken apart, and gone on with, as bash does it: bash itself is the judge."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from h5s3.cli.completion.line import command_of, split

BREAKS = " \t\n\"'@><=;|&(:"
NAMES = [
    "with space.h5", "it's.h5", 'quo"te.h5', "dol$HOME.h5", "tick`id`.h5", "$(touch pwned).h5", "^x",
    "a;touch pwned", "back\\slash", "bang!x", "star*?[a].h5", "{a,b}", "~home", "#hash", "a:b=c@d",
    "smörgås 🐟", "<in>&|out",
]  # fmt: skip


def texts(line: str, **given: bool) -> list[str]:
    return [word.text for word in split(line, BREAKS, **given)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("h5s3 ls s3://b/k", ["h5s3", "ls", "s3://b/k"]),
        ("h5s3  ls ", ["h5s3", "ls", ""]),
        ("h5s3 'a b' \"c d\" e\\ f", ["h5s3", "a b", "c d", "e f"]),
        ("h5s3 \"a \\\" \\x\" 'it'\\''s'", ["h5s3", 'a " \\x', "it's"]),
        ('h5s3 "open quo', ["h5s3", "open quo"]),
        ("h5s3 ends\\", ["h5s3", "ends"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert texts(line) == words


def test_variables_of_the_environment_are_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILE", "s3://b/a b.h5")
    assert texts("tree $FILE \"${FILE}\" '$FILE'") == ["tree", "s3://b/a b.h5", "s3://b/a b.h5", "$FILE"]
    assert [word.known for word in split("tree $NOWHERE $(id) `id`")] == [True, False, False, False]


def test_fish_has_backslashes_in_single_quotes() -> None:
    assert texts(r"ls 'it\'s \\ \n'", fish=True) == ["ls", "it's \\ \\n"]


def test_the_command_stands_behind_what_is_set_for_it() -> None:
    for line in ("A=1 B='x y' h5s3 ls ", "A=1 /opt/bin/h5s3 ls ", "and h5s3 ls ", "A=1 show ls "):
        assert [word.text for word in command_of(split(line))][1:] == ["ls", ""], line


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
@pytest.mark.parametrize("before", ["", '"', "'"])
def test_bash_reads_what_is_completed_as_the_name(before: str) -> None:
    """Whatever is typed of a name, and however it is quoted: nothing of it is run or taken for a pattern."""
    lines, wanted = [], []
    for name in NAMES:
        for typed in range(len(name)):
            line = f"show {before}s3://b/{_typed(name[:typed], before)}"
            word = split(line, BREAKS)[-1]
            assert word.text == f"s3://b/{name[:typed]}"
            lines.append(line[: len(line) - len(word.raw) + word.start] + word.completed(f"s3://b/{name}"))
            wanted.append(f"s3://b/{name}")
    script = "show() { printf '%s\\n' \"$1\"; }\n" + "\n".join(line + before for line in lines)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == wanted


def _typed(text: str, quote: str) -> str:
    """A beginning of a name as somebody may type it."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return "".join(f"\\{char}" if char in '"\\$`' else char for char in text)
    return "".join(f"\\{char}" if shlex.quote(char) != char and char.isascii() else char for char in text)
