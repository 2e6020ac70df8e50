"""The answer to a shell on TAB: in bounded time, without a word where there is none.

The process that the shell waits for starts another one, which does all of the work, and ends it when it takes
too long: names come from servers and files that may be slow, hostile or gone.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from h5s3.cell.limits import follow

VARIABLE = "_H5S3_COMPLETE"  # names the shell that asks; its script sets it
LONGEST = 2.5  # seconds of the other process: what it asks has less
FILES, NO_FILES = "files", "-"  # the first line: whether the shell is to add names of local files


def complete() -> None:
    """Write what the shell that asks is to offer to standard output."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 2):  # nobody is asked for a password, and nothing is written between prompts
        os.dup2(nowhere, descriptor)
    if not hasattr(os, "fork"):
        return _work()
    kept, alive = os.pipe()  # nothing is written to it: it closes when this process is gone
    child = os.fork()
    if not child:
        os.close(alive)
        follow(kept)
        os.setsid()  # without a terminal, which libraries ask for one-time passwords
        with suppress(BaseException):  # there is nobody to tell
            _work()
        os.killpg(0, signal.SIGKILL)  # a program that was to give credentials may go on

    def end(*_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        os.waitpid(child, 0)
    finally:
        end()


def _work() -> None:
    text = answer(os.environ.pop(VARIABLE), sys.argv[1:])
    sys.stdout.buffer.write(os.fsencode(text))
    sys.stdout.flush()


def answer(shell: str, given: list[str]) -> str:
    """The lines for a shell: whether to add files, then one line for each word that may follow.

    bash gives the line up to the cursor and its COMP_WORDBREAKS, and gets what replaces the end of the line;
    fish gives the line; zsh gives the words without their quotes. They get words, and what these mean behind
    a tab. Raises `H5s3Error` and what else keeps it from an answer.
    """
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](given)


def _bash(given: list[str]) -> str:
    from h5s3.cli.completion.candidates import here
    from h5s3.cli.completion.line import command_of, split

    line, breaks = given
    words = command_of(split(line, breaks))
    last = words[-1]
    if not all(word.known for word in words) or last.raw.startswith("~"):
        return f"{FILES}\n"
    files, found = _found([word.text for word in words[1:]])
    if files and found:
        found |= dict.fromkeys(here(last.text), "")
    return _lines(files, [last.completed(word) for word in found])


def _fish(given: list[str]) -> str:
    from h5s3.cli.completion.line import command_of, split

    words = command_of(split(given[0], fish=True))
    if not all(word.known for word in words):
        return f"{FILES}\n"
    return _described(*_found([word.text for word in words[1:]]))


def _zsh(given: list[str]) -> str:
    return _described(*_found(given))


def _found(words: list[str]) -> tuple[bool, dict[str, str]]:
    """Whether files may stand there, and the words that may, with their help."""
    from h5s3.cache import Cache
    from h5s3.cli.completion.candidates import candidates, takes_files
    from h5s3.cli.completion.grammar import grammar
    from h5s3.cli.completion.position import position

    cache = Cache()
    try:
        place = position(grammar(cache), words)
        return (takes_files(place), candidates(place, cache)) if place else (False, {})
    finally:
        cache.close()


def _described(files: bool, found: dict[str, str]) -> str:
    return _lines(files, [f"{word}\t{about}" if about else word for word, about in found.items()])


def _lines(files: bool, lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in [FILES if files else NO_FILES, *lines])
