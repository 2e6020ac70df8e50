"""Text that nobody should meet: how it is made, how a terminal would take it, and what may be shown of it.

`visible` is the oracle. It knows nothing of how the tool makes text safe: it goes by Unicode's categories and
by the list of default ignorable code points, and allows letters, marks, numbers, punctuation and symbols.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.support import EXAMPLES, cli
from tests.support.cli import Result

FRAGMENTS = [
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b[1A\x1b[2K",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;Y2F0\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gi=1;AAAA\x1b\\",
    "\x9b31m",
    "\x9d8;;x\x9c",
    "\x90q\x9c",
    "\r\n└── fake/  2 children",
    "\nh5s3: all is well",
    "\n",
    "\r",
    "\t",
    "\x0b\x0c\x85\u2028\u2029",
    "\b\b\b\x7f",
    "\x00x",
    "\u202egnp.exe\u202c",
    "\u2066in\u2069\u2067\u2068\u200e\u200f\u061c",
    "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg",
    "\U000e0041\U000e0042\U000e007f",
    "❤\ufe0f1\ufe0f\u20e3葛\U000e0100",
    "\u3164\u115f\u1160\uffa0\u034f\u17b4\u180b\u180e\u2800",
    "\u00a0\u2003\u3000",
    "\ue000\U000f0000\uffff\U0010ffff\u0378",
    "Z" + "\u0335\u0301\u0489\u0332" * 9,
    "\u0338\u20dd",
    "[red]x[/red]",
    "[link=http://evil.example]y[/link]",
    "[/foo]",
    "[@click=app.quit]z[/]",
    "\\[bold]",
    ":smile: :warning:",
    "$\\frac{",
    "$x^2$ %s {0} {{}}",
    "&lt;b&gt;<script>alert(1)</script>",
    "=HYPERLINK(\"http://evil\")",
    "日本語 한국어 ｗｉｄｅ ① ±°µ",
    "हिन्दी العربية עִבְרִית ไทย",
    "-rf --json",
    "'\"`$(id)`;|",
    "plain",
    "a" * 300,
]  # fmt: skip
INVALID = [b"\xff\xfe", b"\x80\x9b31m\x9f", b"\xed\xa0\x80\xed\xb0\x80", b"\xc3(", b"\xe2\x82", b"gr\xfcn"]
MOST_MARKS = 4  # accents on one letter
SGR = re.compile(r"\x1b\[[0-9;]*m")
# Default_Ignorable_Code_Point of Unicode, what of it is not of category Cf; and the blank of Braille.
IGNORED = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0x2800} | {
    *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000), *range(0xFFF0, 0xFFF9)
}  # fmt: skip


def some(count: int) -> Callable[[Any], Any]:
    """The examples written at the test, and this many more, times what the environment asks for, if it does.

    Fixtures that examples share are meant to be.
    """
    shared = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    generated = (Phase.reuse, Phase.generate) if EXAMPLES else ()
    return settings(
        max_examples=max(1, count * EXAMPLES),
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        phases=(Phase.explicit, *generated),  # to shrink would take minutes
        suppress_health_check=shared,
    )


def spread(places: int, shift: int = 0) -> list[bytes]:
    """All fragments, also those that are not UTF-8, dealt out to this many names, `shift` places on."""
    made = [piece.encode() for piece in FRAGMENTS] + INVALID
    dealt = (b"".join(made[(place - shift) % places :: places]) for place in range(places))
    return [name.replace(b"\0", b"").replace(b"/", b"|") for name in dealt]


def spread_texts(places: int, shift: int = 0) -> list[str]:
    """The same as text that can be encoded."""
    return [name.decode("utf-8", "ignore") for name in spread(places, shift)]


def texts(most: int = 4, *, nul: bool = False) -> st.SearchStrategy[str]:
    """Hostile fragments and any characters at all, no lone surrogates."""
    anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
    joined = st.lists(st.sampled_from(FRAGMENTS) | anything, min_size=1, max_size=most).map("".join)
    return joined if nul else joined.map(lambda text: text.replace("\0", "") or "x")


def raw_texts(most: int = 4) -> st.SearchStrategy[bytes]:
    """The same as bytes, and bytes that are not UTF-8; no NUL."""
    pieces = st.sampled_from(INVALID) | st.binary(max_size=8) | texts(2).map(str.encode)
    mixed = st.lists(pieces, min_size=1, max_size=most).map(b"".join)
    return (texts(most).map(str.encode) | mixed).map(lambda raw: raw.replace(b"\0", b"") or b"x")


def names() -> st.SearchStrategy[bytes]:
    """Raw texts that can be the name of a link: no slash, not a dot."""
    made = raw_texts().map(lambda raw: raw.replace(b"/", b"|"))
    return made.map(lambda raw: b"dot" if raw == b"." else raw)


def decoded(raw: bytes) -> str:
    """The name that records have for bytes."""
    return raw.decode("utf-8", "backslashreplace")


def unseen(text: str, *, colour: bool = False, piles: bool = False) -> list[str]:
    """What in an output is not to be there: characters that command a terminal, or that nobody sees.

    `piles`: piles of marks may be there, as in JSON, which is exact.
    """
    if colour:
        text = SGR.sub("", text)
    found = [f"U+{ord(char):04X}" for char in text if not _allowed(char)]
    marks = "".join("M" if unicodedata.category(char).startswith("M") else " " for char in text).split()
    return found + ["a pile of marks"] * (not piles and max(map(len, marks), default=0) > MOST_MARKS)


def _allowed(char: str) -> bool:
    if char in "\n ":
        return True
    return unicodedata.category(char)[0] in "LMNPS" and ord(char) not in IGNORED


def visible(result: Result, *, colour: bool = False) -> bool:
    """Whether an output, both streams, is text and nothing else."""
    wrong = unseen(result.out, colour=colour) + unseen(result.err, colour=colour)
    assert not wrong, (wrong[:5], result)
    return True


class Screen(io.TextIOWrapper):
    """A stream that passes for a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def on_screen(*args: object, columns: int = 80, **more: Any) -> Result:
    """A command in this process with both streams on a terminal of so many columns."""
    looks = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(columns), "LINES": "40"}
    with mock.patch.object(cli, "STREAM", Screen):
        return cli.run(*args, **{**looks, **more})


MOVES = re.compile(r"\x1b\[(\?25[lh]|1A|2K)|\r")


def without_moves(result: Result) -> Result:
    """An output without what a progress bar that vanishes tells the cursor."""
    return Result(result.code, MOVES.sub("", result.out), MOVES.sub("", result.err))
