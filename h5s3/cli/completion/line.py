"""A command line that is being typed, taken apart as bash and fish do it, and text to go on with it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
BLANKS = " \t\n"
ACTIVE = re.compile(r"""[ !"#$&'()*;<>?\[\\\]^`{|}~]""")  # what stands for something else in bash
IN_QUOTES = re.compile(r'["\\$`]')  # the same between double quotation marks


@dataclass
class Word:
    """A word: as it is typed, and what the shell makes of it.

    `quote`: one that is still open. `start`: where the part begins that readline replaces, behind the last
    opening quote or word break. `known`: False where only the shell knows what it puts in.
    """

    raw: str = ""
    text: str = ""
    quote: str = ""
    start: int = 0
    before: int = 0  # characters of `text` in front of that part
    closed: bool = False  # whether that part begins with a quotation that is over
    known: bool = True

    def begin(self) -> None:
        """What follows is the part that readline replaces."""
        self.start, self.before, self.closed = len(self.raw), len(self.text), False

    def completed(self, text: str) -> str:
        """What bash is to put in place of the part that readline replaces, to make the word this text.

        What is typed is left as it is. But readline takes away the first mark of a quotation that is over.
        """
        if self.closed:
            return _quoted(text[self.before :], "")
        return self._typed() + _quoted(text[len(self.text) :], self.quote)

    def _typed(self) -> str:
        """What is to be replaced, without a backslash at its end that waits for a character."""
        typed = self.raw[self.start :]
        slashes = len(typed) - len(typed.rstrip("\\"))
        return typed[:-1] if slashes % 2 and self.quote != "'" else typed


def _quoted(text: str, quote: str) -> str:
    """Text as bash has to read it, within a quotation or outside."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return IN_QUOTES.sub(lambda found: "\\" + found[0], text).replace("!", '"\\!"')  # no event of history
    return ACTIVE.sub(lambda found: "\\" + found[0], text)


def split(line: str, breaks: str = "", fish: bool = False) -> list[Word]:
    """The words of a line; the last one, which may be empty, is being typed.

    Variables of the environment are put in, and nothing is ever run. `breaks`: bash's COMP_WORDBREAKS, where
    readline begins a word although the shell does not (`:`, `=`). `fish`: in single quotes, too, a backslash
    counts.
    """
    words = [Word()]
    at = 0
    while at < len(line):
        word = words[-1]
        if not word.quote and line[at] in BLANKS:
            if word.raw:
                words.append(Word())
            at += 1
            continue
        quoted = word.quote
        step = _take(word, line, at, fish)
        word.raw += line[at : at + step]
        if not quoted and (word.quote or (step == 1 and line[at] in breaks and line[at] not in "'\"")):
            word.begin()
        word.closed = word.closed or bool(quoted and not word.quote)
        at += step
    return words


def _take(word: Word, line: str, at: int, fish: bool) -> int:
    """Add what stands at a place of the line to a word; the number of characters that are done with."""
    char, following = line[at], line[at + 1 : at + 2]
    if char == word.quote or (not word.quote and char in "'\""):
        word.quote = "" if word.quote else char
    elif char == "\\" and (word.quote != "'" or (fish and following in ("'", "\\"))):
        if word.quote == '"' and following not in '"\\$`\n':
            word.text += char
        word.text += following
        return 1 + len(following)
    elif char in "$`" and word.quote != "'":
        return _variable(word, line, at)
    else:
        word.text += char
    return 1


def _variable(word: Word, line: str, at: int) -> int:
    found = VARIABLE.match(line, at)
    value = os.environ.get(found[1] or found[2]) if found else None
    if found is None or value is None:
        word.known = False
        return 1
    word.text += value
    return found.end() - at


def command_of(words: list[Word]) -> list[Word]:
    """The words from the name of the command on: what is set for it alone stands before that."""
    for at, word in enumerate(words[:-1]):
        if os.path.basename(word.text) == "h5s3":
            return words[at:]
    while len(words) > 2 and ASSIGNMENT.match(words[0].raw):
        words = words[1:]
    return words
