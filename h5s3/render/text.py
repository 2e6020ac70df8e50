"""The one place where untrusted text is made safe, and where sizes and times become words."""

from __future__ import annotations

import json
import re

from rich.filesize import decimal

LONGEST = 400  # characters of one piece of text on a screen


def safe(text: str, most: int = LONGEST) -> str:
    """Printable characters only: controls, bidi and zero-width characters, surrogates become escapes.

    `str.isprintable` follows Unicode: it is false for the categories Other and Separator but for the space,
    which takes in ESC, C0, C1, newlines, bidi overrides, zero-width characters and private use.
    """
    cut = text if len(text) <= most else text[: most - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else _escape(char) for char in cut)


def safe_json(data: bytes) -> bytes:
    """The same JSON with what is not printable, which only its strings can hold, escaped."""
    text = data.decode()
    if text.isprintable():
        return data
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text).encode()


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


def size(count: int | None) -> str:
    """Bytes in words, in powers of 1000: `6.3 MB`."""
    return "?" if count is None else decimal(count).replace("bytes", "B").replace(" byte", " B")


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 child`, `2,200 children`."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def shape(dims: list[int] | None) -> str:
    """A shape as its users write it: `60 × 256 × 256`, `scalar`, `null`."""
    if dims is None:
        return "null"
    return " × ".join(map(str, dims)) if dims else "scalar"
