"""Secrets of the tests' own, and the search for them in all that the tool says and stores.

The credentials of the test servers are made here, as nobody else's are. `tests.support.cli` has every output
searched for them, and the fixture that every test has its caches: the test that finds one fails.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from urllib.parse import quote

import numpy as np

KNOWN: set[str] = set()
SHORTEST = 12  # characters of a text that nothing holds by chance
# What signs a request, with a value: the names alone may be said.
SIGNED = re.compile(
    rb"(?i)(x-amz-(signature|credential|security-token)|awsaccesskeyid)=[\w%+/.-]{6}"
    rb"|aws4-hmac-sha256 credential|authorization['\"]?: ?['\"]?(aws|basic|bearer) "
)
SIGNS = (
    b"x-amz-",
    b"awsaccesskeyid",
    b"aws4-hmac-sha256",
    b"authorization",
)  # one is in each match of SIGNED
RUN = re.compile(rb"[\w+/=%.~-]{12,}")  # what most forms of a secret are, and little else in a file
OF_RUNS = np.array([bool(RUN.match(bytes([value]) * SHORTEST)) for value in range(256)])
DRAWN = re.compile(rb"\x1b\[[0-9;]*m|[\s|\\\xe2\x94\x82]")  # what a wrapped line has more than the text in it


def made(name: str, end: str = "/+=") -> str:
    """A secret of this run, with characters that a URL encodes, known to every search from now on."""
    secret = f"{name}{secrets.token_hex(12)}{end}"
    KNOWN.add(secret)
    return secret


def known(secret: str) -> str:
    """Have a secret that somebody else made searched for."""
    if len(secret) >= SHORTEST:
        KNOWN.add(secret)
    return secret


@cache
def forms(secret: str) -> frozenset[bytes]:
    """A secret as it may turn up: as it is, percent-encoded, and in base64 at each of three places."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote(secret).encode(), raw.hex().encode()}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        found.add(coded[4 if shift else 0 : len(coded) // 4 * 4 - 4])  # without what depends on neighbours
    return frozenset(found)


def leaks(data: bytes, hidden: Iterable[str] | None = None, *, lines: bool = True) -> list[str]:
    """The secrets in some bytes (of text across the ends of `lines`, too), and what signs a request."""
    texts = [data, DRAWN.sub(b"", data)] if lines else [data]
    runs = b"\n".join(run for text in texts for run in _runs(text))
    wanted = KNOWN if hidden is None else hidden
    found = [
        one
        for one in wanted
        if any(form in runs for form in forms(one))
        or any(form in text for form in odd_forms(one) for text in texts)
    ]
    small = data.lower()
    if not any(sign in small for sign in SIGNS):  # most often, and found out in a tenth of the time
        return found
    return found + [match[0].decode(errors="replace") for match in SIGNED.finditer(data)]


def _runs(data: bytes) -> list[bytes]:
    """What RUN finds, in a fifth of the time where most of it is no text."""
    belongs = np.concatenate([[False], OF_RUNS[np.frombuffer(data, "u1")], [False]])
    edges = np.flatnonzero(belongs[1:] != belongs[:-1])
    starts, ends = edges[::2], edges[1::2]
    enough = ends - starts >= SHORTEST
    return [data[start:end] for start, end in zip(starts[enough], ends[enough], strict=True)]


@cache
def odd_forms(secret: str) -> frozenset[bytes]:
    """The forms of a secret that are not one run."""
    return frozenset(form for form in forms(secret) if not RUN.fullmatch(form))


def kept(*texts: str) -> None:
    """Fail where an output holds a secret."""
    for text in texts:
        found = leaks(text.encode("utf-8", "surrogatepass"))
        assert not found, f"secrets in an output: {found}\n{text}"


def searched(folder: Path, hidden: Iterable[str] | None = None) -> dict[str, list[str]]:
    """Files below a folder with a secret in them, or in their names."""
    found = {}
    for path in folder.rglob("*"):
        data = os.fsencode(path.name)
        if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
            data += b"\n" + path.read_bytes()
        if leaked := leaks(data, hidden, lines=False):
            found[str(path)] = leaked
    return found
