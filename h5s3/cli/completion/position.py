"""What the last word of a command line is to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from h5s3.cli.completion.grammar import Grammar


@dataclass
class Position:
    """Where the last word stands. `before` is the part of it that is decided, such as `--profile=`."""

    kind: str  # command, option, choice, location, path, attribute, profile, file; empty: anything
    word: str
    before: str = ""
    known: dict[str, str] = field(default_factory=dict)  # words and their help, where it is one of these
    values: dict[str, Any] = field(default_factory=dict)  # of options by name, and of arguments by kind


def position(grammar: Grammar, words: Sequence[str]) -> Position | None:
    """What the last of the words after `h5s3` is to be; None after what is no command line."""
    reading = _Reading(grammar)
    *given, last = words
    if not all(reading.take(word) for word in given):
        return None
    return reading.place(last)


class _Reading:
    """A command line that is read from its beginning, with no more rules than it takes to go on with it."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._waiting: Grammar | None = None  # the option whose value is next
        self._ended = False  # by --
        self._count = 0  # of arguments
        self._used: set[str] = set()
        self._values: dict[str, Any] = {}

    def take(self, word: str) -> bool:
        """Go past a word; False for a command that there is none of."""
        if self._waiting is not None:
            self._note(self._waiting, word)
            self._waiting = None
        elif word == "--" and not self._ended:
            self._ended = True
        elif self._is_option(word):
            for option, value in self._options(word):
                self._note(option, value)
        elif self._grammar["commands"]:
            if word not in self._grammar["commands"]:
                return False
            self._grammar = self._grammar["commands"][word]
        else:
            argument = self._argument()
            if argument.get("kind"):
                self._values[argument["kind"]] = word
            self._count += 1
        return True

    def place(self, word: str) -> Position:
        """What a word is to be that comes next."""
        if self._waiting is not None:
            return self._of(self._waiting, word)
        if self._is_option(word):
            name, equals, value = word.partition("=")
            if equals and word.startswith("--"):
                found = self._of(self._grammar["options"].get(name, {}), value)
                found.before = name + equals
                return found
            return Position("option", word, known=self._unused(), values=self._values)
        if self._grammar["commands"]:
            about = {name: one["help"] for name, one in self._grammar["commands"].items()}
            return Position("command", word, known=about)
        return self._of(self._argument(), word)

    def _is_option(self, word: str) -> bool:
        return word.startswith("-") and not self._ended

    def _options(self, word: str) -> Iterable[tuple[Grammar, Any]]:
        """The options of a word, with their values: `--name=value`, or letters that stand together."""
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            yield from self._option(name, value if equals else None)
            return
        for at, letter in enumerate(word[1:], 2):
            found = self._grammar["options"].get(f"-{letter}")
            yield from self._option(f"-{letter}", word[at:] or None)
            if found and not found["flag"]:
                return

    def _option(self, name: str, value: str | None) -> Iterable[tuple[Grammar, Any]]:
        found = self._grammar["options"].get(name)
        if found is None:
            return
        if found["flag"]:
            yield found, True
        elif value is not None:
            yield found, value
        else:
            self._waiting = found

    def _note(self, option: Grammar, value: Any) -> None:
        self._values[option["name"]] = value
        if not option["many"]:
            self._used.add(option["name"])

    def _unused(self) -> dict[str, str]:
        options = self._grammar["options"].items()
        return {name: about["help"] or "" for name, about in options if about["name"] not in self._used}

    def _argument(self) -> Grammar:
        arguments = self._grammar["arguments"]
        if self._count < len(arguments):
            return arguments[self._count]  # type: ignore[no-any-return]
        return arguments[-1] if arguments and arguments[-1]["many"] else {}

    def _of(self, about: Grammar, word: str) -> Position:
        choices = about.get("choices")
        if choices:
            return Position("choice", word, known=dict.fromkeys(choices, ""), values=self._values)
        return Position(about.get("kind") or "", word, values=self._values)
