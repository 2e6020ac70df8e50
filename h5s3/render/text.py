"""The one place where untrusted text is made safe, and where sizes and times become words."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

LONGEST = 400  # characters of one piece of text on a screen
MOST_MARKS = 4  # accents and the like on one letter, which is more than any script in use stacks
# What Unicode calls ignorable though by category it is a letter or a mark: fillers, joiners, variants.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
MARKED = re.compile(r"[^\x00-\u02ff]")  # where marks and unseen characters are


def safe(text: str, most: int = LONGEST) -> str:
    """Printable characters only: controls, bidi and zero-width characters, surrogates become escapes.

    `str.isprintable` follows Unicode: it is false for the categories Other and Separator but for the space,
    which takes in ESC, C0, C1, newlines, bidi overrides, zero-width characters and private use. Beside these
    go characters that are called printable and are not seen, and marks that have nothing to stand on or
    stand in a pile, which would run into what is around them.
    """
    cut = text if len(text) <= most else text[: most - 1] + "…"
    if cut.isprintable() and (cut.isascii() or not MARKED.search(cut)):
        return cut
    return "".join(_shown(cut))


def _shown(text: str) -> Iterator[str]:
    pile = MOST_MARKS  # so that a mark at the beginning has no room
    for char in text:
        mark = not char.isascii() and unicodedata.category(char)[0] == "M"
        if not char.isprintable() or UNSEEN.match(char) or (mark and pile >= MOST_MARKS):
            pile = MOST_MARKS
            yield _escape(char)
        else:
            pile = pile + 1 if mark else 0
            yield char


def printable_json(data: bytes) -> bool:
    """Whether JSON, which has escapes for the other controls, is all ASCII and printable: the usual case."""
    return data.isascii() and b"\x7f" not in data


def safe_json(data: bytes) -> bytes:
    """The same JSON with what is not printable, which only its strings can hold, escaped."""
    text = data.decode()
    if not text.isprintable():
        text = "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
    return text.encode() if text.isascii() else UNSEEN.sub(_escaped, text).encode()


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def _escape(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if short:
        return short
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


SECRETS = re.compile(
    r"(?i)((?:x-amz-(?:signature|credential|security-token)|awsaccesskeyid|signature|sig|token)=)[^&\s'\"]+"
    r"|((?:authorization|x-amz-security-token|aws_secret_access_key|aws_session_token)['\"]?\s*[:=]\s*).+"
    r"|(://)[^/@\s]+@"
)


def redacted(text: str) -> str:
    """Text without signatures, keys and tokens."""
    return SECRETS.sub(lambda match: next(group for group in match.groups() if group) + "…", text)


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 child`, `2,200 children`."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def shape(dims: list[int] | None, times: str = " × ") -> str:
    """A shape as its users write it: `60 × 256 × 256`, `scalar`, `null`."""
    if dims is None:
        return "null"
    return times.join(map(str, dims)) if dims else "scalar"


_TO_ASCII = str.maketrans(
    {"─": "-", "│": "|", "└": "+", "┤": "|", "┬": "+"}  # what the frame consists of
    | {"×": "x", "·": ".", "…": "~", "–": "-", "—": "-", "−": "-", "µ": "u", "μ": "u", "°": "deg", "Ω": "Ohm"}
    | {"≤": "<=", "≥": ">=", "²": "2", "³": "3", "ß": "ss", "’": "'", "“": '"', "”": '"'}
)


def to_ascii(text: str) -> str:
    """The text with nothing but ASCII: letters without accents, `?` for what has no likeness."""
    if text.isascii():
        return text
    bare = unicodedata.normalize("NFKD", text.translate(_TO_ASCII))
    bare = "".join(char for char in bare if not unicodedata.combining(char)).translate(_TO_ASCII)
    return bare.encode("ascii", "replace").decode()


def titled(name: str, units: str) -> str:
    """A name with its units, once: some names end in them."""
    if not name or not units:
        return name or (f"[{units}]" if units else "")
    named = name.casefold().endswith((f"[{units}]".casefold(), f"({units})".casefold()))
    return name if named else f"{name} [{units}]"
